"""One picture's life: ask, fetch, look, obtain, derive, publish."""

import time
import traceback
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from packshot.decisions.delta import PlanState
from packshot.decisions.patience import next_night
from packshot.facts.errors import (
    ChangedTooMuch,
    PackshotError,
    SkipImage,
    StopRun,
    TryTomorrow,
)
from packshot.facts.item import public
from packshot.facts.outcome import TRANSPARENT_ALREADY, WHITE_ALREADY, Ending, Outcome
from packshot.facts.paid_options import content_hash
from packshot.facts.purchase import PurchaseClass, Receipt
from packshot.facts.variant import recipe
from packshot.providers.face import Source
from packshot.run.buying import obtain
from packshot.run.calls import Spent, Wanted
from packshot.run.finished_pictures import doubt_about, publish_pictures
from packshot.run.planning import utc_now
from packshot.run.shelf import Obtained, find_purchase, how_found, open_purchase
from packshot.run.work import (
    WorkItem,
    equal_bytes_settle,
    names_of_purchases,
    refusing_settings,
    remember_purchase,
    url_hash,
)
from packshot.run.workshop import Workshop
from packshot.world.fetch import Fetched
from packshot.world.needless import needless
from packshot.world.pictures import inspect, prepare, preview

EARLIER = timedelta(hours=12)
"""A night that starts a little earlier than the last one still counts as the next."""
NOT_ITS_TURN = frozenset(
    {"deadline", "fetch_queue", "host_silent", "claimed_elsewhere", "sent_elsewhere"}
)
"""Codes of a wait that ended before anything was tried; a later run takes it up."""
REFUSED_BY_SETTINGS = frozenset(
    {
        "unsafe_address",
        "scheme_not_allowed",
        "option_not_supported",
        "too_many_pixels",
        "too_many_bytes",
        "variant_too_large",
    }
)
"""Codes of rejections that other settings may not come to."""
NEEDLESS = {
    TRANSPARENT_ALREADY: "the picture is already transparent around the product",
    WHITE_ALREADY: "the ground is white already; without `skip_white` it is cut out",
}
CHANGED_BEFORE_ASKING = 20
"""So many pictures may have changed before their share is looked at."""


class Life:
    """One item on its way through a run."""

    def __init__(self, shop: Workshop, item: WorkItem) -> None:
        self._shop = shop
        self._item = item
        self._known = item.known
        self._spent = Spent(time.monotonic() + shop.job.options.limits.item_seconds)
        self._paid_before = 0.0
        self._recipe = recipe(shop.job.options.variants, shop.job.options.outputs)

    def run(self) -> Ending:
        """Live it; whatever happens, exactly one ending comes back."""
        started = time.monotonic()
        try:
            ending = self._live()
        except StopRun as reason:
            self._shop.stop.set(reason)
            ending = self._ended(Outcome.DEFERRED, reason.code, str(reason), learned=False)
        except SkipImage as error:
            self._start_patience_anew()
            ending = self._remembered("rejected", Outcome.REJECTED, error)
        except PackshotError as error:
            if error.code in NOT_ITS_TURN:
                ending = self._ended(Outcome.DEFERRED, error.code, str(error), learned=False)
            else:
                ending = self._failed(error)
        except Exception as error:  # noqa: BLE001  one poison picture must not take the others with it
            ending = self._failed(_our_fault(error))
        ending.seconds.total = time.monotonic() - started
        ending.ended_at = utc_now()
        return ending

    def _live(self) -> Ending:
        item = self._item
        if item.state is PlanState.REFRESH:
            return self._refresh()
        if (there := self._bought_already()) is not None:
            with ExitStack() as stack:
                return self._finish(
                    open_purchase(self._shop, there, how_found(self._shop, there), stack)
                )
        fetched = self._ask()
        if fetched.content is None:
            return self._same_bytes()
        digest = content_hash(fetched.content)
        if digest == self._known.content_hash and self._bytes_settle():
            return self._same_bytes()
        self._mind_changes(digest)
        return self._cut_out(fetched.content, digest)

    def _bought_already(self) -> Receipt | None:
        """With the bytes known and the URL as it was, a purchase may lie there already."""
        if self._item.state is not PlanState.CHANGED_OPTIONS or self._known.content_hash is None:
            return None
        if self._known.url_hash != url_hash(self._item.url):
            return None
        return find_purchase(self._shop, self._names_of_purchases(self._known.content_hash))

    def _names_of_purchases(self, digest: str) -> tuple[str, ...]:
        """The fingerprint wanted, then those of larger purchases.

        The one that is remembered stays that of what was bought.
        """
        known, options = self._known, self._item.options
        size = (known.source_width or 0, known.source_height or 0)
        sizes = self._shop.masters.sizes() if options.shrunk_to else ()
        return names_of_purchases(digest, self._item, size, sizes)

    def _ask(self) -> Fetched:
        """Fetch the source; conditionally where an unchanged one needs nothing more.

        A time says nothing about another URL: behind another query may lie an older picture.
        """
        known, item = self._known, self._item
        conditional = self._bytes_settle() and known.url == public(item.url)
        same_url = known.url_hash == url_hash(item.url)
        started = time.monotonic()
        try:
            fetched = self._shop.fetcher.fetch(
                item.url,
                etag=known.etag if conditional else None,
                last_modified=known.last_modified if conditional and same_url else None,
                deadline_seconds=self._spent.deadline - time.monotonic(),
            )
        except SkipImage:  # what is there now was not seen, so nothing is known to equal it
            known.content_hash = known.etag = known.last_modified = None
            raise
        finally:
            self._spent.seconds.fetch = time.monotonic() - started
        known.url, known.url_hash = public(item.url), url_hash(item.url)
        known.etag = fetched.etag or (known.etag if fetched.content is None else None)
        known.last_modified = fetched.last_modified or (
            known.last_modified if fetched.content is None else None
        )
        known.checked_at = utc_now()
        return fetched

    def _bytes_settle(self) -> bool:
        shop = self._shop
        return equal_bytes_settle(self._item, shop.provider.name, shop.job.options)

    def _same_bytes(self) -> Ending:
        known = self._known
        match known.status:
            case "skipped":
                return self._ended(Outcome.SKIPPED, known.reason_code, known.reason)
            case "rejected":
                return self._ended(Outcome.REJECTED, known.reason_code, known.reason)
            case _ if known.recipe != self._recipe:
                return self._refresh()
            case _:
                return self._ended(
                    Outcome.UNCHANGED, "asked", "the source was re-asked and has not changed"
                )

    def _mind_changes(self, digest: str) -> None:
        """Stop when far more of what is asked again has changed than a night can explain."""
        if not self._item.is_known or self._known.content_hash in {None, digest}:
            return
        changed, asked = self._shop.tally.one_changed(), self._shop.asked_again
        share = self._shop.job.options.max_changed_share
        if changed > max(CHANGED_BEFORE_ASKING, share * asked):
            raise ChangedTooMuch(
                f"{changed} of the {asked} known pictures asked again tonight have other bytes, "
                f"more than the share of {share:.0%} that `max_changed_share` allows; "
                "raise it if the shop really changed them"
            )

    def _cut_out(self, content: bytes, digest: str) -> Ending:
        shop, item, known = self._shop, self._item, self._known
        started = time.monotonic()
        known.content_hash = digest
        facts = inspect(content, shop.job.options.limits.source_megapixels * 1_000_000)
        known.source_format, known.source_bytes = facts.format, len(content)
        known.source_width, known.source_height = facts.width, facts.height
        known.paid_options = item.options.canonical()
        accepts = shop.provider.accepts
        with shop.budget.hold(facts.width * facts.height):
            if code := needless(content, facts, skip_white=shop.job.options.skip_white):
                return self._skipped(code, NEEDLESS[code])
            prepared = prepare(
                content,
                facts,
                formats=accepts.formats,
                max_bytes=accepts.max_bytes,
                max_pixels=accepts.max_pixels,
                size=item.options.sent_size(facts.width, facts.height),
            )
            small = preview(content)
        on_the_web = prepared.content is content and item.url.startswith(("http://", "https://"))
        source = Source(
            prepared.content,
            digest,
            prepared.format,
            prepared.width,
            prepared.height,
            url=item.url if on_the_web else None,
        )
        self._spent.seconds.prepare = time.monotonic() - started
        own, *larger = self._names_of_purchases(digest)
        wanted = Wanted(
            key=item.key,
            fingerprint=own,
            larger=tuple(larger),
            source=source,
            source_size=(facts.width, facts.height),
            source_bytes=len(content),
            options=item.options.of_source(facts.width, facts.height),
            preview=small,
        )
        with ExitStack() as stack:
            return self._finish(obtain(shop, wanted, self._spent, stack))

    def _skipped(self, code: str, reason: str) -> Ending:
        self._known.status = "skipped"
        self._known.reason_code = code
        self._known.reason = reason
        self._known.fingerprint = None
        self._start_patience_anew()
        return self._ended(Outcome.SKIPPED, self._known.reason_code, self._known.reason)

    def _refresh(self) -> Ending:
        """Make the finished pictures again from what was bought."""
        known, shop = self._known, self._shop
        receipts = shop.masters.receipts(known.fingerprint or "")
        mine = [receipt for receipt in receipts if receipt.provider == known.provider]
        if not mine:
            raise SkipImage(
                "the purchase is missing from the state; restore it, then run `packshot retry`, "
                "which buys it again where it is still missing",
                code="master_missing",
            )
        with ExitStack() as stack:
            return self._finish(open_purchase(shop, mine[0], Outcome.REFRESHED, stack))

    def _finish(self, obtained: Obtained) -> Ending:
        """Derive and publish the finished pictures, and remember the purchase."""
        receipt, known = obtained.receipt, self._known
        if receipt.run_id != self._shop.run_id:
            self._paid_before = receipt.charged
        remember_purchase(known, receipt)
        doubt = doubt_about(self._shop.job, self._item, obtained)
        known.review_code = doubt.code if doubt else None
        known.review = doubt.reason if doubt else None
        held = doubt is not None and self._shop.job.options.hold_for_review and known.pictures
        if not held:
            known.pictures = publish_pictures(self._shop, self._item, obtained, self._spent.seconds)
        known.recipe = self._recipe
        self._await_better(receipt)
        said = f"needs review: {doubt.reason}" if doubt else None
        return self._ended(obtained.how, doubt.code if doubt else None, said)

    def _await_better(self, receipt: Receipt) -> None:
        """A purchase that came back smaller than asked is tried again on a later night."""
        known = self._known
        if receipt.purchase_class is PurchaseClass.DEGRADED:
            known.attempts += 1
            wait = next_night(known.attempts) or timedelta(days=3650)
            known.retry_at = utc_now() + wait - EARLIER
        else:
            self._start_patience_anew()

    def _start_patience_anew(self) -> None:
        known = self._known
        known.attempts, known.first_failed_at, known.retry_at = 0, None, None

    def _failed(self, error: PackshotError) -> Ending:
        """Remember a failure; after the last night of patience it is rejected."""
        known = self._known
        known.attempts += 1
        known.first_failed_at = known.first_failed_at or utc_now()
        wait = next_night(known.attempts)
        if wait is None:
            return self._remembered("rejected", Outcome.REJECTED, error)
        known.retry_at = utc_now() + wait - EARLIER
        return self._remembered("failed", Outcome.FAILED, error)

    def _remembered(self, status: str, outcome: Outcome, error: PackshotError) -> Ending:
        """Remember what went wrong; a picture that is published stays current.

        A rejection is one by this provider: another may take the picture.
        """
        known = self._known
        if status == "rejected":
            known.provider = self._shop.provider.name
        refused = status == "rejected" and error.code in REFUSED_BY_SETTINGS
        known.refused_under = refusing_settings(self._shop.job.options) if refused else None
        known.status, known.reason_code, known.reason = status, error.code, str(error)
        known.url, known.url_hash = public(self._item.url), url_hash(self._item.url)
        known.checked_at = utc_now()
        known.paid_options = self._item.options.canonical()
        return self._ended(outcome, error.code, str(error))

    def _ended(
        self, outcome: Outcome, code: str | None, reason: str | None, *, learned: bool = True
    ) -> Ending:
        self._known.gone_at = None
        return Ending(
            outcome=outcome,
            reason_code=code,
            reason=reason,
            known=self._known,
            learned=learned,
            paid_before=self._paid_before,
            seconds=self._spent.seconds,
        )


def _our_fault(error: Exception) -> TryTomorrow:
    """What a defect of ours becomes; its own words may hold secrets and stay out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return TryTomorrow(
        f"an unexpected {type(error).__name__}{where}; please report it", code="unexpected"
    )
