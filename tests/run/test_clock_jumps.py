"""Waits, deadlines and durations hold when somebody sets the clock in the middle of the night."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from packshot.run import session
from tests.run.nights import KEY, Shop, work

ROOT = Path(__file__).parents[2]
DATES = {
    "packshot/providers/answers.py": "a provider that names a moment and not its own time",
    "packshot/providers/backgroundcut.py": "until when a result is kept, over nights",
    "packshot/providers/leonardo.py": "until when a job may turn up, over nights",
    "packshot/world/fetch_answers.py": "a picture host that does the same",
    "packshot/world/asides.py": "ages of files",
    "packshot/world/holders.py": "leases and claims, which other machines read",
    "packshot/world/tickets.py": "since when a ticket cannot be read, over nights",
    "packshot/run/adopting.py": "when something was adopted",
    "packshot/run/buying.py": "when something was bought",
    "packshot/run/collecting.py": "when a job was given",
    "packshot/run/looking.py": "since when everything is bought anew",
    "packshot/run/planning.py": "nights, and when things were asked",
    "packshot/run/stopping.py": "how long it is until `finish_by`, once",
    "packshot/run/workshop.py": "the name of a run and when it started",
}
"""Who may ask for the date, and what for. All that waits or measures asks `time.monotonic`."""


def asks_for_the_date(file: Path) -> bool:
    """Whether the wall clock is read."""
    asked = {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    wall = {("time", "time"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}
    return bool(asked & wall)


def test_only_dates_come_from_a_clock_that_can_be_set() -> None:
    """A new reader of the wall clock has to say here what date it needs."""
    layers = ("packshot", "tasks", "flows", "cli")
    files = (file for layer in layers for file in (ROOT / layer).rglob("*.py"))
    asking = {str(file.relative_to(ROOT)) for file in files if asks_for_the_date(file)}
    assert {name for name in asking if "/sandbox/" not in name} == DATES.keys()


@pytest.mark.parametrize("hours", [1, -24])
def test_a_run_lasts_as_long_as_it_lasts(shop: Shop, hours: int) -> None:
    """A clock that was set back or forward in the night changes no duration and no rate."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    run, _ = session.begin(shop.job(), KEY)
    run.started_at += timedelta(hours=hours)
    try:
        work(run)
        summary = session.publish_report(run)
    finally:
        run.close()
    assert 0.05 < summary.seconds < 60
    assert summary.images_per_minute == pytest.approx(60 / summary.seconds, rel=0.05)
