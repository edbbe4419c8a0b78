"""A real Prefect server, and the questions that tests put to it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from filelock import FileLock

from packshot.world.machine import process_exists

ROOT = Path(__file__).parents[2]
SERVE = ("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port")
USUAL_PORT = "4200"
ENDS = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
Row = dict[str, Any]
T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soon(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first thing found by looking again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:g} s")


def family(pid: int) -> list[int]:
    """A process and all that it has started; a run leads a session of its own."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return [pid]
    return [pid, *(each for child in children for each in family(int(child)))]


def copy_database(source: Path, target: Path) -> None:
    """A copy of a server's database, whether the server runs or not; what is there is kept.

    A server that starts without one makes it by all the steps of its history, for ten seconds.
    """
    if source.exists() and not target.exists():
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
            here.backup(there)


def end(process: int) -> None:
    """Kill a process and all that it has started."""
    for pid in family(process):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def shared(place: Path, start: Callable[[], int]) -> Iterator[None]:
    """A process that all workers of pytest use: the first starts it, the last one ends it."""
    users, process = place / "users", place / "process"
    users.mkdir(parents=True, exist_ok=True)
    me = users / str(os.getpid())
    with FileLock(place / "lock"):
        if not process.exists():
            process.write_text(str(start()))
        me.touch()
    try:
        yield
    finally:
        with FileLock(place / "lock"):
            me.unlink()
            if not any(process_exists(int(user.name)) for user in users.iterdir()):
                end(int(process.read_text()))
                process.unlink()


@dataclass
class Prefect:
    """A server on a free port of loopback, with its own home and database."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        """Where its API listens."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of this server is told; nothing of the machine's own Prefect."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        return outside | {
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "3",
            "DO_NOT_TRACK": "1",
        }

    @contextmanager
    def process(self, *words: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command in the background, and its children, gone when the block ends."""
        command, environment = [sys.executable, *words], self.environment | settings
        with self._running(f"{words[2]}.log", command, environment) as it:
            yield it

    @contextmanager
    def pasted(self, block: str) -> Iterator[subprocess.Popen[bytes]]:
        """Lines of a shell, as somebody pastes them who has only installed the project.

        They find this server's port instead of the usual one, and end at the first that fails.
        """
        environment = self.environment | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PREFECT_SERVER_API_PORT": str(self.port),
        }
        del environment["PREFECT_API_URL"]
        lines = block.replace(USUAL_PORT, str(self.port))
        with self._running("pasted.log", ["bash", "-ec", lines], environment) as it:
            yield it

    @contextmanager
    def _running(
        self, log_name: str, command: list[str], environment: dict[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        running = self._begin(log_name, command, environment)
        try:
            yield running
        finally:
            end(running.pid)
            running.wait()

    @property
    def database(self) -> Path:
        """The file that holds all the server knows."""
        return self.home / "prefect.db"

    def begin_bare_server(self) -> int:
        """Start a server that schedules and watches nothing; its process, for others to end."""
        command = [sys.executable, *SERVE, str(self.port), "--no-services"]
        running = self._begin("server.log", command, self.environment)
        try:
            soon(self.is_up, 120, "the Prefect server")
        except AssertionError:
            end(running.pid)
            raise
        return running.pid

    @contextmanager
    def serving(self, *words: str) -> Iterator[None]:
        """The server, which is killed where the block ends."""
        with self.process(*SERVE, str(self.port), *words):
            soon(self.is_up, 120, "the Prefect server")
            yield

    def _begin(
        self, log_name: str, command: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self.home / log_name).open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def command(self, *words: str) -> str:
        """What a command prints; fails when it fails."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  any JSON
        """One call of the API, again while SQLite is busy."""

        def look() -> httpx.Response | None:
            try:
                answer = httpx.request(method, f"{self.url}{path}", json=body, timeout=60)
            except httpx.ReadTimeout:
                if method != "GET":  # it may have been heard
                    raise
                return None
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        answer = soon(look, 90, f"an answer to {method} {path}")
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def is_up(self) -> bool:
        """Whether the API answers."""
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def has_worker(self) -> bool:
        """Whether a worker of the pool `packshot` is at work."""
        try:
            answer = httpx.post(f"{self.url}/work_pools/packshot/workers/filter", json={})
        except httpx.TransportError:
            return False
        return answer.is_success and any(one["status"] == "ONLINE" for one in answer.json())

    def deployment(self, name: str) -> Row:
        """A deployment by `flow/name`."""
        return self.ask("GET", f"/deployments/name/{name}")

    def start(self, deployment: str, **parameters: object) -> str:
        """Begin a run with some parameters changed; its id."""
        there = self.deployment(deployment)["id"]
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask("POST", f"/deployments/{there}/create_flow_run", body)["id"])

    def run(self, run_id: str) -> Row:
        """A run as it is now."""
        return self.ask("GET", f"/flow_runs/{run_id}")

    def ended(self, run_id: str, seconds: float = 60) -> Row:
        """A run once it has ended."""

        def look() -> Row | None:
            run = self.run(run_id)
            return run if run["state"]["type"] in ENDS else None

        return soon(look, seconds, f"the end of run {run_id}")

    def artifacts(self, run_id: str) -> dict[str, Row]:
        """A run's artifacts by their type."""
        mine = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
        return {row["type"]: row for row in self.ask("POST", "/artifacts/filter", mine)}

    def logs(self, run_id: str) -> list[str]:
        """What a run said."""
        mine = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC"}
        return [row["message"] for row in self.ask("POST", "/logs/filter", mine)]

    def events(self, name: str) -> list[Row]:
        """Events of one name."""
        return self.ask("POST", "/events/filter", {"filter": {"event": {"name": [name]}}})["events"]
