"""Errors are sorted by remedy, drawn in the module's map, and can travel."""

import pickle
import re
from collections.abc import Iterator

import pytest

from packshot.facts import errors
from packshot.facts.errors import CannotStart, PackshotError, StopRun, Throttled, TryAgain

REMEDIES = set(PackshotError.__subclasses__())


def below(branch: type[PackshotError]) -> Iterator[type[PackshotError]]:
    """Every error under a branch."""
    for kind in branch.__subclasses__():
        yield kind
        yield from below(kind)


EVERY_ERROR = [PackshotError, *below(PackshotError)]
BRANCHES = {PackshotError, StopRun, TryAgain, CannotStart}


def drawn() -> dict[str, str]:
    """Each error of the map in the module's docstring with the one it hangs from."""
    above: dict[str, str] = {}
    path: list[str] = []
    for bars, name in re.findall(r"^([│├└─ ]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(bars) // 4
        path[depth:] = [name]
        if depth:
            above[name] = path[depth - 1]
    return above


def test_the_map_shows_every_error_where_it_is() -> None:
    """The tree at the top of the module is the tree of the classes."""
    assert drawn() == {kind.__name__: str(kind.__base__.__name__) for kind in EVERY_ERROR[1:]}


@pytest.mark.parametrize("kind", EVERY_ERROR[1:])
def test_an_error_has_exactly_one_remedy(kind: type[PackshotError]) -> None:
    """An `except` clause for one remedy never catches another."""
    assert len(REMEDIES & set(kind.__mro__)) == 1


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_an_error_survives_the_way_to_another_process(kind: type[PackshotError]) -> None:
    """Sentence and code are the same after pickling."""
    arrived = pickle.loads(pickle.dumps(kind("Something is wrong.", "own_code")))  # noqa: S301  our own
    assert type(arrived) is kind
    assert (str(arrived), arrived.message, arrived.code) == (
        "Something is wrong.",
        "Something is wrong.",
        "own_code",
    )


@pytest.mark.parametrize("kind", [TryAgain, *below(TryAgain)])
def test_a_wait_survives_the_way_to_another_process(kind: type[TryAgain]) -> None:
    """Every worker learns how long the provider asked us to wait."""
    arrived = pickle.loads(pickle.dumps(kind("Slow down.", wait_seconds=7.5)))  # noqa: S301  our own
    assert arrived.wait_seconds == 7.5
    assert arrived.code == kind.default_code


def test_codes_tell_errors_apart() -> None:
    """No two kinds of error that are raised share a code."""
    codes = [kind.default_code for kind in EVERY_ERROR if kind not in BRANCHES]
    assert len(codes) == len(set(codes))


def test_a_code_is_the_kinds_own_unless_given() -> None:
    """Machines read a stable word."""
    assert Throttled("Slow down.").code == "throttled"
    assert Throttled("Slow down.", code="too_many").code == "too_many"


def test_only_some_stops_end_what_costs_nothing() -> None:
    """Without credits the free work goes on; without a lease or a store nothing does."""
    ending = {kind.__name__ for kind in below(StopRun) if kind.everything}
    assert ending == {"StopRequested", "LeaseLost", "StoreUnavailable"}
