"""A place to keep things: a local folder or object storage, with the same few verbs.

Every write is atomic, creation is exclusive, and nothing is remembered between
calls, so that two processes on one place see each other's work at once.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import fsspec
from fsspec.core import split_protocol

from packshot.facts.errors import BadOption
from packshot.facts.item import public as without_secrets
from packshot.facts.job import Storage
from packshot.world.asides import SUFFIX, Asides, force_to_disk
from packshot.world.place_errors import in_our_words, writing
from packshot.world.quiet import quiet_libraries

LOCAL_PROTOCOLS = frozenset({"file", "local"})
S3_PROTOCOLS = frozenset({"s3", "s3a"})
PROTOCOLS = S3_PROTOCOLS | {"memory"}
"""What creates exclusively and lists at once; most other file systems do neither."""
ROUNDS = 2
"""Botocore tries five times by itself, 15 seconds each; s3fs would have it do so five times."""
ANSWER_SECONDS = 180.0
SLOWEST_BYTES_PER_SECOND = 100_000
"""A write has the former and its bytes at this speed: waiting for a `100 Continue` knows no end."""
REMOVALS = 100
"""So often in a row nobody empties the folder that a file is to be made in."""


class AlreadyThere(Exception):
    """Somebody else created this name first."""


class Store(Protocol):
    """All names are relative to the place, with `/` between their parts."""

    url: str

    def read(self, name: str, first_bytes: int | None = None) -> bytes:
        """The content, or its beginning. Raises `FileNotFoundError`."""
        ...

    def write(self, name: str, content: bytes, content_type: str = ...) -> None:
        """Put the whole content there, or nothing of it."""
        ...

    def create(self, name: str, content: bytes) -> None:
        """Write only if nothing is there; raises `AlreadyThere`."""
        ...

    def upload(self, name: str, file: Path, content_type: str = ...) -> None:
        """Write a local file's content."""
        ...

    def download(self, name: str, folder: Path) -> Path:
        """A local file with this content, for readers that want a path."""
        ...

    def names(self, folder: str) -> list[str]:
        """What lies directly in a folder, sorted; empty when there is no such folder."""
        ...

    def delete(self, name: str) -> None:
        """Remove it if it is there and we may; never raises for a missing name."""
        ...

    def sweep(self) -> None:
        """Remove what processes that died have left half written."""
        ...

    def address(self, name: str) -> str:
        """Path or URL for people and reports."""
        ...


def _refused_as_taken(error: OSError) -> bool:
    """Whether S3 refused a conditional create: it was there, or is being made right now."""
    said = f"{error} {error.__cause__!r}"
    return "PreconditionFailed" in said or "ConditionalRequestConflict" in said


class LocalStore:
    """A folder. Writes go aside, into one folder for all, and are renamed."""

    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.url = str(self.root)
        self._asides = Asides(self.root)

    def read(self, name: str, first_bytes: int | None = None) -> bytes:
        with in_our_words(self.url), (self.root / name).open("rb") as file:
            return file.read(-1 if first_bytes is None else first_bytes)

    def write(self, name: str, content: bytes, content_type: str = "") -> None:
        del content_type  # a folder keeps none
        with writing(self.url):
            self._asides.write(self.root / name, lambda path: path.write_bytes(content))

    def upload(self, name: str, file: Path, content_type: str = "") -> None:
        del content_type
        with writing(self.url):
            self._asides.write(self.root / name, lambda path: shutil.copyfile(file, path))

    def create(self, name: str, content: bytes) -> None:
        with writing(self.url):
            try:
                descriptor = _opened_anew(self.root / name)
            except FileExistsError:
                raise AlreadyThere(name) from None
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            force_to_disk(self.root / name)
            force_to_disk((self.root / name).parent)

    def download(self, name: str, folder: Path) -> Path:
        del folder
        path = self.root / name
        if not path.is_file():
            raise FileNotFoundError(name)
        return path

    def names(self, folder: str) -> list[str]:
        with in_our_words(self.url):
            try:
                found = [entry.name for entry in (self.root / folder).iterdir()]
            except FileNotFoundError:
                return []
            except NotADirectoryError:
                if not self.root.is_dir():  # a file is in the way of the whole place
                    raise
                return []
        return sorted(name for name in found if not name.endswith(SUFFIX))

    def delete(self, name: str) -> None:
        file = self.root / name
        with in_our_words(self.url), suppress(FileNotFoundError, PermissionError):
            file.unlink()
            if file.parent != self.root:
                with suppress(OSError):  # as on object storage, what is empty is not there
                    file.parent.rmdir()

    def sweep(self) -> None:
        with in_our_words(self.url):
            self._asides.sweep()

    def address(self, name: str) -> str:
        return str(self.root / name)


class ObjectStore:
    """A prefix on object storage, through fsspec."""

    def __init__(self, url: str, storage: Storage, *, public: bool) -> None:
        protocol, path = split_protocol(url)
        self.url = url.rstrip("/")
        self._protocol = protocol
        self._root = path.rstrip("/")
        self._is_s3 = protocol in S3_PROTOCOLS
        self._headers = _s3_headers(storage, public=public) if self._is_s3 else {}
        # Without these two another process's masters stay invisible and are bought again.
        self._fs: Any = fsspec.filesystem(
            protocol,
            skip_instance_cache=True,
            use_listings_cache=False,
            **(storage.fsspec_options() if self._is_s3 else {}),
        )
        if self._is_s3:
            self._fs.retries = ROUNDS

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str, first_bytes: int | None = None) -> bytes:
        with in_our_words(self.url):
            if first_bytes is None:
                return bytes(self._fs.cat_file(self._path(name)))
            return bytes(self._fs.cat_file(self._path(name), start=0, end=first_bytes))

    def write(
        self, name: str, content: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        with writing(self.url):
            self._fs.pipe_file(
                self._path(name), content, **self._typed(content_type), **self._limit(len(content))
            )

    def upload(self, name: str, file: Path, content_type: str = "application/octet-stream") -> None:
        with writing(self.url):
            self._fs.put_file(
                str(file),
                self._path(name),
                **self._typed(content_type),
                **self._limit(file.stat().st_size),
            )

    def _limit(self, size: int) -> dict[str, float]:
        """How long a write may take; memory takes no such word."""
        seconds = ANSWER_SECONDS + size / SLOWEST_BYTES_PER_SECOND
        return {"timeout": seconds} if self._is_s3 else {}

    def _typed(self, content_type: str) -> dict[str, str]:
        return {"ContentType": content_type, **self._headers} if self._is_s3 else {}

    def create(self, name: str, content: bytes) -> None:
        with writing(self.url):
            try:
                self._fs.pipe_file(
                    self._path(name),
                    content,
                    mode="create",
                    **self._typed("application/json"),
                    **self._limit(len(content)),
                )
            except FileExistsError:
                raise AlreadyThere(name) from None
            except OSError as error:
                if _refused_as_taken(error):
                    raise AlreadyThere(name) from None
                raise

    def download(self, name: str, folder: Path) -> Path:
        target = folder / name.replace("/", "__")
        with in_our_words(self.url):
            self._fs.get_file(self._path(name), str(target))
        return target

    def names(self, folder: str) -> list[str]:
        with in_our_words(self.url):
            try:
                listed = self._fs.ls(self._path(folder), detail=False, refresh=True)
            except FileNotFoundError:
                return []
        itself = self._path(folder).strip("/")  # a folder made in a console is an object, too
        paths = (path.strip("/") for path in listed)
        return sorted({path.rsplit("/", 1)[-1] for path in paths if path != itself})

    def delete(self, name: str) -> None:
        with in_our_words(self.url), suppress(FileNotFoundError, PermissionError):
            self._fs.rm_file(self._path(name))

    def sweep(self) -> None:
        return  # an object is there whole or not at all

    def address(self, name: str) -> str:
        return f"{self.url}/{name}"


def _opened_anew(file: Path) -> int:
    """A descriptor of a file that was not there; its folder may be removed under our hands."""
    for _ in range(REMOVALS):
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    raise FileNotFoundError(file)


def _s3_headers(storage: Storage, *, public: bool) -> dict[str, str]:
    headers: dict[str, str | None] = {"ServerSideEncryption": storage.server_side_encryption}
    if public:
        headers |= {"CacheControl": storage.cache_control, "ACL": storage.acl}
    return {name: value for name, value in headers.items() if value}


def open_store(url: str, storage: Storage, *, public: bool = False) -> Store:
    """Open the place behind a path or URL; raises `BadOption` for one that is not a store."""
    protocol, path = split_protocol(url)
    if protocol is None or protocol in LOCAL_PROTOCOLS:
        return LocalStore(path)
    shown = without_secrets(url)
    if protocol in {"http", "https"}:
        raise BadOption(f"{shown}: pictures cannot be written over HTTP; give a folder or s3://…")
    if protocol not in PROTOCOLS:
        raise BadOption(
            f"{shown}: pictures and state are kept in folders and on s3://…, not on `{protocol}:`; "
            "name a service that speaks S3 with --endpoint-url"
        )
    if "@" in url and shown != url:
        raise BadOption(f"{shown}: name the place without a login; credentials have a place else")
    endpoint = storage.endpoint_url
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise BadOption("--endpoint-url must begin with http:// or https://")
    quiet_libraries()
    try:
        return ObjectStore(url, storage, public=public)
    except Exception as error:
        raise BadOption(
            f"{shown}: a client cannot be made ({type(error).__name__}); "
            "check the settings of fsspec, in ~/.config/fsspec or variables FSSPEC_…"
        ) from error
