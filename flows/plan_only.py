"""The flow `packshot-plan`: say what a run would do and cost. Spends and writes nothing."""

from collections.abc import Mapping
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas import State
from prefect.states import Completed

from flows.addresses import whole_manifest
from flows.form import DEFAULT, explained, job_of
from flows.keys import provider_key
from flows.quiet import keep_tracebacks_for_surprises
from flows.states import state_of_error
from packshot.facts import job as words
from packshot.facts.errors import PackshotError
from packshot.providers.registry import ProviderName
from packshot.run.looking import plan_only as draw_up_only
from packshot.run.looking import scratch_folder
from packshot.run.plan import Plan
from packshot.run.workshop import Here


@flow(
    name="packshot-plan",
    flow_run_name="{destination}",
    persist_result=False,
    validate_parameters=False,  # `job_of` does, in sentences
)
@explained
def plan_only(  # noqa: PLR0913, PLR0917  Prefect's form is made of these
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
    """Say what a run would do, what it costs at most and likely, and how long it takes."""
    return _look(locals())


def _look(asked: Mapping[str, Any]) -> State[Any]:
    keep_tracebacks_for_surprises()
    try:
        job = job_of(asked)
        with scratch_folder() as folder:
            here = Here(manifest=whole_manifest(job))
            plan = draw_up_only(job, provider_key(job.provider), folder, here=here).plan
    except PackshotError as error:
        get_run_logger().error("%s", error)
        return state_of_error(error)
    create_markdown_artifact(markdown=markdown(plan), key="packshot-plan", description=plan.message)
    return Completed(message=plan.message)


def markdown(plan: Plan) -> str:
    """The plan on half a page."""
    lines = [
        f"# {plan.catalog}: {plan.message}",
        "",
        *(f"- {said}" for said in [*plan.understood, *plan.unknowns]),
        "",
        "| state | rows |",
        "|---|---:|",
        *(f"| {state} | {count:,} |" for state, count in plan.states.items()),
    ]
    return "\n".join(lines)
