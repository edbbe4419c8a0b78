"""Run a flow from the command line, with a progress bar where a terminal is there."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from cli import exits
from cli.shown import err, say, show_understood
from cli.watching import Bar
from packshot.facts.errors import BadManifest, BadOption, Unreachable
from packshot.facts.item import public
from packshot.facts.job import Job
from packshot.providers.registry import PROVIDERS
from packshot.run.progress import Step
from packshot.run.session import CUTTING_OUT
from packshot.run.summary import Summary
from packshot.run.workshop import Place, Workshop

if TYPE_CHECKING:  # Prefect is slow to import, and only a run needs it
    from prefect.client.schemas import State

STARTING = Step("starting Prefect (the first time takes up to half a minute)")
SERVER_SECONDS = 30.0
"""A server that digests a long night may take its time."""
GLOB_MARKS = frozenset("*?[")
PREFECT_SETTINGS = {
    # The first start migrates a database; Prefect's own 20 s are too few for that.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a flow ended; without a summary it never came to a report."""

    name: str
    message: str
    summaries: tuple[Summary, ...]
    """One per provider that had a part in it."""

    @property
    def code(self) -> str:
        """The stable code of what went wrong."""
        kind = exits.kind_named(self.name)
        return kind.default_code if kind else self.name.lower()


def look_first(job: Job) -> None:
    """Find what is plainly wrong before Prefect takes its seconds to start."""
    if job.provider not in PROVIDERS:
        raise BadOption(f"There is no provider `{job.provider}`; there are {', '.join(PROVIDERS)}.")
    Place.of(job)
    is_path = "://" not in job.manifest and not GLOB_MARKS & set(job.manifest)
    is_read = job.manifest_block is None and job.options.plan is None
    if is_path and is_read and not Path(job.manifest).exists():
        raise BadManifest(f"There is nothing at `{job.manifest}`; check the path.")


def run_flow(job: Job, *, retry_failures: bool, verbose: bool, as_json: bool) -> Ended:
    """Run the flow in this process; Prefect's server is the configured one, or a temporary one."""
    for name, value in PREFECT_SETTINGS.items():
        os.environ.setdefault(name, value)
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    watcher = _Watcher(as_json=as_json)
    with Bar(watcher.look, silent=as_json):
        _start_server()
        _tell_if_alone(job)
        from prefect.exceptions import PrefectException  # noqa: PLC0415

        from flows.addresses import keep_here  # noqa: PLC0415  must see the settings above
        from flows.cut_catalog import cut_catalog  # noqa: PLC0415
        from flows.retry_failures import retry_failures as retry_flow  # noqa: PLC0415
        from tasks import open_runs  # noqa: PLC0415

        open_runs.listen(watcher.watch)
        flow = retry_flow if retry_failures else cut_catalog
        asked = job.model_dump(exclude={"options"}) | {"manifest": keep_here(job)}
        try:
            state = flow(**asked, options=job.options, return_state=True)
        except (PrefectException, httpx.HTTPError) as error:
            state = _untold_end(watcher.shop, type(error).__name__)
    watcher.tell_plan()  # of a run that was faster than a look
    summaries = tuple(shop.summary for shop in watcher.shops if shop.summary is not None)
    name = state.name or ""
    if not summaries and exits.of_state(name) is exits.Exit.DEFECT:
        _raise_what_was_raised(state.data)
    return Ended(name, state.message or "", summaries)


def _start_server() -> None:
    """Start Prefect's temporary server, out of the reach of Ctrl-C; one that is set must answer.

    A terminal sends Ctrl-C to all of its processes; without its server a run could neither
    let its calls land nor end. A child inherits the signals that its parent's thread blocks.
    """
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415  slow, as all of Prefect

    if url := PREFECT_API_URL.value():
        _refuse_silent_server(url)
        return
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with suppress(RuntimeError, httpx.HTTPError):  # Prefect tries again, and says why
            SubprocessASGIServer().start()

    starting = threading.Thread(target=start, daemon=True)
    starting.start()
    starting.join()


def _tell_if_alone(job: Job) -> None:
    """A temporary server knows of no other process, so none is reckoned with."""
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415  slow, as all of Prefect

    if PROVIDERS[job.provider].key_variable and not PREFECT_API_URL.value():
        say(
            "packshot: no lasting Prefect server is set, so this run takes the whole pace "
            "of the account for itself; with others beside it, set PREFECT_API_URL",
            on=err,
        )


def _refuse_silent_server(url: str) -> None:
    """Raise `Unreachable` where the server that is set does not answer."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings  # noqa: PLC0415

    patience = {"timeout": SERVER_SECONDS}
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings=patience, sync_client=True) as client,
    ):
        trouble = client.api_healthcheck()
    if trouble is not None:
        raise Unreachable(
            f"Prefect's server at {public(url)} does not answer ({type(trouble).__name__}); "
            "start the server or unset PREFECT_API_URL",
            code="prefect_unreachable",
        )


def _untold_end(shop: Workshop | None, trouble: str) -> "State[Any]":
    """How a run ended of which Prefect's server could not be told.

    Raises `Unreachable` where it came to no end.
    """
    from flows.states import state_of, state_of_stop  # noqa: PLC0415

    gone = f"Prefect's server went away ({trouble})"
    if shop is not None and shop.summary is not None:
        say(f"packshot: {gone} and was not told how the run ended", on=err)
        return state_of(shop.summary, shop.job.options.max_failed_share)
    if shop is not None and shop.stop.reason is not None:
        return state_of_stop(shop.stop.reason)
    raise Unreachable(
        f"{gone} before the run came to its end; start the server and run again",
        code="prefect_unreachable",
    )


def _raise_what_was_raised(data: object) -> None:
    """A flow that failed of itself hides a defect; its exception says where."""
    found = getattr(data, "result", data)
    if isinstance(found, Exception):
        raise found


class _Watcher:
    """Sees how far the open run has come; tells its plan once it is there."""

    def __init__(self, *, as_json: bool) -> None:
        self.shops: list[Workshop] = []
        self._as_json = as_json
        self._told = 0

    def watch(self, shop: Workshop) -> None:
        """A run has opened."""
        self.shops.append(shop)

    @property
    def shop(self) -> Workshop | None:
        """The run that is open, or was last."""
        return self.shops[-1] if self.shops else None

    def look(self) -> Step:
        """The step that the run is at; while pictures are worked on, how they ended."""
        self.tell_plan()
        if self.shop is None:
            return STARTING
        step = self.shop.progress.step()
        counted = ", ".join(f"{n} {name}" for name, n in self.shop.tally.outcomes.items())
        return step._replace(doing=counted) if counted and step.doing == CUTTING_OUT else step

    def tell_plan(self) -> None:
        """Once a run: what was understood, and the cost; a question is told by whoever refuses."""
        plan = self.shop.plan if self.shop else None
        if plan is None or self._as_json or self._told == len(self.shops):
            return
        self._told = len(self.shops)
        show_understood(plan, on=err)
        if plan.verdict != "needs an answer":
            say(plan.message, on=err)
