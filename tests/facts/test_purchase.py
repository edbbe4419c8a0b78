"""What a purchase is worth, and whom it satisfies."""

import pytest

from packshot.facts.purchase import PurchaseClass

PAID, DEGRADED, FREE, TEST = (
    PurchaseClass.PAID,
    PurchaseClass.DEGRADED,
    PurchaseClass.FREE,
    PurchaseClass.TEST,
)


@pytest.mark.parametrize(
    ("asked", "enough"),
    [(PAID, {PAID}), (DEGRADED, {PAID}), (FREE, {PAID, FREE}), (TEST, {PAID, FREE, TEST})],
)
def test_a_lower_class_never_stands_in(asked: PurchaseClass, enough: set[PurchaseClass]) -> None:
    """Better is welcome; worse, and what came back smaller than asked, is not."""
    assert {kind for kind in PurchaseClass if kind.satisfies(asked)} == enough
