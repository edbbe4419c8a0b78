"""Files in the making are whole or swept up."""

import errno
import os
from contextlib import nullcontext
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

from packshot.world import machine as this_machine
from packshot.world.asides import SUFFIX, Asides


def of_process(place: Path, pid: int, machine: str | None = None) -> Path:
    """A file that a process was writing."""
    here = this_machine.process_mark().partition("-")[0]
    file = place / SUFFIX / f"{machine or here}-{pid}-0123{SUFFIX}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"half")
    return file


def gone() -> int:
    """The number of a process that has ended."""
    return int(run([executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)  # noqa: PLW1510


def test_a_sweep_leaves_living_writers_alone(tmp_path: Path) -> None:
    """Only what nobody will finish goes: of this machine's dead, or a day old."""
    alive, dead = of_process(tmp_path, os.getpid()), of_process(tmp_path, gone())
    elsewhere, forgotten = of_process(tmp_path, 1, "ab"), of_process(tmp_path, 2, "ab")
    os.utime(forgotten, (0, 0))
    Asides(tmp_path).sweep()
    assert [file.exists() for file in (alive, dead, elsewhere, forgotten)] == [True, False] * 2


def test_a_place_without_asides_has_nothing_to_sweep(tmp_path: Path) -> None:
    """A fresh place is swept in silence."""
    Asides(tmp_path / "none").sweep()


def test_a_part_on_another_disk_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a rename cannot reach, the content is copied beside its target and renamed there."""
    rename = Path.replace

    def within_a_folder(path: Path, target: Path) -> Path:
        if path.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", within_a_folder)
    target = tmp_path / "masters" / "a"
    Asides(tmp_path).write(target, lambda path: path.write_bytes(b"x"))
    assert target.read_bytes() == b"x"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [target]


def test_what_is_written_outlives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content lies on the disk before it has its name, and then so does the name."""
    target, forced = tmp_path / "masters" / "a", list[tuple[str, list[str]]]()

    def fsync(descriptor: int) -> None:
        what = Path(f"/proc/self/fd/{descriptor}").readlink()
        forced.append(
            (what.suffix or what.name, sorted(file.name for file in target.parent.iterdir()))
        )

    monkeypatch.setattr(os, "fsync", fsync)
    Asides(tmp_path).write(target, lambda path: path.write_bytes(b"x"))
    assert forced == [(SUFFIX, []), ("masters", ["a"])]


@pytest.mark.parametrize(("code", "matters"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_forces_nothing_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, *, matters: bool
) -> None:
    """A disk that fails is another matter."""

    def fsync(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    target = tmp_path / "a"
    with pytest.raises(OSError, match="error") if matters else nullcontext():
        Asides(tmp_path).write(target, lambda path: path.write_bytes(b"x"))
    assert target.exists() is not matters
