"""The flow `packshot-retry`: try again, now, what failed or was rejected on earlier nights."""

from typing import Any

from prefect import flow
from prefect.client.schemas import State

from flows.form import DEFAULT, explained
from flows.night import batch_threads, run_night
from packshot.facts import job as words
from packshot.providers.registry import ProviderName


@flow(
    name="packshot-retry",
    flow_run_name="{destination}",
    task_runner=batch_threads(),
    persist_result=False,
    validate_parameters=False,  # `job_of` does, in sentences
)
@explained
def retry_failures(  # noqa: PLR0913, PLR0917  Prefect's form is made of these
    manifest: words.Manifest,
    destination: words.Destination,
    state: words.State = None,
    provider: ProviderName = "local",
    max_credits: words.MaxCredits = None,
    keep_credits: words.KeepCredits = None,
    when_short: words.WhenShort = "partial",
    limit: words.Limit = None,
    only: words.Only = None,
    recut: words.Recut = "options",
    options: words.Options = DEFAULT,
) -> State[Any]:
    """Try again, now, what failed or was rejected on earlier nights."""
    return run_night(locals(), retry_failures=True)
