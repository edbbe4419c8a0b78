"""What files of pictures are called, whoever makes them."""

from typing import Annotated, Literal

from pydantic import Field

PictureName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="Part of the file name.")
]
PictureFormat = Annotated[
    Literal["png", "webp", "jpeg"], Field(description="JPEG needs a background.")
]
SUFFIXES = {"png": "png", "webp": "webp", "jpeg": "jpg"}
CONTENT_TYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}
