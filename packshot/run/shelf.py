"""What was bought lies on a shelf: found there, opened, and put there, whatever happens to it."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn

from packshot.facts.alpha import AlphaFacts
from packshot.facts.errors import StoreUnavailable, TryAgain, TryTomorrow
from packshot.facts.outcome import Outcome
from packshot.facts.purchase import Receipt
from packshot.providers.face import Result
from packshot.run.workshop import Workshop
from packshot.world.cutouts import (
    LARGEST_RESULT_PIXELS,
    Cutout,
    alpha_of,
    measure_alpha,
    read_cutout,
)


@dataclass(frozen=True, slots=True)
class Obtained:
    """A purchase, opened: its receipt and the decoded cutout."""

    receipt: Receipt
    cutout: Cutout
    alpha: AlphaFacts
    how: Outcome
    further: Mapping[str, bytes] = field(default_factory=dict)
    """What was bought with it, by name."""


def find_purchase(shop: Workshop, fingerprints: Iterable[str]) -> Receipt | None:
    """A purchase that will do and is there already, whoever made it; the first of these names.

    What this run has bought will do even where it came back smaller than asked: asked again in
    the same night, the provider would sell the same once more.
    """
    found = (_find(shop, fingerprint) for fingerprint in fingerprints)
    return next((receipt for receipt in found if receipt is not None), None)


def _find(shop: Workshop, fingerprint: str) -> Receipt | None:
    receipts = shop.masters.receipts(fingerprint)
    if fingerprint in shop.outdone:
        return next((one for one in receipts if one.provider == shop.provider.name), None)
    tonight = next((receipt for receipt in receipts if receipt.run_id == shop.run_id), None)
    return tonight or shop.demanded.met_by(receipts)


def how_found(shop: Workshop, receipt: Receipt) -> Outcome:
    """Found on the shelf: known to a ledger, or left by a run that died."""
    unknown = receipt.fingerprint in shop.head.unknown_purchases
    return Outcome.RECOVERED if unknown else Outcome.REUSED


def open_purchase(shop: Workshop, receipt: Receipt, how: Outcome, stack: ExitStack) -> Obtained:
    """Read a purchase back. Raises `TryTomorrow` when its master is broken."""
    stack.enter_context(shop.budget.hold(receipt.result_width * receipt.result_height))
    master = shop.masters.open(receipt.fingerprint, receipt.provider)
    try:
        cutout = read_cutout(master.result, receipt.result_format, max_pixels=LARGEST_RESULT_PIXELS)
    except TryAgain as error:
        raise TryTomorrow(
            f"the master of {receipt.fingerprint[:8]}… is damaged; restore or remove it",
            code="master_unreadable",
        ) from error
    alpha = measure_alpha(alpha_of(cutout.picture))
    return Obtained(master.receipt, cutout, alpha, how, master.further)


def with_sound_pictures(shop: Workshop, result: Result) -> Result:
    """The result without what was made beside it and cannot be read, which is said."""
    sound, broken = {}, list[str]()
    for name, picture in result.further.items():
        try:
            with shop.budget.hold(picture.width * picture.height):
                read_cutout(picture.content, picture.format, max_pixels=LARGEST_RESULT_PIXELS)
        except TryAgain:
            broken.append(f"`{name}`")
        else:
            sound[name] = picture
    if not broken:
        return result
    said = f"{', '.join(broken)} came with the cutout and cannot be read."
    return replace(result, further=sound, doubt=" ".join(filter(None, (result.doubt, said))))


def note_answer(shop: Workshop, receipt: Receipt, packed: bytes) -> None:
    """Keep a copy on this machine until the answer lies in the store: it outlives a kill."""
    if shop.spool is not None:
        with suppress(StoreUnavailable):  # a net, not a condition
            shop.spool.note_answer(receipt, packed)


def forget_answer(shop: Workshop, fingerprint: str) -> None:
    """The answer is stored, or was none; the copy is not needed any more."""
    if shop.spool is not None:
        shop.spool.forget_answer(fingerprint, shop.provider.name)


def keep_purchase(shop: Workshop, receipt: Receipt, packed: bytes) -> Receipt | None:
    """Store a master, or put it aside and stop; answers what lies there already and is worth more.

    Raises `StoreUnavailable`.
    """
    try:
        better = shop.masters.better_than(receipt)
        if better is None:
            shop.masters.keep_packed(receipt, packed)
    except Exception as error:  # noqa: BLE001  whatever a file system throws, it was paid for
        _spool(shop, receipt, packed, error)
    forget_answer(shop, receipt.fingerprint)
    return better


def _spool(shop: Workshop, receipt: Receipt, packed: bytes, trouble: Exception) -> NoReturn:
    """Stop buying, then put aside what was paid for."""
    known = isinstance(trouble, StoreUnavailable)
    said = str(trouble) if known else f"the state: {type(trouble).__name__}"
    if shop.spool is not None:
        said = f"{said}; what was paid for waits in {shop.spool.folder}"
    error = StoreUnavailable(said)
    shop.stop.set(error)  # first: meanwhile other calls would leave for answers as homeless
    if shop.spool is not None:
        shop.spool.keep(receipt, packed)
    raise error from trouble
