"""A process ends in time, though calls hang or Prefect's server is away."""

import os
import sys
import threading


def end_within(seconds: float, *, code: int) -> None:
    """End this process by then, unless it has ended by itself.

    Python waits for threads whose calls hang, and Prefect's client for its queue of events to
    empty, which takes eight seconds an event while the server is away.
    """

    def end() -> None:
        stop_own_server()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)

    ending = threading.Timer(seconds, end)
    ending.daemon = True
    ending.start()


def is_a_runs_own() -> bool:
    """Whether a worker has started this process for one run and nothing else."""
    return "PREFECT__FLOW_RUN_ID" in os.environ


def stop_own_server() -> None:
    """Let the temporary server go that this process may have started."""
    module = sys.modules.get("prefect.server.api.server")
    server = module.SubprocessASGIServer().server_process if module else None
    if server is not None:
        server.terminate()
