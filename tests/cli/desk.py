"""Somebody at a terminal: a folder, a catalog on a sandbox, and the command `packshot`."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flows.served import soon
from tests.run.nights import Market, photo, transparent

PACKSHOT = str(Path(sys.executable).with_name("packshot"))


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Desk:
    """One catalog with its own folder on a shared sandbox."""

    market: Market
    folder: Path
    environment: Mapping[str, str]
    name: str = field(init=False)
    begun: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Pictures lie under the name of the desk's folder."""
        self.name = self.folder.name

    def leave(self) -> None:
        """Nothing that was started here goes on."""
        for going in self.begun:
            going.kill()
            going.wait()

    def catalog(self, count: int, *, first: int = 0) -> str:
        """A manifest of so many different pictures."""
        for number in range(first, first + count):
            self.put(f"{number}.png", photo(number))
        return self.list(*(f"{number}.png" for number in range(first, first + count)))

    def put(self, name: str, content: bytes) -> None:
        """Show a picture, or what should be one."""
        place = self.market.folder / self.name
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)

    def put_transparent(self, name: str) -> None:
        """Show a picture that needs no cutout."""
        self.put(name, transparent())

    def list(self, *names: str) -> str:
        """Write the manifest; answers its name."""
        with (self.folder / "catalog.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("sku", "image_url"))
            for name in names:
                table.writerow((f"SKU-{name}", f"{self.market.url}/cdn/{self.name}/{name}"))
        return "catalog.csv"

    @property
    def sandboxed(self) -> tuple[str, ...]:
        """Flags that lead to the sandbox."""
        url = f"{self.market.url}/v1.0"
        return ("--provider", "removebg", "--provider-url", url, "--allow-host", "127.0.0.1")

    def do(self, *words: str, key: str | None = None) -> Done:
        """Carry out a command to its end."""
        going = self.begin(*words, key=key)
        out, err = going.communicate(timeout=60)
        return Done(going.returncode, out, err)

    def do_at_terminal(self, *words: str) -> Done:
        """Carry out a command whose stderr is a terminal; all that it has shown is in `err`."""
        here, there = pty.openpty()
        going = self.begin(*words, stderr=there)
        os.close(there)
        said = bytearray()
        with suppress(OSError):  # nobody writes to the terminal any more
            while chunk := os.read(here, 4096):
                said += chunk
        os.close(here)
        out, _ = going.communicate(timeout=60)
        return Done(going.returncode, out, said.decode())

    def begin(
        self, *words: str, key: str | None = None, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start a command; each desk has an account of its own, which it shares with nobody."""
        going = subprocess.Popen(
            [PACKSHOT, *words],
            cwd=self.folder,
            env={
                **self.environment,
                "HOME": str(self.folder),
                "REMOVEBG_API_KEY": f"key-of-{self.name}" if key is None else key,
                "TERM": "xterm",
            },
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self.begun.append(going)
        return going

    def begin_and_wait(self, *words: str, calls: int) -> subprocess.Popen[str]:
        """Start a run and let it buy a few pictures."""
        going = self.begin(*words)
        soon(lambda: self.charged >= calls or going.poll() is not None, 40, "the first calls")
        assert going.poll() is None, going.communicate()
        return going

    def end(self, going: subprocess.Popen[str], number: signal.Signals) -> Done:
        """Send a signal and see what comes of it."""
        os.kill(going.pid, number)
        out, err = going.communicate(timeout=40)
        return Done(going.returncode, out, err)

    @property
    def charged(self) -> int:
        """Calls that the sandbox has charged since it was opened anew."""
        return self.market.state.charged_calls

    @property
    def sold(self) -> Counter[str]:
        """How often each picture was sold."""
        return Counter(self.market.state.identities)

    @property
    def left_behind(self) -> set[str]:
        """What lies in the desk's folder."""
        return {path.name for path in self.folder.iterdir()}
