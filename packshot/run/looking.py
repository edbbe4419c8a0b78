"""Look without touching: stage a manifest, compare it with the ledger, price the difference."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from packshot.decisions.addresses import AllowedHost, Reach
from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import Funds, Quote, Verdict, decide
from packshot.facts.errors import BadManifest, NeedsAnswer
from packshot.facts.item import public
from packshot.facts.job import Job, Options
from packshot.facts.money import Tariff, cap_of
from packshot.facts.purchase import Account, PurchaseClass
from packshot.providers.face import Provider
from packshot.run.backdrop import read_backdrop
from packshot.run.exact_plan import exact_demand
from packshot.run.plan import (
    LargerPurchase,
    Plan,
    about_outputs,
    about_shrinking,
    about_white,
    counts,
    demand,
    larger_purchase,
    unknowns,
)
from packshot.run.planning import Asked, PlanFiles, make_plan, utc_now
from packshot.run.progress import Progress
from packshot.run.workshop import (
    NOWHERE,
    Here,
    Place,
    allowed_schemes,
    asked_class,
    balance_of,
    make_provider,
)
from packshot.world.ledger import Head
from packshot.world.manifest_staging import Staged, stage_manifest
from packshot.world.masters import Demanded
from packshot.world.saved_plans import stage_saved
from packshot.world.scratch import new_scratch
from packshot.world.tables import tables


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its files, still on this machine."""

    plan: Plan
    files: PlanFiles
    verdict: Verdict
    staged: Staged


class Standing(NamedTuple):
    """What a manifest is laid against."""

    provider: Provider
    account: Account
    head: Head


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A local folder that is gone afterwards."""
    folder = new_scratch()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage(
    job: Job,
    folder: Path,
    called: str | None = None,
    progress: Progress | None = None,
    *,
    even_unsure: bool = False,
) -> Staged:
    """Read the manifest into one Parquet file. Raises `BadManifest`.

    `called` is what errors call it, where its address came from a Secret block. What may as well be
    of another format is refused unless `even_unsure`.
    """
    if job.options.plan is not None:
        return stage_saved(Path(job.options.plan), folder / "staged.parquet")
    progress = progress or Progress()
    progress.begin("reading the manifest")
    try:
        staged = stage_manifest(
            job.manifest,
            folder / "staged.parquet",
            columns=job.options.columns,
            choice=job.options.export,
            reach=Reach(
                allowed_schemes(job), tuple(map(AllowedHost.parse, job.options.allow_hosts))
            ),
            storage_options=job.options.storage.fsspec_options(),
            read=progress.add,
        )
        if not even_unsure:
            _check_sure(staged)
        return staged  # noqa: TRY300  one error is renamed like the other
    except BadManifest as error:
        if called is None:
            raise
        said = error.message.replace(f"`{public(job.manifest)}`", f"`{called}`")
        renamed = BadManifest(said, error.code)
    raise renamed  # out here no context names the address


def _check_sure(staged: Staged) -> None:
    """Raise `BadManifest` where several formats fit equally well: a guess is not run."""
    meaning = staged.understanding
    if meaning.rivals and meaning.sure == "likely":
        names = " or ".join(f"`--export-format {name}`" for name in meaning.rivals)
        raise BadManifest(
            f"The manifest may be of several formats ({meaning.because}); say which with {names}."
        )


def draw_up(
    job: Job,
    staged: Staged,
    folder: Path,
    standing: Standing,
    *,
    retry_failures: bool = False,
    fetch: bool = False,
    progress: Progress,
) -> Planned:
    """Compare the manifest with the ledger and price the difference. Spends nothing.

    With `fetch` the sources are downloaded, and the demand is exact.
    """
    place = Place.of(job)
    provider, account, head = standing
    begun = head.recut_begun(datetime.now(UTC)) if job.recut == "all" else None
    asked = Asked(
        job=job,
        asked_class=asked_class(job, account),
        recut_since=begun,
        retry_failures=retry_failures,
        selection=staged.understanding.selection,
        now=utc_now(),
    )
    progress.begin("comparing with earlier runs")
    with tables(folder) as connection:
        place.ledger.attach(connection, head, folder)
        files = make_plan(connection, staged.path, asked, folder)
        states = counts(connection, files, "state")
        reasons = counts(connection, files, "reason_code")
        wanted = demand(connection, files.work, provider)
        enlarging = larger_purchase(connection, provider, job.options.variants)
    unsure = unknowns(states, begun if begun == head.recut_since else None)
    fetches = sum(states.get(state, 0) for state in FETCHES)
    unsure += about_white(job.options, fetches)
    if fetch:
        progress.begin("fetching pictures", fetches)
        demanded = Demanded.by(job.recut, asked.asked_class, provider.name, begun)
        wanted, found = exact_demand(job, files.work, provider, demanded, progress)
        unsure = [f"{count:,} of the fetched pictures: {said}" for said, count in found.items()]
    tariff = Tariff.of(job, provider.unit)
    cap = cap_of(job, tariff)
    funds = Funds(
        account,
        cap,
        job.keep_credits,
        tariff=tariff,
    )
    quote = Quote(wanted, funds, provider.pace)
    larger = LargerPurchase.quoted(Quote(enlarging, funds, provider.pace))
    gone = too_much_gone(job.options, files)
    verdict, needs_answer = _verdict(job, quote, asked.asked_class, gone)
    plan = Plan(
        catalog=job.catalog,
        provider=provider.name,
        purchase_class=asked.asked_class,
        unit=provider.unit,
        understood=staged.understanding.sentences(),
        rows=staged.rows,
        states=states,
        reasons=reasons,
        known=files.known,
        gone=files.gone,
        fetches=fetches,
        calls_at_most=wanted.calls,
        calls_likely=wanted.likely_calls,
        at_most=wanted.at_most,
        likely=wanted.likely,
        currency=tariff.currency,
        at_most_cost=tariff.cost(wanted.at_most),
        likely_cost=tariff.cost(wanted.likely),
        minutes_at_most=round(quote.minutes_at_most, 2),
        minutes_likely=round(quote.minutes_likely, 2),
        minutes_saved=round(quote.minutes_saved, 2),
        larger=larger,
        balance=balance_of(account),
        kinds=account.kinds,
        free_calls=account.free_calls,
        verdict="needs an answer" if needs_answer else verdict.decision,
        message=needs_answer or verdict.message,
        unknowns=[
            *unsure,
            *about_shrinking(job.options, new=0 if fetch else states.get(PlanState.NEW, 0)),
            *about_outputs(job.options, job.provider, files.known),
            *([larger.sentence(provider.unit)] if larger else []),
        ],
        exact=fetch,
    )
    return Planned(plan, files, verdict, staged)


def too_much_gone(options: Options, files: PlanFiles) -> str | None:
    """What to ask before more of a catalog is taken for gone than a night explains."""
    if files.gone <= options.max_gone_share * files.known:
        return None
    return (
        f"{files.gone} of {files.known} known items are missing from the manifest, more than the "
        f"share of {options.max_gone_share:.0%} that `max_gone_share` allows; was the export still "
        "being written? Raise it if they are really gone"
    )


def _verdict(
    job: Job, quote: Quote, asked: PurchaseClass, gone: str | None
) -> tuple[Verdict, str | None]:
    """The verdict, and the question a person has to answer first, if there is one."""
    if gone is not None:
        return Verdict("stop", gone), gone
    try:
        verdict = decide(
            quote,
            when_short=job.when_short,
            paid=asked is PurchaseClass.PAID,
            yes=job.options.yes,
            cap=quote.funds.cap and quote.funds.cap.amount,
        )
    except NeedsAnswer as question:
        return Verdict("stop", str(question)), str(question)
    return verdict, None


def plan_only(
    job: Job,
    api_key: str | None,
    folder: Path,
    *,
    fetch: bool = False,
    here: Here = NOWHERE,
    progress: Progress | None = None,
) -> Planned:
    """Plan without a lease: reads the state, asks for the balance, writes nothing anywhere."""
    asked = job
    job, background = read_backdrop(here.whole(job))
    progress = progress or Progress()
    provider = make_provider(job, api_key, background)
    try:
        account = provider.account()
        head = Place.of(job).ledger.head()
        standing = Standing(provider, account, head)
        staged = stage(job, folder, asked.manifest_name, progress)
        return draw_up(job, staged, folder, standing, fetch=fetch, progress=progress)
    finally:
        provider.close()
