"""The work of a run is cut into batches whose number does not grow with the catalog."""

from collections.abc import Iterator

import pytest

from packshot.run import session
from packshot.run.session import BATCHES
from packshot.run.workshop import Workshop
from tests.run.nights import KEY, Shop


@pytest.fixture
def opened(shop: Shop) -> Iterator[Workshop]:
    """A run that has begun."""
    workshop, _ = session.begin(shop.job(provider="local"), KEY)
    yield workshop
    workshop.close()


@pytest.mark.parametrize(
    ("rows", "number"), [(0, 0), (1, 1), (48, 48), (49, 25), (100_000, 48), (10_000_000, 48)]
)
def test_batches_are_bounded_and_hold_every_row_once(
    opened: Workshop, rows: int, number: int
) -> None:
    """A small run has a picture in each; a large one as many batches as any other."""
    opened.work_rows = rows
    batches = session.batches(opened)
    assert len(batches) == number <= BATCHES
    ends = [0, *(batch.last for batch in batches)]
    assert [batch.first for batch in batches] == ends[:-1]
    assert ends[-1] == rows
    assert len({batch.name for batch in batches}) == number


def test_more_workers_than_batches_have_work_each(opened: Workshop) -> None:
    """A wide run has a batch per worker, and no more."""
    limits = opened.job.options.limits.model_copy(update={"workers": 64})
    options = opened.job.options.model_copy(update={"limits": limits})
    opened.job = opened.job.model_copy(update={"options": options})
    opened.work_rows = 100_000
    assert len(session.batches(opened)) == 64
