"""One item of a run's work, and what the ledger remembers of its purchase."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b, md5
from typing import Any

from packshot.decisions.delta import PlanState
from packshot.facts.alpha import in_source_pixels
from packshot.facts.job import Options
from packshot.facts.outcome import KNOWLEDGE_FIELDS, WHITE_ALREADY, Knowledge, Published
from packshot.facts.paid_options import PaidOptions, content_hash, fingerprint
from packshot.facts.purchase import Box, Receipt


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One row of the work file."""

    number: int
    state: PlanState
    sku: str
    key: str
    url: str
    options: PaidOptions
    is_known: bool
    known: Knowledge

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "WorkItem":
        """Read back what planning wrote."""
        remembered = {
            name: row[f"known_{name}"] for name in KNOWLEDGE_FIELDS if f"known_{name}" in row
        }
        remembered["pictures"] = [Published(**p) for p in remembered.get("pictures") or []]
        remembered["attempts"] = remembered.get("attempts") or 0
        for name in ("box_stated", "box_computed"):
            if remembered.get(name) is not None:
                remembered[name] = Box(*remembered[name])
        own = {name: row[name] for name in ("key", "sku", "position")}
        known = Knowledge(**remembered | own)
        return cls(
            number=row["number"],
            state=PlanState(row["state"]),
            sku=row["sku"],
            key=row["key"],
            url=row["url"],
            options=PaidOptions.from_canonical(row["paid_options"]),
            is_known=row["is_known"],
            known=known,
        )


def names_of_purchases(
    digest: str, item: WorkItem, size: tuple[int, int], sizes: Collection[int]
) -> tuple[str, ...]:
    """Fingerprints under which a source may have been bought as asked or larger, its own first.

    `size` is the source's width and height, `sizes` what sources were ever shrunk to.
    """
    will_do = item.options.that_do(*size, sizes)
    return tuple(name_of_purchase(digest, item.url, one) for one in will_do)


def name_of_purchase(digest: str, url: str, options: PaidOptions) -> str:
    """The fingerprint of a source with this content at this URL.

    What the provider fetches by itself nobody here has seen, so its name holds the URL, too.
    """
    if options.removebg.source_by_url:
        digest = content_hash(f"{digest}\n{url}".encode())
    return fingerprint(digest, options.canonical())


def equal_bytes_settle(item: WorkItem, provider: str, options: Options) -> bool:
    """Whether a picture that still has the known bytes needs nothing more.

    Of the rejected ones only those whose bytes were refused, as they would be again.
    """
    known = item.known
    if item.state is not PlanState.CHECK or known.content_hash is None:
        return False
    if known.reason_code == WHITE_ALREADY and not options.skip_white:
        return False
    return known.status != "rejected" or (
        known.attempts == 0
        and known.paid_options in {None, item.options.canonical()}
        and known.provider in {None, provider}
        and known.refused_under in {None, refusing_settings(options)}
    )


def refusing_settings(options: Options) -> str:
    """Names the settings under which Packshot itself refuses a picture."""
    asked = options.model_dump(
        mode="json", include={"allow_local", "allow_hosts", "wire_format", "variants"}
    )
    limits = options.limits.model_dump(include={"source_megabytes", "source_megapixels"})
    return blake2b(json.dumps([asked, limits]).encode(), digest_size=8).hexdigest()


def remember_purchase(known: Knowledge, receipt: Receipt) -> None:
    """Copy into the ledger row what the report and the next night need."""
    known.status, known.reason_code, known.reason = "cut", None, None
    known.fingerprint = receipt.fingerprint
    known.content_hash = receipt.content_hash
    known.paid_options = receipt.paid_options
    known.provider = receipt.provider
    known.purchase_class = receipt.purchase_class.value
    known.foreground_type = receipt.foreground_type
    scaled = stated_box_in_source(receipt) if was_shrunk(receipt) else None
    known.box_stated = scaled or receipt.box_stated
    known.box_computed = receipt.box_computed
    known.result_width, known.result_height = receipt.result_width, receipt.result_height
    known.source_width, known.source_height = receipt.source_width, receipt.source_height
    known.source_bytes = known.source_bytes or receipt.source_bytes
    known.bought_at = receipt.bought_at.replace(tzinfo=None)
    known.charged_once, known.unit = receipt.charged, receipt.unit


def url_hash(url: str) -> str:
    """Names a URL without showing it; equal to DuckDB's `md5`, which compares a million."""
    return md5(url.encode(), usedforsecurity=False).hexdigest()


def was_shrunk(receipt: Receipt) -> bool:
    """Whether the provider saw fewer pixels than the source has."""
    return sent_size(receipt) != (receipt.source_width, receipt.source_height)


def sent_size(receipt: Receipt) -> tuple[int, int]:
    """Width and height of what was sent; older receipts do not say, and sent sources whole."""
    return (
        receipt.sent_width or receipt.source_width,
        receipt.sent_height or receipt.source_height,
    )


def stated_box_in_source(receipt: Receipt) -> Box | None:
    """The provider's box in pixels of the source, so that it can be held against ours.

    It is given in pixels of the result; one that does not fit there is in those of what was
    sent (remove.bg, above 25 megapixels). None where the provider cropped: what the box is given
    in is not known then, nor where the result lies in the source.
    """
    box = receipt.box_stated
    if box is None or PaidOptions.from_canonical(receipt.paid_options).crop:
        return None
    given_in = (receipt.result_width, receipt.result_height)
    if box.left + box.width > given_in[0] or box.top + box.height > given_in[1]:
        given_in = sent_size(receipt)
    return in_source_pixels(box, given_in, (receipt.source_width, receipt.source_height))
