"""The stages of a run as Prefect shows them: one task each, its message the result."""

from collections.abc import Callable
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Completed, Failed

from packshot.facts.errors import PackshotError
from packshot.run import session
from packshot.run.workshop import Workshop
from tasks.open_runs import workshop

BATCH_RETRIES = 2
BATCH_RETRY_SECONDS = 10


def failed(error: PackshotError) -> State[Any]:
    """An error of ours as a state: its name, and its sentence."""
    return Failed(name=type(error).__name__, message=str(error))


Stage = Task[[str], Any]


def stage(name: str) -> Callable[[Callable[[Workshop], str]], Stage]:
    """Dress a stage: its sentence becomes the state's message, an error of ours a Failed."""

    def dress(work: Callable[[Workshop], str]) -> Stage:
        def dressed(run_id: str) -> State[Any]:
            try:
                said = work(workshop(run_id))
            except PackshotError as error:
                return failed(error)
            return Completed(message=said)

        dressed.__doc__ = work.__doc__
        return task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(
            dressed
        )

    return dress


@stage("read manifest")
def read_manifest(shop: Workshop) -> str:
    """Stage the manifest; bad rows are rejected, the rest goes on."""
    staged = session.read_manifest(shop)
    understood = "; ".join(staged.understanding.sentences())
    return f"{staged.rows:,} rows, {staged.rejected:,} rejected: {understood}"


@stage("detect changes")
def detect_changes(shop: Workshop) -> str:
    """Join the manifest with the ledger."""
    plan = session.detect_changes(shop)
    return ", ".join(f"{count:,} {state}" for state, count in plan.states.items())


@stage("check credits")
def check_credits(shop: Workshop) -> str:
    """Key, balance, price, cap, floor and time, before anything is bought."""
    return session.check_credits(shop).message


@stage("publish report")
def publish_report(shop: Workshop) -> str:
    """Write the report and fold the run into the ledger."""
    return session.publish_report(shop).report


@task(
    name="cut out",
    task_run_name="cut out {batch}",
    retries=BATCH_RETRIES,
    retry_delay_seconds=BATCH_RETRY_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def cut_out(run_id: str, batch: str, first: int, last: int) -> State[Any]:
    """Work on the items from `first` up to `last`; says how many ended in which way.

    Whatever happens to a picture is its own ending: only a defect ends a batch, and is tried again.
    """
    ended = session.cut_batch(workshop(run_id), session.Batch(batch, first, last))
    said = ", ".join(f"{count} {name}" for name, count in ended.items())
    return Completed(message=said or "left for the next run")
