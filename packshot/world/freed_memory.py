"""Memory that was freed and is still held by the allocators of this process."""

import ctypes
from contextlib import suppress

import pyarrow as pa


def give_back_memory() -> None:
    """Let the system have what nobody uses; some tens of megabytes after thousands of pictures.

    Each thread that freed something leaves holes in an arena of its own, and glibc looks for them
    only when it is told to. Other C libraries give memory back by themselves.
    """
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
