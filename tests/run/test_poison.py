"""A picture that never succeeds costs less and less, then nothing, and takes no other with it."""

from collections.abc import Iterator

import pytest
import stamina

from packshot.decisions.patience import NIGHTS
from packshot.run import cutting
from packshot.world.pictures import preview
from tests.run.nights import Shop, photo


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Tries happen; their pauses do not."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A picture to be poisoned between two sound ones, and real money."""
    shop.market.pass_for_real()
    for colour, name in enumerate(("before", "poison", "after")):
        shop.draw(f"{name}.png", colour=colour)
    shop.list(*(shop.row(name, f"{name}.png") for name in ("before", "poison", "after")))
    return shop


def test_a_picture_that_breaks_the_provider_backs_off(stocked: Shop) -> None:
    """Two doubtful calls a night, on five nights further and further apart, then none."""
    stocked.list(stocked.row("poison", "poison.png"))
    posts = []
    for wait in (0, *(night.days for night in NIGHTS)):
        stocked.market.state.faults.clear()
        stocked.later(days=max(wait - 1, 0))
        if wait > 1:
            assert stocked.night().seen.posts == 0
        stocked.later(days=min(wait, 1))
        stocked.fail_next("reset_after_read", times=9)
        night = stocked.night()
        posts.append(night.seen.posts)
    assert (posts, night.summary.outcomes) == ([2] * 5, {"rejected": 1})
    stocked.later(days=60)
    assert stocked.night(recheck_after_days=365).seen.posts == 0


def test_a_picture_that_breaks_us_fails_alone(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours is that picture's failure, named without its words, and backs off too."""
    poison = photo(1)

    def fragile(content: bytes) -> bytes:
        if content == poison:
            raise ZeroDivisionError("planted-secret")
        return preview(content)

    monkeypatch.setattr(cutting, "preview", fragile)
    night = stocked.night()
    assert night.summary.outcomes == {"cut": 2, "failed": 1}
    row = night.last_of("poison")
    assert row is not None
    assert (row["sku"], row["reason_code"]) == ("poison", "unexpected")
    assert "ZeroDivisionError" in row["reason"]
    assert "planted-secret" not in row["reason"]
    again = stocked.night()
    assert (again.summary.outcomes, again.seen.gets) == ({"unchanged": 2, "deferred": 1}, 0)
