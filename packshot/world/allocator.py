"""What the C library does with the memory of pictures that are done with."""

import ctypes
import functools
from typing import Final

import pyarrow as pa

M_MMAP_THRESHOLD: Final = -3
"""The number of this setting in glibc's `malloc.h`."""
LARGE_BYTES: Final = 4 << 20


@functools.cache
def give_large_blocks_back() -> None:
    """Let memory of 4 MB and more return to the system as soon as it is freed; glibc only.

    By itself glibc (mallopt(3)) takes freed blocks of up to 32 MB as a sign to keep such blocks,
    in a heap per thread: with 48 workers and pictures of 25 megapixels that came to nearly three
    times the memory (`bench/README.md`, which has the price as well).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back_memory() -> None:
    """Let the system have what nobody uses: some tens of megabytes after thousands of pictures.

    Each thread leaves holes in an arena of its own, which glibc looks for only when it is told to
    (malloc_trim(3)); Arrow keeps what it has freed, too.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
