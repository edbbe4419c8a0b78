"""What the user says of a shop's export; what is left open is found out."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Encoding = Literal[
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp874",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]


class ExportChoice(BaseModel):
    """How to read an export, and which of its pictures are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[
        str | None,
        Field(
            description="The export's format by name, or `table` for a plain table; left open, it "
            "is told by the content."
        ),
    ] = None
    encoding: Annotated[
        Encoding | None,
        Field(description="In which encoding the text is; left open, it is told by the content."),
    ] = None
    base_url: Annotated[
        str | None,
        Field(
            min_length=1,
            description="What addresses of pictures without a host hang on, such as "
            "`https://shop.example/media/catalog/product/`.",
        ),
    ] = None
    pictures: Annotated[
        str,
        Field(
            pattern=r"^(all|main|[1-9]\d?(,[1-9]\d?)*)$",
            description="Which pictures of each product: `all`, `main`, or numbers such as `1,2`.",
        ),
    ] = "all"
    where: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=2_000,
            description="Only rows of the table for which this holds, in SQL: "
            "`status = 'active' and vendor != 'x'`.",
        ),
    ] = None

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the pictures that are meant; empty for all."""
        if self.pictures == "all":
            return frozenset()
        return frozenset({1} if self.pictures == "main" else map(int, self.pictures.split(",")))
