"""A local folder for results that were paid for and could not be stored.

Beside them lie copies of answers that are just being stored: should their process be killed,
the next run on this machine stores them.
"""

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from packshot.facts.errors import StoreUnavailable
from packshot.facts.purchase import Receipt
from packshot.world.answers import completed
from packshot.world.asides import abandoned, force_to_disk
from packshot.world.machine import process_mark
from packshot.world.masters import HEAD_BYTES, Masters, read_receipt

ANSWER_SECONDS = 3600.0
"""After so long nobody is still storing an answer, in whatever container it came in."""


class Spool:
    """Masters waiting for one state to come back."""

    def __init__(self, folder: Path, state_url: str) -> None:
        self.folder = folder / blake2b(state_url.encode(), digest_size=8).hexdigest()

    def keep(self, receipt: Receipt, packed: bytes) -> Path:
        """Put a master aside, whole or not at all; answers the file in which it waits.

        Where there is no room for it, the copy of its answer waits instead, if there is one:
        the next run stores it once this process has ended. Raises `StoreUnavailable`.
        """
        target = self.folder / f"{receipt.fingerprint}.{receipt.provider}.zip"
        copy = self._answer(receipt.fingerprint, receipt.provider)
        try:
            self._put(target, copy.with_suffix(".partial"), packed)
        except OSError as error:
            if copy.exists():
                return copy
            raise StoreUnavailable(
                f"{self.folder}: {error.strerror}; neither the state nor the spool could keep "
                f"the purchase {receipt.fingerprint[:8]}…; before the next run, which buys it "
                "again, make room there or name another folder with `options.spool`",
                code="purchase_lost",
            ) from error
        self.forget_answer(receipt.fingerprint, receipt.provider)
        return target

    def _put(self, target: Path, aside: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(content)
            force_to_disk(aside)
            aside.replace(target)
            force_to_disk(self.folder)
        except OSError:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise

    def probe(self) -> None:
        """Show that something can wait here; raises `StoreUnavailable`."""
        probe = self.folder / f"{process_mark()}-probe.partial"
        try:
            self._put(probe, probe, b"room")
            probe.unlink()
        except OSError as error:
            raise StoreUnavailable(
                f"{self.folder}: {error.strerror}; what is paid for waits there while the store "
                "is away, so nothing is bought; name another folder with `options.spool`",
                code="spool_unwritable",
            ) from error

    def note_answer(self, receipt: Receipt, packed: bytes) -> None:
        """Copy an answer of this process; raises `StoreUnavailable`."""
        target = self._answer(receipt.fingerprint, receipt.provider)
        aside = target.with_suffix(".partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(packed)  # not forced to disk: it is to outlive a process, no more
            aside.replace(target)
        except OSError as error:
            raise StoreUnavailable(
                f"{self.folder}: {error.strerror}; make room there, or name another folder with "
                "`options.spool`"
            ) from error

    def forget_answer(self, fingerprint: str, provider: str) -> None:
        """Remove the copy of an answer, if there is one."""
        with suppress(OSError):
            self._answer(fingerprint, provider).unlink()

    def _answer(self, fingerprint: str, provider: str) -> Path:
        return self.folder / f"{process_mark()}-{fingerprint}.{provider}.answer"

    def _take_answers(self) -> None:
        """Let answers of processes that died wait like everything else; sweep up what is none."""
        for file in sorted(self.folder.glob("*-*-*.*")):
            with suppress(FileNotFoundError):  # another run of this machine has taken it
                if abandoned(file, ANSWER_SECONDS):
                    whole = completed(file.read_bytes()) if file.suffix == ".answer" else None
                    if whole is not None:
                        self.keep(*whole)
                    file.unlink()

    def deliver(self, masters: Masters) -> int:
        """Store what waits here, where nothing better lies by now.

        Raises `StoreUnavailable`, keeping what is left.
        """
        self._take_answers()
        delivered = 0
        for file in sorted(self.folder.glob("*.zip")):
            try:
                packed = file.read_bytes()
            except FileNotFoundError:  # another run of this machine has delivered it
                continue
            try:
                receipt = read_receipt(packed[:HEAD_BYTES])
            except ValueError as error:
                raise StoreUnavailable(
                    f"{file} is not a master; remove it", code="spool_unreadable"
                ) from error
            if masters.better_than(receipt) is None:
                masters.keep_packed(receipt, packed)
            file.unlink(missing_ok=True)
            delivered += 1
        return delivered
