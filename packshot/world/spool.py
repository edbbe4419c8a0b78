"""A local folder for results that were paid for and could not be stored."""

import os
from hashlib import blake2b
from pathlib import Path

from packshot.facts.purchase import Receipt
from packshot.world.masters import HEAD_BYTES, Masters, read_receipt


class Spool:
    """Masters waiting for one state to come back."""

    def __init__(self, folder: Path, state_url: str) -> None:
        self.folder = folder / blake2b(state_url.encode(), digest_size=8).hexdigest()

    def keep(self, receipt: Receipt, packed: bytes) -> Path:
        """Put a master aside, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{receipt.fingerprint}.{receipt.provider}.zip"
        aside = target.with_suffix(".partial")
        with aside.open("wb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        return target

    def deliver(self, masters: Masters) -> int:
        """Store what waits here; raises `StoreUnavailable`, keeping what is left."""
        delivered = 0
        for file in sorted(self.folder.glob("*.zip")):
            packed = file.read_bytes()
            masters.keep_packed(read_receipt(packed[:HEAD_BYTES]), packed)
            file.unlink()
            delivered += 1
        return delivered
