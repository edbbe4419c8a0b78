"""Which machine this is, and whether a process on it is still there."""

import os
import socket
from functools import cache
from hashlib import blake2b
from pathlib import Path


@cache
def this_machine() -> str:
    """Host, boot and process namespace: a pid means something only within all three."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    parts = [
        socket.gethostname(),
        boot.read_text().strip() if boot.exists() else "",
        str(space.readlink()) if space.is_symlink() else "",
    ]
    return "/".join(part for part in parts if part)


def knows_its_boot() -> bool:
    """Whether a moment of the monotonic clock means the same to all processes of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").exists()


def process_started(pid: int) -> int | None:
    """When a process began, in ticks since the boot; None where that cannot be told.

    A number is given to another process after a while, a number and a beginning are not.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(told.rpartition(")")[2].split()[19])  # the name before it may hold anything


def process_exists(pid: int, started: int | None = None) -> bool:
    """Whether a process of this machine has this number now, and is the one that began then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started is None or process_started(pid) in {started, None}


def process_mark() -> str:
    """Machine and process, for the name of a file."""
    machine = blake2b(this_machine().encode(), digest_size=6).hexdigest()
    return f"{machine}-{os.getpid()}.{process_started(os.getpid()) or ''}"


def left_by_the_dead(marked: str) -> bool | None:
    """Whether the process whose mark a name begins with is gone; None if it is not of here."""
    machine, _, rest = marked.partition("-")
    pid, _, started = rest.partition("-")[0].partition(".")
    if not pid.isdecimal() or machine != process_mark().partition("-")[0]:
        return None
    return not process_exists(int(pid), int(started) if started.isdecimal() else None)
