"""Masters: what was bought, kept as it came, each with its receipt and a small preview.

A master is one ZIP of stored entries: `receipt.json` first, so that the head of the
file tells what it is, then `preview.jpg`, `result.<format>` and what was bought with it.
"""

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from packshot.facts.errors import TryTomorrow
from packshot.facts.job import Recut
from packshot.facts.purchase import BoughtPicture, PurchaseClass, Receipt
from packshot.world.store import Store

HEAD_BYTES = 8192
_EPOCH = (1980, 1, 1, 0, 0, 0)
SIZES = "purchase-sizes"
"""Holds one empty file for each number of megapixels that sources were shrunk to and bought."""
NEVER = datetime.max.replace(tzinfo=UTC)
NOTHING_FURTHER: Final[Mapping[str, bytes]] = MappingProxyType({})
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


class Master(NamedTuple):
    """A purchase, whole."""

    receipt: Receipt
    result: bytes
    preview: bytes
    """A small JPEG of the source."""
    further: Mapping[str, bytes] = NOTHING_FURTHER
    """What was bought with it, by name."""


def folder_of(fingerprint: str) -> str:
    """Where the purchases of one fingerprint lie."""
    return f"masters/{fingerprint[:2]}/{fingerprint}"


def pack(
    receipt: Receipt,
    preview: bytes,
    result: bytes,
    further: Mapping[str, bytes] = NOTHING_FURTHER,
) -> bytes:
    """The bytes of a master; equal input gives equal bytes."""
    beside = [(_entry_of(picture), further[picture.name]) for picture in receipt.further]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (
            ("receipt.json", receipt.model_dump_json().encode()),
            ("preview.jpg", preview),
            (f"result.{receipt.result_format}", result),
            *beside,
        ):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


def _entry_of(picture: BoughtPicture) -> str:
    return f"further/{picture.name}.{picture.format}"


def unpack(packed: bytes) -> Master:
    """All that a master holds. Raises `ValueError` if it is damaged."""
    receipt = read_receipt(packed[:HEAD_BYTES])
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return Master(
                receipt,
                result=archive.read(f"result.{receipt.result_format}"),
                preview=archive.read("preview.jpg"),
                further={one.name: archive.read(_entry_of(one)) for one in receipt.further},
            )
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError("a master holds a preview and a result") from error


def read_receipt(head: bytes) -> Receipt:
    """The receipt from a master's first bytes. Raises `ValueError` if there is none."""
    if len(head) < _LOCAL_HEADER.size:
        raise ValueError("a master must begin with its receipt")
    fields = _LOCAL_HEADER.unpack_from(head)
    size, name_length, extra_length = fields[8], fields[9], fields[10]
    start = _LOCAL_HEADER.size + name_length + extra_length
    if fields[0] != b"PK\x03\x04" or start + size > len(head):
        raise ValueError("a master must begin with its receipt")
    return Receipt.model_validate_json(head[start : start + size])


class Masters:
    """All purchases of one state, whatever catalog bought them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sizes: frozenset[int] | None = None

    def sizes(self) -> frozenset[int]:
        """Megapixels that sources were shrunk to for any purchase here; listed once."""
        if self._sizes is None:
            names = self._store.names(SIZES)
            self._sizes = frozenset(int(name) for name in names if name.isdecimal())
        return self._sizes

    def note_size(self, megapixels: int) -> None:
        """Remember, before it is bought, that there may be purchases shrunk to this size."""
        sizes = self.sizes()
        if megapixels not in sizes:
            self._store.write(f"{SIZES}/{megapixels}", b"", "text/plain")
            self._sizes = sizes | {megapixels}

    def keep(self, receipt: Receipt, preview: bytes, result: bytes) -> None:
        """Store a purchase; raises `StoreUnavailable`."""
        self.keep_packed(receipt, pack(receipt, preview, result))

    def keep_packed(self, receipt: Receipt, packed: bytes) -> None:
        """Store a master that was packed before, for example one from the spool."""
        name = f"{folder_of(receipt.fingerprint)}/{receipt.provider}.zip"
        self._store.write(name, packed, "application/zip")

    def receipts(self, fingerprint: str) -> list[Receipt]:
        """What was ever bought under this fingerprint, best class first."""
        folder = folder_of(fingerprint)
        found = (
            self._receipt(f"{folder}/{name}")
            for name in self._store.names(folder)
            if name.endswith(".zip")
        )
        return sorted(
            (receipt for receipt in found if receipt is not None),
            key=lambda receipt: -receipt.purchase_class.rank,
        )

    def better_than(self, bought: Receipt) -> Receipt | None:
        """A purchase in whose place this one would lie, although it is worth less.

        So it is in a rehearsal on a shared state, whose test must not replace what was paid for.
        """
        for receipt in self.receipts(bought.fingerprint):
            worth_more = receipt.purchase_class.rank > bought.purchase_class.rank
            if receipt.provider == bought.provider and worth_more:
                return receipt
        return None

    def _receipt(self, name: str) -> Receipt | None:
        try:
            return read_receipt(self._store.read(name, HEAD_BYTES))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._unreadable(name) from error

    def _unreadable(self, name: str) -> TryTomorrow:
        return TryTomorrow(
            f"{self._store.address(name)} is not a master any more; restore or remove it",
            code="master_unreadable",
        )

    def open(self, fingerprint: str, provider: str) -> Master:
        """Read a purchase whole. Raises `FileNotFoundError`, or `TryTomorrow` if broken."""
        name = f"{folder_of(fingerprint)}/{provider}.zip"
        try:
            return unpack(self._store.read(name))
        except ValueError as error:
            raise self._unreadable(name) from error


@dataclass(frozen=True, slots=True)
class Demanded:
    """Which purchases spare a new one."""

    asked: PurchaseClass
    provider: str | None
    """Only those of this provider; None for any."""
    since: datetime | None
    """Only those made since, where everything is bought anew."""

    @classmethod
    def by(
        cls, recut: Recut, asked: PurchaseClass, provider: str, begun: datetime | None
    ) -> "Demanded":
        """What a job's `recut` demands; `begun` is when buying everything anew was begun."""
        anew = recut == "all"
        same = provider if anew or recut == "provider" else None
        return cls(asked, same, (begun or NEVER) if anew else None)

    def met_by(self, receipts: Iterable[Receipt]) -> Receipt | None:
        """The first purchase that will do."""
        for receipt in receipts:
            if self.provider is not None and receipt.provider != self.provider:
                continue
            if self.since is not None and receipt.bought_at < self.since:
                continue
            if receipt.purchase_class.satisfies(self.asked):
                return receipt
        return None
