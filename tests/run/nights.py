"""Whole runs for tests: a shop with pictures, a manifest, and one night after another.

A `Shop` owns a folder. Its pictures are served by a sandbox that also plays the provider, so
every byte travels over HTTP, and what a night cost is counted on the other side of the wire.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from PIL import Image
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from packshot.facts.job import Job
from packshot.run import session
from packshot.run.plan import Plan
from packshot.run.summary import Summary
from packshot.run.workshop import Here
from packshot.sandbox.gate import CLASS_HEADER
from packshot.sandbox.product_cdn import PREFIX
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from packshot.world.ledger import COLUMNS

KEY = "test-key"
SIZE = (120, 90)
CATALOG = "shop"
TIMES = tuple(name for name, kind in COLUMNS.items() if kind == "TIMESTAMP")
COLUMN_NAMES = ("sku", "image_url", "position", "foreground_type", "resolution", "skip")

Row = Mapping[str, str]


class Market(Sandbox):
    """A sandbox that draws its cutouts once, and can pass for the paid service itself."""

    def __init__(self, folder: Path) -> None:
        state = SandboxState(Settings(cutouts="canned"))
        super().__init__(state, folder)
        self.folder = folder
        self._label = Label(self._server.config.app)
        self._server.config.app = self._label

    def open_anew(self) -> None:
        """Forget what was sold, and answer as a sandbox."""
        self.state.reset()
        self._label.shown = True

    def pass_for_real(self) -> None:
        """Sell purchases of class `paid`: leave out what marks answers as tests."""
        self._label.shown = False


class Label:
    """Takes the mark of a sandbox off its answers while it is not to be shown."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.shown = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def unmarked(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.shown:
                del MutableHeaders(scope=message)[CLASS_HEADER]
            await send(message)

        await self._app(scope, receive, unmarked)


@dataclass(frozen=True)
class Seen:
    """What the market saw in one night."""

    posts: int
    credits: float
    gets: int
    """Requests for pictures, whatever the answer."""
    not_modified: int


@dataclass(frozen=True)
class Night:
    """One published run, from both sides of the wire."""

    plan: Plan
    summary: Summary
    report: pd.DataFrame
    seen: Seen
    earlier: list[Summary]
    """Dead runs that this one has published."""

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by key; rows without a key are left out, repeats overwrite."""
        keyed = self.report[self.report["key"].notna()]
        return dict(zip(keyed["key"], keyed["outcome"], strict=True))

    def last_of(self, sku: str) -> dict[str, Any] | None:
        """The last row of the report that is about a SKU."""
        rows = self.report[self.report["sku"] == sku]
        return None if rows.empty else dict(rows.iloc[-1])


@dataclass
class Shop:
    """One catalog with its pictures, its manifest and its memory."""

    market: Market
    folder: Path
    name: str = "front"
    catalog: str = CATALOG
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of the job and of its options that every night shares."""

    @property
    def manifest(self) -> Path:
        """The table of tonight."""
        return self.folder / f"{self.catalog}.csv"

    @property
    def state(self) -> Path:
        """The private place."""
        return self.folder / "state"

    @property
    def pictures(self) -> Path:
        """The folder behind the shop's picture host."""
        return self.market.folder / self.name

    # --- what the shop shows --------------------------------------------------------------

    def draw(self, name: str, *, colour: int = 0, size: tuple[int, int] = SIZE) -> None:
        """Put a photo up: a block on a pale ground, different bytes for each colour."""
        self.put(name, photo(colour, size))

    def put(self, name: str, content: bytes) -> None:
        """Put any bytes up."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        (self.pictures / name).write_bytes(content)

    def take_down(self, name: str) -> None:
        """Leave a 404 where a picture was."""
        (self.pictures / name).unlink(missing_ok=True)

    def url(self, name: str) -> str:
        """Where a picture is."""
        return f"{self.market.url}{PREFIX}{self.name}/{name}"

    def row(self, sku: str, picture: str, **cells: str) -> Row:
        """A line of the manifest; the first picture of its SKU unless `position` says else."""
        return {"sku": sku, "image_url": self.url(picture), "position": "1"} | cells

    def list(self, *rows: Row) -> None:
        """Write the manifest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.manifest.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMN_NAMES, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def neighbour(self, catalog: str) -> "Shop":
        """Another catalog of the same house: same pictures, same state, its own ledger."""
        return Shop(self.market, self.folder, self.name, catalog, dict(self.settings))

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Let the provider's next calls go wrong; kinds are the sandbox's faults."""
        self.market.state.add_fault(Fault(kind=kind, times=times))

    # --- nights ---------------------------------------------------------------------------

    def job(self, **changes: Any) -> Job:  # noqa: ANN401  whatever a job takes
        """Tonight's job; changes may name its own fields and those of its options."""
        said = self.settings | changes
        own = {name: value for name, value in said.items() if name in Job.model_fields}
        provider = own.setdefault("provider", "removebg")
        options = {
            "catalog": self.catalog,
            "allow_hosts": ["127.0.0.1"],
            "provider_url": None if provider == "local" else f"{self.market.url}/v1.0",
            **{name: value for name, value in said.items() if name not in Job.model_fields},
        }
        own.setdefault("manifest", str(self.manifest))
        return Job(
            destination=str(self.folder / "out" / self.catalog),
            state=str(self.state),
            options=options,
            **own,
        )

    def night(self, *, retry: bool = False, flow_run: str | None = None, **changes: Any) -> Night:  # noqa: ANN401
        """A whole run."""
        before = self._counted()
        here = Here(flow_run=flow_run)
        shop, earlier = session.begin(self.job(**changes), KEY, retry_failures=retry, here=here)
        try:
            plan = work(shop)
            summary = session.publish_report(shop)
        finally:
            shop.close()
        after = self._counted()
        spent = Seen(*(now - then for now, then in zip(after, before, strict=True)))
        return Night(plan, summary, self._report(summary.run_id), spent, earlier)

    def dead_night(self, *, flow_run: str | None = None, **changes: Any) -> None:  # noqa: ANN401
        """A run that dies after its work: no event was stored, nothing is published."""
        shop, _ = session.begin(self.job(**changes), KEY, here=Here(flow_run=flow_run))
        try:
            work(shop)
        finally:
            shop.close()

    def later(self, *, days: float = 0, hours: float = 0) -> None:
        """Let time pass: set the times in the ledger back."""
        passed = f"INTERVAL {round((days * 24 + hours) * 60)} MINUTE"
        self.rewrite_ledger(*(f"{name} - {passed} AS {name}" for name in TIMES))

    def rewrite_ledger(self, *columns: str) -> None:
        """Replace columns of all that the ledger remembers, in SQL."""
        for folder in ("*/ledger/*.parquet", "*/runs/*/ledger-*.parquet"):
            for file in self.state.glob(folder):
                aside = file.with_suffix(".aside")
                duckdb.execute(
                    f"COPY (SELECT * REPLACE ({', '.join(columns)}) FROM read_parquet('{file}')) "
                    f"TO '{aside}' (FORMAT parquet)"
                )
                aside.replace(file)

    def known(self, sku: str) -> dict[str, Any]:
        """What the state file of the ledger holds about a SKU."""
        newest = max(
            self.state.glob(f"{self.catalog}/ledger/state-*.parquet"),
            key=lambda file: int(file.stem.split("-")[1]),
        )
        rows = pd.read_parquet(newest)
        return dict(rows[rows["sku"] == sku].iloc[-1])

    def _report(self, run_id: str) -> pd.DataFrame:
        return pd.read_parquet(self.state / self.catalog / "runs" / run_id / "report.parquet")

    def _counted(self) -> tuple[int, float, int, int]:
        """The market's counters; pictures of this shop only."""
        state, ours = self.market.state, f"{self.name}/"
        with state.lock:
            return (
                state.posts,
                state.credits_charged,
                sum(count for path, count in state.cdn_gets.items() if path.startswith(ours)),
                sum(n for path, n in state.cdn_not_modified.items() if path.startswith(ours)),
            )


def whole_night(job: Job) -> Summary:
    """A night in this process, wherever its places lie."""
    shop, _ = session.begin(job, KEY)
    try:
        work(shop)
        return session.publish_report(shop)
    finally:
        shop.close()


def work(shop: session.Workshop) -> Plan:
    """The stages up to the report."""
    session.read_manifest(shop)
    plan = session.detect_changes(shop)
    session.check_credits(shop)
    session.run_in_threads(shop)
    return plan


def photo(colour: int = 0, size: tuple[int, int] = SIZE, ground: int = 240) -> bytes:
    """A PNG of a block on a pale ground."""
    width, height = size
    pixels = np.full((height, width, 3), ground, np.uint8)
    pixels[height // 4 : -height // 4, width // 4 : -width // 4] = (60 + colour % 120, 80, 120)
    return _png(Image.fromarray(pixels))


def transparent() -> bytes:
    """A PNG that someone has cut out before."""
    pixels = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    pixels[20:-20, 20:-20] = (60, 80, 120, 255)
    return _png(Image.fromarray(pixels))


def _png(picture: Image.Image) -> bytes:
    body = BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()
