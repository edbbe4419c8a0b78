"""Memory of large pictures goes back to the system."""

import platform
import subprocess
import sys

import pytest

from packshot.world.allocator import give_large_blocks_back
from tests.run.nights import Shop

GROWTH = """
import resource, sys
from pathlib import Path
from packshot.world.allocator import give_back_memory, give_large_blocks_back

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
"""
KEPT = """
if sys.argv[1] == "yes":
    give_large_blocks_back()
del (block := [bytearray(30 << 20)])[:]  # glibc learns from a large block that is freed
before, blocks, between = megabytes(), [], []
for _ in range(40):
    blocks.append(bytearray(b"x") * (8 << 20))
    between.append(bytearray(100_000))
blocks.clear()
print(megabytes() - before)
"""
HOLES = """
before, blocks, between = megabytes(), [], []
for _ in range(3_000):
    blocks.append(bytearray(b"x") * 60_000)
    between.append(bytearray(1_000))
blocks.clear()
if sys.argv[1] == "yes":
    give_back_memory()
print(megabytes() - before)
"""
on_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries do not do this"
)


def growth(script: str) -> tuple[int, int]:
    """Megabytes that a process keeps, without what we do about it and with it."""
    words = [sys.executable, "-c", GROWTH + script]
    without, there = (
        subprocess.check_output([*words, asked], text=True) for asked in ("no", "yes")
    )
    return int(without), int(there)


@on_glibc
def test_freed_pictures_go_back_to_the_system() -> None:
    """Without it freed blocks stay where something small lies above them."""
    without, there = growth(KEPT)
    assert without > 250
    assert there < 50


@on_glibc
def test_holes_between_what_is_kept_go_back_to_the_system() -> None:
    """Asked for before publishing, which needs memory of its own."""
    without, there = growth(HOLES)
    assert without > 120
    assert there < 40


def test_every_run_gives_them_back(shop: Shop) -> None:
    """It is asked for where a run begins."""
    give_large_blocks_back.cache_clear()
    shop.list()
    shop.night()
    assert give_large_blocks_back.cache_info().currsize == 1
