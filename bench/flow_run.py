"""Runs of the flow in this process: `python -m bench.flow_run '{"job": …, "runs": 1}'`.

Prints one line of JSON: for each run its seconds, its stages and what it left behind.
Importing and Prefect's own setting-up come before the clock starts.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.stopwatch import ProcessorWatch, Stopwatch, peak_megabytes, processor_seconds
from packshot.run import session


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its time of change and number: a file that is replaced gets a new one."""
    if not folder.is_dir():
        return {}
    return {
        str(file.relative_to(folder)): ((stat := file.stat()).st_mtime_ns, stat.st_ino)
        for file in folder.rglob("*")
        if file.is_file()
    }


def changed(before: dict[str, tuple[int, int]], folder: Path) -> list[str]:
    """What is new or different below a folder."""
    return sorted(name for name, mark in files_below(folder).items() if before.get(name) != mark)


def one_run(job: dict[str, Any], parts: ProcessorWatch) -> dict[str, Any]:
    """Run the flow once; the clock runs from `begin` until everything is closed."""
    module = import_module("flows.cut_catalog")
    watch = Stopwatch()
    before = (module.run_night, *(getattr(session, name) for name in _STAGES))
    watch.watch(module, "run_night", "night")
    for name, label in _STAGES.items():
        watch.watch(session, name, label)
    places = [Path(job["destination"]), Path(job["state"])]
    seen = [files_below(place) for place in places]
    parts.seconds.clear()
    used, started = processor_seconds(), time.perf_counter()
    state = module.cut_catalog(**job, return_state=True)
    whole, used = time.perf_counter() - started, processor_seconds() - used
    for name, function in zip(("run_night", *_STAGES), before, strict=True):
        setattr(module if name == "run_night" else session, name, function)
    return {
        "state": state.name,
        "message": state.message,
        "seconds": watch.seconds.pop("night"),
        "with_prefect": whole,
        "processor_seconds": used,
        "stages": watch.seconds,
        "parts": dict(parts.seconds),
        "changed_pictures": changed(seen[0], places[0]),
        "changed_state": changed(seen[1], places[1]),
    }


PARTS = (
    ("packshot.world.fetch", "Fetcher", "fetch", "fetch"),
    ("packshot.run.cutting", "", "content_hash", "hash the source"),
    ("packshot.run.cutting", "", "inspect", "read the header"),
    ("packshot.run.cutting", "", "prepare", "make it ready to send"),
    ("packshot.run.cutting", "", "preview", "preview"),
    ("packshot.providers.removebg", "RemoveBg", "submit", "call"),
    ("packshot.run.calls", "", "read_cutout", "open the answer"),
    ("packshot.run.buying", "", "measure_alpha", "measure the alpha"),
    ("packshot.run.buying", "", "pack", "pack the master"),
    ("packshot.run.finished_pictures", "", "derive", "make the finished picture"),
    ("packshot.world.store", "LocalStore", "write", "write"),
    ("packshot.world.spool", "Spool", "note_answer", "copy of the answer on this machine"),
    ("packshot.world.journal", "Journal", "record", "journal"),
    ("packshot.world.journal", "IntentLog", "declare", "intents"),
    ("packshot.run.governor", "Governor", "_wait_for_leave", "leave to call"),
    ("packshot.run.session", "", "cut_one", "the rest of a picture: claims, books, looking up"),
    ("packshot.run.session", "", "publish_report", "publish the report"),
)
"""Module, class, function and what it is; each without what those it calls use."""


def watch_parts() -> ProcessorWatch:
    """Count the processor seconds of each part of a run from now on."""
    watch = ProcessorWatch()
    for module, owner, name, label in PARTS:
        found = import_module(module)
        watch.watch(getattr(found, owner) if owner else found, name, label)
    return watch


_STAGES = {
    "begin": "begin: lease, probe, account",
    "read_manifest": "read the manifest",
    "detect_changes": "detect changes",
    "check_credits": "check credits",
    "publish_report": "publish the report",
}


def main() -> None:
    """Run as often as asked."""
    asked = json.loads(sys.argv[1])
    parts = watch_parts()
    runs = [one_run(asked["job"], parts) for _ in range(asked["runs"])]
    print(json.dumps({"runs": runs, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
