"""Private inputs do not lie about for ever."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packshot.facts.job import Job, Options
from packshot.run.publishing import PRIVATE_INPUTS, expire_private_inputs
from packshot.run.workshop import RUN_ID_TIME, Place
from packshot.world.ledger import Head
from tests.run.nights import Shop

FILES = (*PRIVATE_INPUTS, "report.parquet")


def run_of(days: float) -> str:
    """The id of a run that was begun so many days ago."""
    return f"{datetime.now(UTC) - timedelta(days=days):{RUN_ID_TIME}}-abcdef"


def place_of(folder: Path, ages: Iterable[float], keep: int = 30) -> Place:
    """A catalog with runs of these ages in days."""
    options = Options(keep_private_days=keep)
    place = Place.of(Job(manifest="none", destination=str(folder / "shop"), options=options))
    for run in map(run_of, ages):  # once per run: a second may end between two files
        for name in FILES:
            place.state.write(f"shop/runs/{run}/{name}", b"x")
    return place


def by_age(place: Place) -> dict[int, str]:
    """The runs of the catalog by their age in days, the youngest first."""
    names = sorted(place.state.names("shop/runs"), reverse=True)
    begun = (datetime.strptime(name[:15], RUN_ID_TIME).replace(tzinfo=UTC) for name in names)
    ages = (round((datetime.now(UTC) - moment) / timedelta(days=1)) for moment in begun)
    return dict(zip(ages, names, strict=True))


def private(place: Place) -> list[int]:
    """How many days the runs are old that still have private inputs."""
    left = {age: place.state.names(f"shop/runs/{run}") for age, run in by_age(place).items()}
    assert all(names in (sorted(FILES), ["report.parquet"]) for names in left.values())
    return [age for age, names in left.items() if len(names) == len(FILES)]


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, []), (5, [2, 4]), (30, [2, 4, 20, 29]), (99, [2, 4, 20, 29, 31, 45, 60]), (9999, None)],
)
def test_whole_urls_go_when_the_job_says(keep: int, left: list[int] | None, tmp_path: Path) -> None:
    """However long ago they came of age: the shop may have paused. A report never goes."""
    ages = [2, 4, 20, 29, 31, 45, 60, 100, 400]
    place = place_of(tmp_path, ages, keep)
    expire_private_inputs(place, Head())
    assert private(place) == (ages if left is None else left)


def test_a_shorter_time_is_kept_for_runs_of_the_past_too(tmp_path: Path) -> None:
    """The days may be changed in either direction at any time."""
    ages = [2, 8, 20, 31, 60]
    head = expire_private_inputs(place_of(tmp_path, ages), Head())
    longer = place_of(tmp_path, [], keep=90)
    assert expire_private_inputs(longer, head) == head
    assert private(longer) == [2, 8, 20]
    shorter = place_of(tmp_path, [], keep=7)
    expire_private_inputs(shorter, head)
    assert private(shorter) == [2]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """A night asks for runs that came of age since the last one, and for no others."""
    place = place_of(tmp_path, [29.5, 31, 60, 100])
    head = expire_private_inputs(place, Head())
    for name in PRIVATE_INPUTS:
        place.state.write(f"shop/runs/{by_age(place)[60]}/{name}", b"put back by hand")
    expire_private_inputs(place_of(tmp_path, [], keep=29), head)
    assert private(place) == [60]


def test_a_run_without_a_report_keeps_its_plan_until_it_has_one(tmp_path: Path) -> None:
    """It keeps nobody else's, and is not passed over afterwards."""
    place = place_of(tmp_path, [29, 40, 50, 60])
    head = expire_private_inputs(place, Head(), spare=[by_age(place)[50]])
    assert private(place) == [29, 50]
    expire_private_inputs(place, head)
    assert private(place) == [29]


def test_every_published_run_tidies_up_and_remembers_how_far(shop: Shop) -> None:
    """The head says where the next night goes on."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    old = shop.state / shop.catalog / "runs" / run_of(200)
    old.mkdir(parents=True)
    (old / "plan.parquet").write_bytes(b"x")
    shop.night(keep_private_days=90)
    assert not (old / "plan.parquet").exists()
    head = Place.of(shop.job()).ledger.head()
    assert run_of(91) < head.expired_before < run_of(89)
