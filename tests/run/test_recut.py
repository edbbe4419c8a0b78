"""Buying everything anew: once, however often the run is cut short."""

from typing import Any

import pytest

from packshot.run import session
from packshot.run.looking import plan_only, scratch_folder
from tests.run.nights import KEY, Shop

ANEW: dict[str, Any] = {"recut": "all"}


@pytest.fixture
def known(shop: Shop) -> Shop:
    """A shop that has bought its six pictures, and pays with real money."""
    shop.market.pass_for_real()
    names = [f"{number}.png" for number in range(6)]
    for number, name in enumerate(names):
        shop.draw(name, colour=number)
    shop.list(*(shop.row(str(number), name) for number, name in enumerate(names)))
    shop.night()
    return shop


def bought(shop: Shop) -> list[int]:
    """How often each picture was sold, in no order."""
    return sorted(shop.market.state.identities.values())


def test_a_dead_run_is_gone_on_with(known: Shop) -> None:
    """What it bought anew is found again, and nothing is sold a third time."""
    known.dead_night(**ANEW)
    night = known.night(**ANEW)
    assert night.seen.posts == 0
    assert night.summary.outcomes == {"recovered": 6}
    assert bought(known) == [2] * 6


def test_a_cap_spreads_it_over_nights(known: Shop) -> None:
    """Each night buys what the one before could not, and the plan knows what is left."""
    first = known.night(max_credits=4, **ANEW)
    second = known.night(max_credits=4, **ANEW)
    assert (first.seen.posts, second.seen.posts) == (4, 2)
    assert (first.plan.calls_at_most, second.plan.calls_at_most) == (6, 2)
    assert any("goes on" in said for said in second.plan.unknowns)
    assert not any("goes on" in said for said in first.plan.unknowns)
    assert bought(known) == [2] * 6


def test_an_exact_plan_knows_it_too(known: Shop) -> None:
    """The plan that fetches counts only what the night will buy."""
    known.night(max_credits=4, **ANEW)
    known.dead_night(max_credits=1, **ANEW)
    with scratch_folder() as folder:
        plan = plan_only(known.job(**ANEW), KEY, folder, fetch=True).plan
    assert plan.calls_at_most == known.night(**ANEW).seen.posts == 1


def test_once_carried_through_it_begins_anew(known: Shop) -> None:
    """Asked for again after all was bought, all of it is bought once more."""
    known.night(**ANEW)
    assert known.night(**ANEW).seen.posts == 6
    assert bought(known) == [3] * 6


def test_one_left_lying_for_long_begins_anew(known: Shop) -> None:
    """Nobody goes on with what was meant a month ago."""
    known.night(max_credits=4, **ANEW)
    ledger = session.Place.of(known.job()).ledger
    head = ledger.head()
    assert head.recut_since is not None
    long_ago = head.recut_since.replace(year=head.recut_since.year - 1)
    ledger.move(head.model_copy(update={"recut_since": long_ago}), was=head)
    assert known.night(**ANEW).seen.posts == 6


def test_an_answer_worth_less_is_not_asked_for_again_by_the_next_sku(known: Shop) -> None:
    """The better purchase of before stands for all that show the picture."""
    known.draw("same.png", size=(640, 480))
    rows = [known.row(f"same-{number}", "same.png") for number in range(4)]
    known.list(*rows)
    known.night(max_gone_share=1.0)
    known.fail_next("degraded", times=4)
    night = known.night(**ANEW)
    assert night.seen.posts == 1
    assert night.summary.outcomes == {"reused": 4}
