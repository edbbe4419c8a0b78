"""Receipts of purchases that nobody made."""

from datetime import UTC, datetime

from packshot.facts.purchase import Box, PurchaseClass, Receipt

FINGERPRINT = "ab" * 32
ORDINARY = Receipt(
    fingerprint=FINGERPRINT,
    provider="removebg",
    purchase_class=PurchaseClass.PAID,
    charged=1.0,
    unit="credits",
    charge_stated=True,
    foreground_type="product",
    box_stated=None,
    box_computed=Box(1, 2, 30, 40),
    content_hash="cd" * 32,
    source_width=64,
    source_height=48,
    source_bytes=1234,
    paid_options="{}",
    result_format="png",
    result_width=64,
    result_height=48,
    result_hash="ef" * 32,
    calls=1,
    seconds=0.5,
    bought_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    run_id="run-1",
    catalog="shop",
)


def receipt(**changes: object) -> Receipt:
    """An ordinary purchase, unless said otherwise."""
    return ORDINARY.model_copy(update=changes)
