"""A purchase and its worth: classes, boxes, receipts, accounts, prices."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class PurchaseClass(StrEnum):
    """What a purchase is worth. A lower class never satisfies a request for a higher one."""

    PAID = "paid"
    DEGRADED = "degraded"
    FREE = "free"
    TEST = "test"

    @property
    def rank(self) -> int:
        """Higher is worth more; `degraded` satisfies no one who asked for `paid`."""
        return {"paid": 3, "degraded": 2, "free": 1, "test": 0}[self.value]

    def satisfies(self, asked: "PurchaseClass") -> bool:
        """Whether a purchase of this class will do where `asked` is wanted.

        `degraded` is money spent on less than was asked, so it stands in for nothing else.
        """
        if self is PurchaseClass.DEGRADED:
            return False
        return self.rank >= asked.rank


class Box(NamedTuple):
    """A rectangle in pixels of the upright source: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


class BoughtPicture(BaseModel):
    """A further picture that came with a purchase."""

    model_config = ConfigDict(frozen=True)

    name: str
    asked: Annotated[str, Field(description="Canonical JSON of what it was to look like.")]
    format: str
    width: int
    height: int
    content_hash: str


class Receipt(BaseModel):
    """What a purchase cost and returned; the first entry of every master."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    fingerprint: str
    provider: str
    purchase_class: PurchaseClass
    charged: Annotated[float, Field(ge=0, description="Amount, in `unit`.")]
    unit: str
    charge_stated: Annotated[
        bool, Field(description="True: the provider's word. False: our estimate.")
    ]
    foreground_type: str | None
    box_stated: Annotated[Box | None, Field(description="The box as the provider gave it.")]
    box_computed: Annotated[Box | None, Field(description="From the alpha, in source pixels.")]
    content_hash: str
    source_width: int
    source_height: int
    source_bytes: int
    sent_width: Annotated[
        int | None, Field(description="Pixels of the source as it was sent; none: not on record.")
    ] = None
    sent_height: int | None = None
    paid_options: Annotated[str, Field(description="Canonical JSON of the paid options.")]
    result_format: str
    result_width: int
    result_height: int
    result_hash: str
    doubt: Annotated[str | None, Field(description="What the provider itself was unsure of.")] = (
        None
    )
    further: Annotated[
        tuple[BoughtPicture, ...], Field(description="What came with it: see `options.outputs`.")
    ] = ()
    calls: Annotated[int, Field(description="Calls sent for this purchase, the last one answered.")]
    seconds: Annotated[float, Field(description="From sending to the last byte of the answer.")]
    bought_at: datetime
    run_id: str
    catalog: str


class Account(BaseModel):
    """What the provider says the account holds."""

    model_config = ConfigDict(frozen=True)

    unit: str
    total: float
    kinds: dict[str, float] = {}
    free_calls: int = 0
    purchase_class: PurchaseClass = PurchaseClass.PAID


class Price(NamedTuple):
    """What one call costs in the provider's unit, when the result's size is not known yet."""

    at_most: float
    likely: float
