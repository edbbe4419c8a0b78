"""Take cutouts that a shop already owns as purchases, so that no night pays for them again."""

import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow.parquet as pq
from pydantic import BaseModel

from packshot.facts.alpha import in_source_pixels
from packshot.facts.errors import BadManifest, PackshotError, SkipImage, StoreUnavailable
from packshot.facts.export_choice import ExportChoice
from packshot.facts.job import Job
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import PurchaseClass, Receipt
from packshot.providers.answers import Look, look_at
from packshot.providers.removebg_wire import CLEARLY, LARGEST_MEGAPIXELS
from packshot.run.backdrop import read_backdrop
from packshot.run.looking import scratch_folder, stage
from packshot.run.progress import Progress
from packshot.run.work import name_of_purchase
from packshot.run.workshop import Place, make_fetcher
from packshot.world.cutouts import LARGEST_RESULT_PIXELS, alpha_of, measure_alpha, read_cutout
from packshot.world.fetch import Fetcher
from packshot.world.masters import Masters
from packshot.world.pictures import PictureFacts, inspect, preview
from packshot.world.pixel_budget import PixelBudget

ADOPTED = "adopted"
"""In the place of a provider's name."""
ROWS_AT_ONCE = 256
SAME_SHAPE = 0.01
"""Shapes that differ by a smaller share are one: services round to whole pixels."""
MOST_REASONS = 50

Found = Literal["adopted", "owned", "refused"]


class Adoption(BaseModel):
    """What became of the rows."""

    adopted: int
    owned: int
    """Bought or adopted before."""
    refused: int
    reasons: list[str]
    """The first of the refused rows, a sentence each."""


class _Source(NamedTuple):
    """What a cutout was made of."""

    content: bytes
    url: str
    facts: PictureFacts
    options: PaidOptions

    @property
    def fingerprint(self) -> str:
        """Under which its purchase would be found."""
        return name_of_purchase(content_hash(self.content), self.url, self.options)


class _Pair(NamedTuple):
    """One row: a source, and the cutout that belongs to it."""

    source: dict[str, Any]
    cutout: dict[str, Any]


def adopt(job: Job, cutout_column: str, progress: Progress) -> Adoption:
    """Make a purchase of every cutout that fits its source; one that is there already stays.

    Raises `BadManifest` and `StoreUnavailable`.
    """
    counts: Counter[Found] = Counter()
    reasons: list[str] = []
    job, _ = read_backdrop(job)
    place = Place.of(job)
    limits = job.options.limits
    budget = PixelBudget(limits.decoded_megapixels * 1_000_000)
    with scratch_folder() as folder, closing(make_fetcher(job)) as fetcher:
        adopter = _Adopter(job, fetcher, Masters(place.state), budget)
        pairs = _pairs(job, cutout_column, folder, progress)
        progress.begin("adopting cutouts")
        with ThreadPoolExecutor(limits.fetches_at_once) as pool:
            for some in pairs:
                for found, reason in pool.map(adopter.adopt, some):
                    counts[found] += 1
                    reasons += [reason] * (found == "refused" and len(reasons) < MOST_REASONS)
                    progress.add()
    return Adoption(
        adopted=counts["adopted"],
        owned=counts["owned"],
        refused=counts["refused"],
        reasons=reasons,
    )


def _pairs(job: Job, cutout_column: str, folder: Path, progress: Progress) -> Iterator[list[_Pair]]:
    """The manifest read twice, for sources and for cutouts, some rows at a time."""
    plainly = {"export": ExportChoice(format="table")}
    job = job.model_copy(update={"options": job.options.model_copy(update=plainly)})
    columns = job.options.columns.model_copy(update={"image": [cutout_column]})
    options = job.options.model_copy(update={"columns": columns})
    (folder / "cutouts").mkdir()
    sources = stage(job, folder, progress=progress).path
    cutouts = stage(job.model_copy(update={"options": options}), folder / "cutouts").path
    with pq.ParquetFile(sources) as these, pq.ParquetFile(cutouts) as those:
        many, matching = these.metadata.num_rows, those.metadata.num_rows
        if many != matching:
            raise BadManifest(
                f"there are {many:,} sources and {matching:,} cutouts in `{cutout_column}`; "
                "give each source one cutout, in a row of its own"
            )
        _check_alike(these, those)
        for left, right in zip(
            these.iter_batches(ROWS_AT_ONCE), those.iter_batches(ROWS_AT_ONCE), strict=True
        ):
            yield [_Pair(*pair) for pair in zip(left.to_pylist(), right.to_pylist(), strict=True)]


def _check_alike(sources: pq.ParquetFile, cutouts: pq.ParquetFile) -> None:
    """Raise `BadManifest` where a row has more of the one than of the other: all would shift."""
    these, those = (file.read(columns=["file", "row"]) for file in (sources, cutouts))
    if these.equals(those):
        return
    pairs = zip(these.to_pylist(), those.to_pylist(), strict=True)
    row = next(min(one["row"], other["row"]) for one, other in pairs if one != other)
    raise BadManifest(
        f"row {row} has another number of sources than of cutouts; give each source one cutout, "
        "in a row of its own"
    )


@dataclass(slots=True)
class _Adopter:
    """Adopts one row after the other; threads share it."""

    job: Job
    fetcher: Fetcher
    masters: Masters
    budget: PixelBudget

    def adopt(self, pair: _Pair) -> tuple[Found, str]:
        """What became of a row, and why."""
        try:
            for row in pair:
                if row["reject_reason"]:
                    raise SkipImage(row["reject_reason"])
            return self._adopt(pair), ""
        except StoreUnavailable:
            raise
        except PackshotError as error:
            return "refused", f"row {pair.source['row']}: {error}"

    def _adopt(self, pair: _Pair) -> Found:
        content = self._fetched(pair.source["url"])
        facts = inspect(content, self.job.options.limits.source_megapixels * 1_000_000)
        options = self._options(pair.source).of_source(facts.width, facts.height)
        source = _Source(content, pair.source["url"], facts, options)
        owned = self.masters.receipts(source.fingerprint)
        if any(one.purchase_class.satisfies(PurchaseClass.PAID) for one in owned):
            return "owned"
        result = self._fetched(pair.cutout["url"])
        pixels = max(facts.width * facts.height, _pixels(result))
        with self.budget.hold(pixels):
            self.masters.keep(_receipt(source, result, self.job.catalog), preview(content), result)
        return "adopted"

    def _options(self, row: dict[str, Any]) -> PaidOptions:
        said = {name: row[name] for name in ("foreground_type", "resolution")}
        return self.job.options.purchase.overridden(**said).settled(None)

    def _fetched(self, url: str) -> bytes:
        limits = self.job.options.limits
        return self.fetcher.fetch(url, deadline_seconds=limits.item_seconds).content or b""


def _receipt(source: _Source, result: bytes, catalog: str) -> Receipt:
    """What is known of a purchase that somebody else has made. Raises `SkipImage`."""
    facts, look = source.facts, _looked_at(result, source)
    cutout = read_cutout(result, look.format, max_pixels=LARGEST_RESULT_PIXELS)
    alpha = measure_alpha(alpha_of(cutout.picture))
    if alpha.box is None or alpha.share_kept == 1:
        raise SkipImage("the cutout is transparent nowhere or everywhere; give one with alpha")
    size = (facts.width, facts.height)
    return Receipt(
        fingerprint=source.fingerprint,
        provider=ADOPTED,
        purchase_class=PurchaseClass.PAID,
        charged=0.0,
        unit="credits",
        charge_stated=False,
        foreground_type=None,
        box_stated=None,
        box_computed=in_source_pixels(alpha.box, (alpha.width, alpha.height), size),
        content_hash=content_hash(source.content),
        source_width=facts.width,
        source_height=facts.height,
        source_bytes=len(source.content),
        paid_options=source.options.canonical(),
        result_format=look.format,
        result_width=look.width,
        result_height=look.height,
        result_hash=content_hash(result),
        calls=0,
        seconds=0.0,
        bought_at=datetime.now(UTC),
        run_id=ADOPTED,
        catalog=catalog,
    )


def _pixels(result: bytes) -> int:
    """How many pixels a cutout unpacks to; 0 where that cannot be told."""
    try:
        look = look_at(result, at_most=len(result))
    except ValueError:
        return 0
    return look.width * look.height


def _looked_at(result: bytes, source: _Source) -> Look:
    """Format and size of a cutout that lies over its source. Raises `SkipImage`."""
    facts = source.facts
    try:
        look = look_at(result, at_most=len(result))
    except ValueError:
        raise SkipImage(
            "the cutout is no picture that can be kept; give a PNG or WebP with transparency"
        ) from None
    shape, own = look.width / look.height, facts.width / facts.height
    if abs(shape / own - 1) > SAME_SHAPE:
        raise SkipImage(
            f"the cutout is {look.width} by {look.height} pixels and its source {facts.width} by "
            f"{facts.height}; give one of the same shape, not cropped"
        )
    whole = math.prod(source.options.sent_size(facts.width, facts.height)) / 1e6
    if look.megapixels < CLEARLY * min(whole, LARGEST_MEGAPIXELS[source.options.resolution]):
        raise SkipImage(
            f"the cutout has only {look.width} by {look.height} pixels, less than would be bought; "
            "give the large one, or say with `--resolution` or `--purchase-megapixels` that this "
            "size is enough"
        )
    return look
