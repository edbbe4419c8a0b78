"""How many decoded pixels may be in memory at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from packshot.world.pixel_budget import PixelBudget


def test_the_budget_makes_a_thread_wait() -> None:
    """A picture that does not fit waits until another is done."""
    budget, inside = PixelBudget(100), Event()

    def work() -> None:
        with budget.hold(60):
            inside.set()

    with budget.hold(60):
        thread = Thread(target=work)
        thread.start()
        assert not inside.wait(0.05)
    assert inside.wait(5)
    thread.join()


def test_a_giant_goes_alone_and_is_not_overtaken() -> None:
    """Larger than the whole budget, it still gets its turn before those behind it."""
    budget, order = PixelBudget(100), []

    def work(pixels: int) -> None:
        with budget.hold(pixels):
            order.append(pixels)

    with ThreadPoolExecutor(3) as pool, budget.hold(10):
        for place, pixels in enumerate((500, 20, 30), start=1):
            pool.submit(work, pixels)
            while len(budget._queue) < place:
                pass
        assert order == []
    assert order[0] == 500


def test_the_budget_is_given_back_after_an_error() -> None:
    """A broken picture does not shrink the budget."""
    budget = PixelBudget(10)
    with pytest.raises(KeyError), budget.hold(10):
        raise KeyError
    with budget.hold(10):
        assert budget._free == 0
    assert budget._free == 10
