"""What Prefect does when nobody is watching. Apply with `python -m flows.automations`.

Both watch the flows of this project by name; applying again changes what is there.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

FLOWS: Final = ("packshot", "packshot-retry", "packshot-plan")
HEARTBEAT: Final = timedelta(seconds=60)
"""As `prefect.yaml` sets it for every run."""
MISSED: Final = 3 * HEARTBEAT
LEASE_IS_OVER: Final = timedelta(seconds=75)
"""The lease of a dead run lasts 60 seconds; a re-run that comes earlier finds a busy catalog."""
OUR_FLOWS: Final = {"prefect.resource.role": "flow", "prefect.resource.name": list(FLOWS)}


def run_again(wait: timedelta = LEASE_IS_OVER) -> AutomationCore:
    """A crashed run is scheduled again, itself, with its own parameters.

    Prefect counts how often a run was started, so a run that crashes twice stays crashed.
    Nothing happens to a run that somebody has started again in the meantime.
    """
    return AutomationCore(
        name="packshot: run again once after a crash",
        description=(
            "A run whose process died is started again, once. What it had bought is found again "
            "and not paid twice. If it crashes again it stays Crashed: somebody must look."
        ),
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.run-count": "1"},
            match_related=OUR_FLOWS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=wait,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED,
                name="AwaitingRetry",
                message="The run crashed; this is its one re-run",
            )
        ],
    )


def notice_the_dead(silence: timedelta = MISSED) -> AutomationCore:
    """A run that has stopped sending heartbeats, and never said that it ended, has crashed."""
    return AutomationCore(
        name="packshot: no heartbeat means crashed",
        description=(
            "When worker and run die together nobody tells Prefect, and the run would stay "
            "Running for ever."
        ),
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=OUR_FLOWS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {silence.total_seconds():.0f} seconds",
            )
        ],
    )


def apply(automations: Sequence[AutomationCore]) -> None:
    """Make each automation, or bring the one of that name up to date; one paused stays paused."""
    with get_client(sync_client=True) as client:
        for wanted in automations:
            known = client.read_automations_by_name(wanted.name)
            for automation in known[:1]:
                same_switch = wanted.model_copy(update={"enabled": automation.enabled})
                client.update_automation(automation.id, same_switch)
            for double in known[1:]:
                client.delete_automation(double.id)
            if not known:
                client.create_automation(wanted)


if __name__ == "__main__":
    ours = (run_again(), notice_the_dead())
    apply(ours)
    print(*(automation.name for automation in ours), sep="\n")  # noqa: T201
