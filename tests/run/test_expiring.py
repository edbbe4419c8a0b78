"""Private inputs do not lie about for ever."""

from datetime import timedelta
from pathlib import Path

import pytest

from packshot.facts.job import Job
from packshot.run.planning import utc_now
from packshot.run.publishing import expire_private_inputs
from packshot.run.workshop import RUN_ID_TIME, Place


@pytest.mark.parametrize(("days", "stays"), [(1, True), (29, True), (31, False), (40, False)])
def test_whole_urls_go_after_thirty_days(days: int, stays: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A run's plan and failed rows are removed when it is old enough, its report never."""
    place = Place.of(Job(manifest="none", destination=str(tmp_path / "shop")))
    run = f"shop/runs/{utc_now() - timedelta(days=days):{RUN_ID_TIME}}-abcdef"
    for name in ("plan.parquet", "failed.csv", "report.parquet"):
        place.state.write(f"{run}/{name}", b"x")
    expire_private_inputs(place)
    left = place.state.names(run)
    assert ("plan.parquet" in left) == ("failed.csv" in left) == stays
    assert "report.parquet" in left
