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


def process_exists(pid: int) -> bool:
    """Whether a process of this machine has this number now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_mark() -> str:
    """Machine and process, for the name of a file."""
    machine = blake2b(this_machine().encode(), digest_size=6).hexdigest()
    return f"{machine}-{os.getpid()}"


def left_by_the_dead(marked: str) -> bool | None:
    """Whether the process whose mark a name begins with is gone; None if it is not of here."""
    machine, _, rest = marked.partition("-")
    pid = rest.partition("-")[0]
    if not pid.isdecimal() or machine != process_mark().partition("-")[0]:
        return None
    return not process_exists(int(pid))
