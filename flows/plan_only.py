"""The flow `packshot-plan`: say what a run would do and cost. Spends and writes nothing."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas import State
from prefect.states import Completed

from flows.form import explained
from flows.secrets import provider_key
from flows.states import state_of_error
from packshot.facts import job as words
from packshot.facts.errors import PackshotError
from packshot.run.plan import Plan
from packshot.run.session import plan_only as draw_up_only
from packshot.run.session import scratch_folder


@flow(name="packshot-plan", flow_run_name="{destination}", persist_result=False)
@explained
def plan_only(  # noqa: PLR0913, PLR0917  Prefect's form is made of these
    manifest: words.Manifest,
    destination: words.Destination,
    state: words.State = None,
    provider: words.ProviderName = "local",
    max_credits: words.MaxCredits = None,
    keep_credits: words.KeepCredits = None,
    when_short: words.WhenShort = "partial",
    limit: words.Limit = None,
    only: words.Only = None,
    recut: words.Recut = "options",
    options: words.Options | None = None,
) -> State[Any]:
    """Say what a run would do, what it costs at most and likely, and how long it takes."""
    job = words.Job(
        manifest=manifest,
        destination=destination,
        state=state,
        provider=provider,
        max_credits=max_credits,
        keep_credits=keep_credits,
        when_short=when_short,
        limit=limit,
        only=only,
        recut=recut,
        options=options or words.Options(),
    )
    try:
        with scratch_folder() as folder:
            plan = draw_up_only(job, provider_key(job.provider), folder).plan
    except PackshotError as error:
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
