"""`docs/faults.md` is true about providers: every row is a night that was lived through."""

from collections.abc import Iterator

import pytest

from packshot.facts.errors import PackshotError
from packshot.run import session
from packshot.sandbox.state import Fault
from tests.run.faults import PROVIDER, TRIES, rows, stocked, told
from tests.run.nights import KEY, Shop


@pytest.fixture
def mug(shop: Shop) -> Iterator[Shop]:
    """A shop with one picture, and a provider that behaves again afterwards."""
    stocked(shop)
    kept = shop.market.state.settings
    yield shop
    shop.market.state.change(kept.model_dump())


@pytest.mark.parametrize("line", rows("The provider"), ids=lambda line: line[0])
def test_what_a_provider_that_misbehaves_costs(line: tuple[str, ...], mug: Shop) -> None:
    """The night itself, and the next one with a provider that behaves."""
    PROVIDER[line[0]](mug)
    first = mug.night()
    mug.market.state.faults.clear()
    mug.later(hours=23)
    second = mug.night()
    lived = (line[0], *told(first), *told(second)[:1], *told(second)[2:4])
    assert lived == line


def test_every_fault_has_its_row() -> None:
    """Whatever can be staged here is told, once."""
    assert [line[0] for line in rows("The provider")] == list(PROVIDER)


@pytest.mark.parametrize("kind", ["status_500", "status_503", "reset_before_read"])
def test_no_run_begins_without_a_balance(mug: Shop, kind: str) -> None:
    """What may be spent is not known; the sentence names the provider."""
    mug.market.state.add_fault(Fault(kind=kind, on="account", times=TRIES))
    with pytest.raises(PackshotError, match=r"remove\.bg"):
        mug.night()
    assert mug.market.state.posts == 0
    mug.market.state.faults.clear()
    assert mug.night().summary.outcomes == {"cut": 1}


def test_a_balance_that_cannot_be_read_later_stops_nothing(mug: Shop) -> None:
    """The run counts on with what it knows."""
    for number in range(4):
        mug.draw(f"{number}.png", colour=number)
    mug.list(*(mug.row(f"{number}", f"{number}.png") for number in range(4)))
    shop, _ = session.begin(mug.job(account_every=1), KEY)
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        mug.market.state.add_fault(Fault(kind="status_500", on="account", times=TRIES))
        session.run_in_threads(shop)
        summary = session.publish_report(shop)
    finally:
        shop.close()
    assert summary.outcomes == {"cut": 4}
    assert (summary.money.charged, summary.money.balance_after) == (4, None)
