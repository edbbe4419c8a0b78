"""One night of one catalog, as Prefect runs it."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas import State
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.addresses import whole_manifest
from flows.environment import home_spool
from flows.form import job_of
from flows.keys import provider_key
from flows.quiet import keep_tracebacks_for_surprises
from flows.states import own, state_of, state_of_error, state_of_stop
from flows.telling import Telling
from packshot.facts.errors import PackshotError, StopRequested
from packshot.run import session
from packshot.run.workshop import Here, Workshop
from tasks import stages
from tasks.open_runs import enter, leave

LOOK_SECONDS = 1.0
MOST_THREADS = 128
"""Above the widest `workers`; Prefect's own default has no bound at all."""


def batch_threads() -> TaskRunner[PrefectFuture[Any]]:
    """Where batches run; the job's `workers` says how many pictures at once."""
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=MOST_THREADS)
    return runner


def run_night(asked: Mapping[str, Any], *, retry_failures: bool = False) -> State[Any]:
    """Read, compare, check, cut out, publish; always ends in a state with a sentence."""
    keep_tracebacks_for_surprises()
    logger = get_run_logger()
    try:
        job = job_of(asked)
        shop, earlier = session.begin(
            job,
            provider_key(job.provider),
            retry_failures=retry_failures,
            here=Here(spool=home_spool(), manifest=whole_manifest(job), flow_run=flow_run.get_id()),
        )
    except PackshotError as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence, no traceback
        return state_of_error(error)
    for summary in earlier:
        logger.warning("published the report of run %s, which had not ended", summary.run_id)
    if shop.job.max_credits != shop.asked.max_credits:
        logger.warning(
            "this run has been begun before and was interrupted; %g of its `max_credits` are left",
            shop.job.max_credits,
        )
    enter(shop)
    try:
        with stopping_on_signals(shop):
            return _work(shop)
    except PackshotError as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence, no traceback
        return state_of_error(error)
    finally:
        leave(shop)
        shop.close()


def _work(shop: Workshop) -> State[Any]:
    for stage in (stages.read_manifest, stages.detect_changes, stages.check_credits):
        state = stage(shop.run_id, return_state=True)
        if not state.is_completed():
            return own(state)
    telling = Telling(shop)
    _cut_out(shop, telling)
    reason = shop.stop.reason
    if reason is not None and reason.everything and reason.code != "finish_by":
        session.leave_unpublished(shop)
        return state_of_stop(reason)
    state = stages.publish_report(shop.run_id, return_state=True)
    if shop.summary is None:
        return own(state)
    telling.finished(shop.summary)
    return state_of(shop.summary, shop.job.options.max_failed_share)


def _cut_out(shop: Workshop, telling: Telling) -> None:
    """Map the batches and wait; when asked to stop, only for the calls in flight."""
    futures: list[PrefectFuture[Any]] = [
        stages.cut_out.submit(shop.run_id, batch.name, batch.first, batch.last)
        for batch in session.batches(shop)
    ]
    if futures:
        telling.progress(0, len(futures))
    given_up_at: float | None = None
    while left := wait(futures, timeout=LOOK_SECONDS).not_done:
        telling.progress(len(futures) - len(left), len(futures))
        reason = shop.stop.reason
        if reason is None or reason.code != StopRequested.default_code:
            continue  # nobody is about to kill us: every call may land
        given_up_at = given_up_at or time.monotonic() + shop.job.options.limits.stop_seconds
        if time.monotonic() > given_up_at:
            return
    if lost := sum(future.state.is_failed() for future in futures):
        get_run_logger().warning(
            "%s of %s batches failed; what they left is for the next run", lost, len(futures)
        )


@contextmanager
def stopping_on_signals(shop: Workshop) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask the run to stop; a second Ctrl-C ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if shop.stop.reason is not None and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        session.stop(shop, f"asked to stop by {signal.Signals(number).name}")

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
