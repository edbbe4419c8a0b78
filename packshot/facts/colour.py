"""Colours as options write them."""

import re
from typing import Final

_HEX_COLOUR: Final = re.compile(r"[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8}")


def long_hex(colour: str) -> str:
    """`#FFF` → `ffffff`; three to eight hex digits, alpha kept. Raises `ValueError`."""
    digits = colour.strip().removeprefix("#").lower()
    if not _HEX_COLOUR.fullmatch(digits):
        msg = f"`{colour}` is no colour; write hex digits such as `ffffff` or `ffffff80`"
        raise ValueError(msg)
    return "".join(d * 2 for d in digits) if len(digits) <= 4 else digits
