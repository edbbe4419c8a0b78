"""What must be true after runs were killed, looked at from outside with other libraries."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import fsspec
import pandas as pd
from PIL import Image

from bench.kill_manifests import Catalog
from bench.killed_runs import Night
from packshot.facts.job import Job
from packshot.facts.outcome import Outcome

WELL: Final = frozenset({"cut", "recovered", "reused", "refreshed", "unchanged"})
WAITING: Final = frozenset({".zip", ".answer"})
"""Purchases on this machine: waiting for the store, or on their way there."""
WAITS: Final = "waiting"
"""The plan state of what failed and is tried again another night."""


class Place:
    """Files below an address, seen by somebody who remembers nothing."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(
            url, skip_instance_cache=True, use_listings_cache=False
        )

    def names(self, below: str = "") -> list[str]:
        """Every file, relative to the place."""
        found = self._fs.find(f"{self._root}/{below}".rstrip("/"))
        return sorted(name.removeprefix(f"{self._root}/") for name in found)

    def read(self, name: str) -> bytes:
        """One file's content."""
        return bytes(self._fs.cat_file(f"{self._root}/{name}"))


@dataclass
class Round:
    """One catalog whose runs were killed, and what came of it."""

    catalog: Catalog
    job: Job
    scratch: Path
    nights: list[Night] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    """How many purchases lay in the store after each night."""

    @cached_property
    def state(self) -> Place:
        """The private place."""
        return Place(self.job.state_url)

    @cached_property
    def destination(self) -> Place:
        """The place of the pictures."""
        return Place(self.job.destination)

    def count_stored(self) -> None:
        """Count the purchases that lie in the store now, or wait to be brought there."""
        masters = {
            name.split("/")[-2] for name in self.state.names("masters") if name.endswith(".zip")
        }
        waiting = {file.name for file in Path(self.spool).rglob("*") if file.suffix in WAITING}
        waiting = {name.rpartition("-")[2].partition(".")[0] for name in waiting}
        self.stored.append(len(masters | waiting))

    @property
    def spool(self) -> str:
        """Where purchases wait that could not be stored."""
        return self.job.options.spool or ""

    @property
    def kills(self) -> int:
        """How often a run was killed."""
        return sum(night.killed for night in self.nights)

    @property
    def charged(self) -> float:
        """What left the account."""
        return sum(night.charged for night in self.nights)

    def unkept(self) -> Iterator[tuple[float, int]]:
        """For each night: what it was charged for and did not keep, and the calls then open."""
        for night, before, after in zip(self.nights, [0, *self.stored], self.stored, strict=False):
            yield night.charged - (after - before), night.open

    @property
    def answered(self) -> float:
        """Charged twice although the sandbox had answered: in memory when the process died."""
        return sum(max(0.0, unkept - was_open) for unkept, was_open in self.unkept())

    @cached_property
    def summaries(self) -> dict[str, dict[str, Any]]:
        """What was published, by run."""
        folder = f"{self.job.catalog}/runs"
        return {
            name.split("/")[-2]: json.loads(self.state.read(name))
            for name in self.state.names(folder)
            if name.endswith("/summary.json")
        }

    def report(self, run_id: str) -> pd.DataFrame:
        """The rows of one run."""
        name = f"{self.job.catalog}/runs/{run_id}/report.parquet"
        return pd.read_parquet(io.BytesIO(self.state.read(name)))

    @cached_property
    def last(self) -> pd.DataFrame:
        """What the undisturbed run says."""
        return self.report(self.nights[-1].run_id or "")

    @property
    def lost(self) -> set[str]:
        """SKUs that should have a picture in the end and have none."""
        rows = zip(self.last["sku"], self.last["pictures"], strict=True)
        there = {sku for sku, pictures in rows if pictures is not None and len(pictures)}
        return self.catalog.good - there

    def money(self, what: str) -> float:
        """A sum over all published runs."""
        return float(sum(one["money"][what] for one in self.summaries.values()))


def problems(done: Round) -> list[str]:
    """Everything that does not hold, in sentences; empty when all is well."""
    found = [*_rows(done), *_books(done), *_leftovers(done)]
    last = done.nights[-1].run_id
    if last is None or last not in done.summaries:
        return [*found, "the last run has no report"]
    return [*found, *_ends(done), *_pictures(done)]


def _rows(done: Round) -> Iterator[str]:
    """Every report has every row once, each with one outcome."""
    numbers = list(range(2, len(done.catalog.rows) + 2))
    outcomes = {str(outcome) for outcome in Outcome}
    for run_id in done.summaries:
        report = done.report(run_id)
        keyed = report[report["key"].notna() & (report["plan_state"] != "repeat")]
        if sorted(report["row"]) != numbers or not keyed["key"].is_unique:
            yield f"{run_id}: the report has {len(report)} rows for {len(numbers)}"
        if not set(report["outcome"]) <= outcomes:
            yield f"{run_id}: a row without an outcome"


def _ends(done: Round) -> Iterator[str]:
    """After the undisturbed run nothing is left to do, and what can have a picture has one."""
    report = done.last
    put_off = report[(report["outcome"] == "deferred") & (report["plan_state"] != WAITS)]
    if len(put_off):
        yield f"{len(put_off)} rows put off by the last run: {set(put_off['reason_code'])}"
    well = report[report["outcome"].isin(WELL)]
    if set(well["sku"]) != done.catalog.good:
        wrong = set(well["sku"]) ^ done.catalog.good
        yield f"ended otherwise than they should: {sorted(wrong)}"


def _books(done: Round) -> Iterator[str]:
    """Per published run and in sum, what was charged and what is uncertain is all there is."""
    for night in done.nights:
        summary = done.summaries.get(night.run_id or "")
        if summary is None:
            if night.charged:
                yield f"a run without a report was charged {night.charged:g}"
            continue
        money = summary["money"]
        if not money["charged"] <= night.charged <= money["charged"] + money["uncertain"]:
            yield (
                f"{night.run_id}: {night.charged:g} charged; its report says {money['charged']:g}"
                f" and {money['uncertain']:g} uncertain"
            )
    charged, uncertain = done.money("charged"), done.money("uncertain")
    if not charged <= done.charged <= charged + uncertain:
        yield f"{done.charged:g} charged; all reports say {charged:g} and {uncertain:g} uncertain"
    for unkept, _ in done.unkept():
        if unkept > done.job.options.limits.calls_at_once:
            yield f"{unkept:g} charges of one run were not kept, more than its calls at once"
    if done.stored[-1] != done.catalog.bought:
        yield f"{done.stored[-1]} purchases stored of {done.catalog.bought} pictures"


def _pictures(done: Round) -> Iterator[str]:
    """Every path leads to a whole picture with something cut out of it."""
    if done.lost:
        yield f"without a picture: {sorted(done.lost)}"
    for pictures in done.last["pictures"]:
        for picture in pictures if pictures is not None else ():
            yield from _picture(done.destination, picture["path"])


def _picture(place: Place, path: str) -> Iterator[str]:
    try:
        with Image.open(io.BytesIO(place.read(path))) as picture:
            least, most = picture.convert("RGBA").getchannel("A").getextrema()
    except (OSError, SyntaxError) as error:
        yield f"{path}: {type(error).__name__}"
        return
    if least == most:
        yield f"{path}: the same alpha everywhere"


def _leftovers(done: Round) -> Iterator[str]:
    """Nothing half written, no claim, no open run, no scratch space of the dead."""
    for place in (done.state, done.destination):
        lying = [name for name in place.names() if ".partial" in name]
        if lying:
            yield f"half written: {lying}"
    if claims := done.state.names("claims"):
        yield f"{len(claims)} claims of the dead, such as {claims[0]}"
    heads = done.state.names(f"{done.job.catalog}/ledger/heads")
    head = json.loads(done.state.read(max(heads, key=lambda name: int(Path(name).stem))))
    if head["open_runs"] or head["unknown_purchases"]:
        yield f"left open: {head['open_runs']} {head['unknown_purchases']}"
    leases = done.state.names(f"{done.job.catalog}/lease")
    if [json.loads(done.state.read(name))["released"] for name in leases] != [True]:
        yield f"the lease is not free: {leases}"
    for folder in (done.scratch, Path(done.spool)):
        if lying := [file.name for file in _content(folder)]:
            yield f"scratch space of the dead: {lying}"


def _content(folder: Path) -> Sequence[Path]:
    return [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
