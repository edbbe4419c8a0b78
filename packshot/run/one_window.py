"""A call and a window, as far as one process knows of them."""

import math
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sharers:
    """Among how many processes an account is shared."""

    here: int = 1
    """This one among them."""
    expected: int = 0
    """For so many more a part is kept."""
    came: float | None = None
    """When this one came to others that were there; None if it did not."""


@dataclass(slots=True, eq=False)
class Call:
    """A call that waits, then flies, then has landed."""

    weight: float
    asked: float
    sent: float | None = None
    landed: float = math.inf
    counted: bool = False
    """The provider's count holds it: a reading came with its answer."""
    carried: bool = False
    """It left in an earlier window than the present one."""
    known: float = 0.0
    """The provider's count as it was known when the call left."""
    passed_in: int | None = None
    """Number of the window in which it first found no room."""
    leave: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Window:
    """One window, as far as we know it."""

    number: int
    carries: bool = False
    """Calls were in flight when it began."""
    opened: float | None = None
    ends: float = math.inf
    latest_end: float = math.inf
    confirmed: bool = False
    """The provider itself said when it ends."""
    landed: bool = False
    counted: float = 0.0
    """The provider's own count."""
    answered: float = 0.0
    """Weight of our calls that left in this window and are certainly in that count."""
    carried: float = 0.0
    """Weight of calls from earlier windows that were answered in this one."""
    sent: float = 0.0
    backlog: bool = False
    """Someone waited because nothing was left."""
    sharers: int = 1
    """As many processes as there have been at once."""
    by_count: bool = False
    """Some came or went meanwhile, so nobody has a part of it."""
