"""Places of our own: what lies there is a result or a secret, and never a source."""

import posixpath
from collections.abc import Iterable
from pathlib import Path

from fsspec.core import split_protocol

_SAME = {"local": "file", "s3a": "s3"}
"""Schemes that are other words for one."""


class OwnPlaces:
    """Tells whether an address lies within one of these places."""

    def __init__(self, places: Iterable[str] = ()) -> None:
        self._places = [_whereabouts(place) for place in places]

    def hold(self, url: str) -> bool:
        """Whether something there is ours; links on this machine are followed."""
        scheme, path = _whereabouts(url)
        return any(
            scheme == its_scheme and path.is_relative_to(place)
            for its_scheme, place in self._places
        )


def _whereabouts(url: str) -> tuple[str, Path]:
    scheme, path = split_protocol(url)
    scheme = _SAME.get(scheme or "file", scheme or "file")
    if scheme == "file":
        return scheme, Path(path).expanduser().resolve()
    return scheme, Path(posixpath.normpath(f"/{path}"))
