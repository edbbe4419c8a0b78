"""One night of one catalog, as Prefect runs it."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas import State
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.addresses import whole_manifest
from flows.endings import end_within, is_a_runs_own, stop_own_server
from flows.environment import home_spool
from flows.form import job_of
from flows.keys import provider_key
from flows.quiet import keep_tracebacks_for_surprises
from flows.sharing import limit_name, shared_account
from flows.states import own, state_of, state_of_error, state_of_stop
from flows.telling import Telling
from packshot.decisions.falling_back import CODES
from packshot.facts.errors import PackshotError, StopRequested
from packshot.facts.job import Job
from packshot.facts.money import Tariff, cap_of
from packshot.facts.purchase import PurchaseClass
from packshot.run import session
from packshot.run.falling_back import (
    check_fallbacks,
    job_of_fallback,
    left_over,
    reason_against,
    together,
)
from packshot.run.summary import Summary
from packshot.run.workshop import Here, Workshop, asked_class
from tasks import stages
from tasks.open_runs import enter, leave

LOOK_SECONDS = 1.0
LAST_NOTES_SECONDS = 1.0
"""So long a process that is told to end at once still writes down what it knows."""
MOST_SECONDS_AFTER_A_RUN = 180.0
"""Prefect's client tries for two minutes to tell a server that is away how a run ended."""
MOST_THREADS = 128
"""Above the widest `workers`; Prefect's own default has no bound at all."""


class _BatchThreads(ThreadPoolTaskRunner[Any]):
    """Threads that are not waited for at the end: a night waits itself, and knows how long."""

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        super().__exit__(*error)


def batch_threads() -> TaskRunner[PrefectFuture[Any]]:
    """Where batches run; the job's `workers` says how many pictures at once."""
    runner: TaskRunner[Any] = _BatchThreads(max_workers=MOST_THREADS)
    return runner


def run_night(asked: Mapping[str, Any], *, retry_failures: bool = False) -> State[Any]:
    """Read, compare, check, cut out, publish; always ends in a state with a sentence."""
    keep_tracebacks_for_surprises()
    try:
        job = job_of(asked)
        check_fallbacks(job, provider_key)
        night = _night(job, retry_failures=retry_failures)
        return _with_fallbacks(job, night)
    except PackshotError as error:
        get_run_logger().error("%s", error)
        return state_of_error(error)
    finally:
        if is_a_runs_own():
            end_within(MOST_SECONDS_AFTER_A_RUN, code=1)


@dataclass(frozen=True, slots=True)
class Night:
    """How one provider's part of a night ended."""

    state: State[Any]
    summary: Summary | None = None
    """None where it came to no report."""
    code: str | None = None
    """Of what kept it from beginning."""
    stopped: bool = False
    """Somebody asked the whole night to stop."""


def _with_fallbacks(job: Job, night: Night) -> State[Any]:
    """Hand on what was left over, provider by provider."""
    first = night.summary
    wanted = PurchaseClass(first.purchase_class) if first else asked_class(job, None)
    for provider in job.options.fallback:
        moved = left_over(job, night.summary) if night.summary else None
        if night.stopped or not (moved.keys if moved else _never_reached(job, night)):
            break
        following = job_of_fallback(job, provider, moved.keys if moved else None)
        then = _taken_over(following, wanted, night.state.message)
        if then is not None and then.stopped and then.summary is None:
            return then.state
        if then is None or then.summary is None:
            continue
        if moved is not None and night.summary is not None:
            summary = together(night.summary, moved, then.summary)
            then = replace(
                then, summary=summary, state=state_of(summary, job.options.max_failed_share)
            )
        night = then
    return night.state


def _never_reached(job: Job, night: Night) -> bool:
    """Whether the provider was away, or is no more, before anything began."""
    return any(night.code in CODES[cause] for cause in job.options.fallback_on)


def _taken_over(job: Job, wanted: PurchaseClass, why: str | None) -> Night | None:
    """The part of the next provider; None where it may not stand in."""
    logger = get_run_logger()
    if (reason := reason_against(job, provider_key(job.provider), wanted)) is not None:
        logger.warning("`%s` does not take over: %s", job.provider, reason)
        return None
    many = "everything" if job.only is None else f"{len(job.only):,} items"
    logger.warning("%s; `%s` takes over %s", why, job.provider, many)
    return _night(job, retry_failures=False)


def _night(job: Job, *, retry_failures: bool) -> Night:
    """One provider's part of a night."""
    logger = get_run_logger()
    try:
        key = provider_key(job.provider)
        shop, earlier = session.begin(
            job,
            key,
            retry_failures=retry_failures,
            here=Here(spool=home_spool(), manifest=whole_manifest(job), flow_run=flow_run.get_id()),
        )
    except PackshotError as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence, no traceback
        return Night(state_of_error(error), code=error.code)
    for summary in earlier:
        logger.warning("published the report of run %s, which had not ended", summary.run_id)
    cap = cap_of(shop.job, Tariff.of(shop.job, shop.provider.unit))
    if cap is not None and shop.job != shop.asked:
        logger.warning(
            "this run has spent before, in an earlier try or with another provider; %g %s of its "
            "`%s` are left (a run that is started anew has a cap of its own)",
            cap.amount,
            shop.provider.unit,
            cap.option,
        )
    telling = Telling(shop)
    try:
        with stopping_on_signals(shop) as stop_asked:
            enter(shop)
            state = _work(shop, telling, stop_asked, key)
    except PackshotError as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence, no traceback
        return Night(state_of_error(error))
    finally:
        leave(shop)
        shop.close()
    if shop.summary is not None:
        telling.finished(shop.summary)  # the catalog is free by now, whoever listens
    return Night(state, shop.summary, stopped=isinstance(shop.stop.reason, StopRequested))


@dataclass(slots=True)
class Asked:
    """Whether somebody has asked a run to stop."""

    at: float | None = None
    """When; a value of `time.monotonic`."""


def _work(shop: Workshop, telling: Telling, asked: Asked, key: str | None) -> State[Any]:
    for stage in (stages.read_manifest, stages.detect_changes, stages.check_credits):
        if asked.at is not None and shop.stop.reason is not None:
            return state_of_stop(shop.stop.reason)  # nothing is on record yet
        state = stage(shop.run_id, return_state=True)
        if not state.is_completed():
            return own(state)
    with _sharing(shop, key):
        _cut_out(shop, telling, asked)
    reason = shop.stop.reason
    if reason is not None and reason.everything and (asked.at or reason.code != "finish_by"):
        session.leave_unpublished(shop)
        return state_of_stop(reason)
    state = stages.publish_report(shop.run_id, return_state=True)
    if shop.summary is None:
        return own(state)
    return state_of(shop.summary, shop.job.options.max_failed_share)


def _sharing(shop: Workshop, key: str | None) -> AbstractContextManager[None]:
    """What has no account is shared with nobody."""
    if key is None:
        return nullcontext()
    name = limit_name(shop.job.provider, key, shop.job.options.provider_url)
    return shared_account(shop.governor, name, flow_run.get_id(), get_run_logger())


def _cut_out(shop: Workshop, telling: Telling, asked: Asked) -> None:
    """Map the batches and wait; when asked to stop, only for the calls in flight."""
    futures: list[PrefectFuture[Any]] = [
        stages.cut_out.submit(shop.run_id, batch.name, batch.first, batch.last)
        for batch in session.batches(shop)
    ]
    if futures:
        telling.progress(0, len(futures))
    while left := wait(futures, timeout=LOOK_SECONDS).not_done:
        telling.progress(len(futures) - len(left), len(futures))
        if asked.at is None:
            continue  # nobody is about to kill us: every call may land
        session.keep_notes(shop)
        if time.monotonic() > asked.at + shop.job.options.limits.stop_seconds:
            return
    for future in futures:
        future.wait()  # it has ended; without this Prefect's server would be asked how
    if lost := sum(future.state.is_failed() for future in futures):
        get_run_logger().warning(
            "%s of %s batches failed; what they left is for the next run", lost, len(futures)
        )


@contextmanager
def stopping_on_signals(shop: Workshop) -> Iterator[Asked]:
    """SIGTERM and Ctrl-C ask the run to stop; Ctrl-C after that ends the process at once."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if asked.at is None:
            asked.at = time.monotonic()
            session.stop(shop, f"asked to stop by {signal.Signals(number).name}")
        elif number == signal.SIGINT:
            _keep_notes_briefly(shop)
            stop_own_server()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep_notes_briefly(shop: Workshop) -> None:
    """In a thread: the one that was interrupted may hold the very lock, and a store may hang."""
    keeping = threading.Thread(target=session.keep_notes, args=(shop,), daemon=True)
    keeping.start()
    keeping.join(LAST_NOTES_SECONDS)
