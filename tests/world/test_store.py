"""A place keeps things whole, creates them once, and hides nothing from other processes."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import fsspec.config
import pytest
from botocore.exceptions import ClientError
from s3fs.errors import translate_boto_error

from packshot.facts.errors import BadOption, StoreUnavailable
from packshot.facts.job import Storage
from packshot.world import store as store_module
from packshot.world.store import AlreadyThere, LocalStore, ObjectStore, Store, open_store
from tests.world.processes import OPENING, ROOT


def test_what_was_written_is_read_whole_or_from_the_start(place: Store) -> None:
    """A head is enough to know a file by."""
    place.write("a/b.bin", b"0123456789")
    assert place.read("a/b.bin") == b"0123456789"
    assert place.read("a/b.bin", 4) == b"0123"
    assert place.read("a/b.bin", 99) == b"0123456789"


def test_a_second_write_replaces_the_first(place: Store) -> None:
    """Nothing of a longer past remains."""
    place.write("note", b"a long first version")
    place.write("note", b"short")
    assert place.read("note") == b"short"


def test_what_is_missing_is_said_to_be_missing(place: Store, tmp_path: Path) -> None:
    """Not there yet is an answer, not a broken store."""
    for ask in (place.read, lambda name: place.read(name, 9)):
        with pytest.raises(FileNotFoundError):
            ask("a/nothing")
    with pytest.raises(FileNotFoundError):
        place.download("a/nothing", tmp_path)
    assert list(tmp_path.glob("*nothing*")) == []


def test_creation_is_exclusive(place: Store) -> None:
    """The first content stays."""
    place.create("lease/1.json", b"first")
    with pytest.raises(AlreadyThere):
        place.create("lease/1.json", b"second")
    assert place.read("lease/1.json") == b"first"


def test_of_sixteen_threads_one_creates(place: Store) -> None:
    """Everybody tries at once, and the content is the winner's."""
    barrier = threading.Barrier(16)

    def race(number: int) -> int | None:
        barrier.wait()
        try:
            place.create("race", str(number).encode())
        except AlreadyThere:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(race, range(16)) if number is not None]
    assert [int(place.read("race"))] == winners


def test_names_are_of_one_folder(place: Store) -> None:
    """Sorted, folders among them, nothing from deeper down."""
    for name in ("f/b", "f/a", "f/deep/c", "other/d"):
        place.write(name, b"x")
    assert place.names("f") == ["a", "b", "deep"]
    assert place.names("") == ["f", "other"]
    assert place.names("nowhere") == place.names("f/a") == []


def test_a_deleted_name_is_gone_and_a_missing_one_is_no_trouble(place: Store) -> None:
    """Tidying up can be done twice."""
    place.write("f/a", b"x")
    place.delete("f/a")
    place.delete("f/a")
    place.delete("nowhere/at/all")
    assert place.names("f") == []


def test_files_go_up_and_come_down(place: Store, tmp_path: Path) -> None:
    """A reader that wants a path gets one."""
    (tmp_path / "up").write_bytes(b"rows" * 1000)
    place.upload("runs/1/part", tmp_path / "up", "text/plain")
    down = place.download("runs/1/part", tmp_path)
    assert down.read_bytes() == b"rows" * 1000


def test_an_address_can_be_handed_to_people(place: Store, place_url: str) -> None:
    """It is what the operator wrote, with the name behind it."""
    assert place.address("a/b") == f"{place_url}/a/b"


def headers(url: str, name: str) -> dict[str, Any]:
    """What S3 says about an object."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return boto3.client("s3").head_object(Bucket=bucket, Key=f"{prefix}/{name}")


@pytest.mark.parametrize("way", ["write", "upload"])
def test_pictures_on_s3_carry_type_and_cache_control(
    bucket_url: str, tmp_path: Path, way: str
) -> None:
    """Browsers show them, and CDNs keep them."""
    public = open_store(f"{bucket_url}/shop", Storage(), public=True)
    (tmp_path / "a.zip").write_bytes(b"x")
    getattr(public, way)("a", b"x" if way == "write" else tmp_path / "a.zip", "image/webp")
    said = headers(public.url, "a")
    assert said["ContentType"] == "image/webp"
    assert said["CacheControl"] == "public, max-age=31536000, immutable"


def test_the_private_state_on_s3_is_not_cached(bucket_url: str) -> None:
    """Cache-Control is for pictures; encryption, where asked for, is for everything."""
    state = open_store(
        f"{bucket_url}/state", Storage(server_side_encryption="AES256", acl="public-read")
    )
    state.create("a", b"{}")
    said = headers(state.url, "a")
    assert (said["ContentType"], said["ServerSideEncryption"]) == ("application/json", "AES256")
    assert "CacheControl" not in said


def test_an_endpoint_can_be_named(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other S3 services are reached by address."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    named = open_store(f"{bucket_url}/p", Storage(endpoint_url=endpoint, region="us-east-1"))
    named.write("a", b"x")
    assert named.names("") == ["a"]


def test_a_folder_made_in_a_console_is_not_its_own_content(bucket_url: str) -> None:
    """Some tools mark a folder with an empty object that ends in a slash."""
    store = open_store(bucket_url, Storage())
    boto3.client("s3").put_object(Bucket=bucket_url[5:], Key="parts/", Body=b"")
    store.write("parts/1.jsonl", b"x")
    assert store.names("parts") == ["1.jsonl"]


ECHO = """
for line in sys.stdin:
    verb, name, content = line.split()
    if verb == "write":
        place.write(name, content.encode())
    print(place.names("shared"), place.read(name).decode(), flush=True)
"""


@pytest.mark.slow
def test_two_processes_see_each_other_at_once(place: Store, place_url: str) -> None:
    """Nothing is remembered: a listing or content that changed elsewhere has changed here."""
    command = [sys.executable, "-c", OPENING + ECHO, place_url]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for turn in range(3):
            assert len(place.names("shared")) == 2 * turn
            place.write(f"shared/{turn}-mine", b"mine")
            place.write("once", str(turn).encode())
            other.stdin.write("read once -\n")
            assert other.stdout.readline().endswith(f"'{turn}-mine'] {turn}\n")
            other.stdin.write(f"write shared/{turn}-theirs theirs\n")
            other.stdout.readline()
            assert place.read(f"shared/{turn}-theirs") == b"theirs"


@pytest.mark.slow
def test_a_reader_never_sees_half_a_write(tmp_path: Path) -> None:
    """While five megabytes are rewritten, the old or the new ones are there."""
    place = LocalStore(str(tmp_path))
    contents = [letter * 5_000_000 for letter in (b"a", b"b")]
    place.write("f", contents[0])
    done = threading.Event()

    def rewrite() -> None:
        for turn in range(30):
            place.write("f", contents[turn % 2])
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(rewrite)
        while not done.is_set():
            assert place.read("f") in contents
        writing.result()


def test_a_failing_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old content stays, and no half of the new one."""
    place = LocalStore(str(tmp_path))
    place.write("f", b"old")

    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), len(content))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreUnavailable, match="No space left; free some"):
        place.write("f", b"new")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["f"]
    assert place.read("f") == b"old"


def test_a_write_in_progress_is_not_listed(tmp_path: Path) -> None:
    """What a killed process left aside is nobody's content."""
    (tmp_path / ".0123.partial").write_bytes(b"half")
    assert LocalStore(str(tmp_path)).names("") == []


WRITES: list[Callable[[Store], object]] = [
    lambda store: store.write("a", b"x"),
    lambda store: store.create("a", b"x"),
    lambda store: store.upload("a", Path(__file__)),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_missing_bucket_takes_no_writes(
    bucket_url: str, write: Callable[[Store], object]
) -> None:
    """The sentence names the place, so that the operator knows where to look."""
    store = open_store(f"{bucket_url}-missing/p", Storage())
    with pytest.raises(StoreUnavailable, match=r"-missing/p: there is no such bucket"):
        write(store)


@pytest.mark.parametrize("write", WRITES)
def test_a_file_in_the_way_takes_no_writes(
    tmp_path: Path, write: Callable[[Store], object]
) -> None:
    """A place that cannot be made is a store that is away."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"file/place: Not a directory; .* give another"):
        write(LocalStore(str(tmp_path / "file" / "place")))


@pytest.mark.parametrize("write", WRITES)
def test_a_locked_folder_takes_no_writes(tmp_path: Path, write: Callable[[Store], object]) -> None:
    """Access is said to be denied, and by what; root is refused by the kernel's own folders."""
    locked = Path("/sys") if os.geteuid() == 0 else tmp_path
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match=r"pictures: access denied"):
        write(LocalStore(str(locked / "pictures")))


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_credentials_are_said_to_be_missing(
    bucket_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """All of them or one half: no foreign error leaves the store, and a flag helps."""
    monkeypatch.delenv(name)
    if name == "AWS_ACCESS_KEY_ID":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(StoreUnavailable, match=rf"{bucket_url}: .*credentials.* --profile"):
        open_store(bucket_url, Storage()).read("a")


@pytest.mark.parametrize(
    ("storage", "remedy"),
    [
        (Storage(profile="nobody"), "no such profile; check --profile"),
        (Storage(endpoint_url="http://127.0.0.1:1"), "check the network and --endpoint-url"),
    ],
)
def test_a_service_that_is_named_wrongly_names_its_flag(
    bucket_url: str, storage: Storage, remedy: str
) -> None:
    """The place comes first, then what to do."""
    with pytest.raises(StoreUnavailable, match=rf"{bucket_url}: .*{remedy}"):
        open_store(bucket_url, storage).read("a")


def test_an_endpoint_needs_a_scheme(bucket_url: str) -> None:
    """It is said before anything is asked."""
    with pytest.raises(BadOption, match="--endpoint-url must begin with http"):
        open_store(bucket_url, Storage(endpoint_url="127.0.0.1:9000"))


def test_the_state_beside_a_bare_bucket_can_be_moved(bucket_url: str) -> None:
    """`s3://shop` became `s3://shop-state`, which nobody created."""
    with pytest.raises(StoreUnavailable, match=rf"{bucket_url}-state: .*bucket.* --state"):
        open_store(f"{bucket_url}-state", Storage()).create("lease/1.json", b"{}")


def test_the_state_in_a_strangers_bucket_can_be_moved() -> None:
    """Names of buckets are everybody's: `s3://shop-state` may belong to someone else."""
    store = ObjectStore("s3://shop-state", Storage(), public=False)
    store._fs = Answering("AccessDenied")
    with pytest.raises(StoreUnavailable, match=r"access denied.* --state"):
        store.read("a")


class Answering:
    """A file system that answers whatever it is asked as S3 does with an error code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def cat_file(self, *_: object, **__: object) -> bytes:
        """Refuse, in the way of s3fs."""
        answer = ClientError({"Error": {"Code": self._code, "Message": "no"}}, "GetObject")
        raise translate_boto_error(answer)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDenied", "access denied; check credentials and policy, or name a --profile"),
        ("InvalidAccessKeyId", "renew them or name another --profile"),
        ("ExpiredToken", "renew them or name another --profile"),
    ],
)
def test_a_refusal_of_s3_comes_with_a_remedy(bucket_url: str, code: str, remedy: str) -> None:
    """Whatever kind of exception its code becomes on the way."""
    store = ObjectStore(bucket_url, Storage(), public=False)
    store._fs = Answering(code)
    with pytest.raises(StoreUnavailable, match=rf"{bucket_url}: .*{remedy}"):
        store.read("a")


class Conflicting:
    """A file system that answers a conditional write as S3 does while another is under way."""

    def pipe_file(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise OSError(errno.EIO, "An error occurred (ConditionalRequestConflict)")

    def rm_file(self, _: str) -> None:
        """Refuse, as a policy without delete does."""
        raise PermissionError(errno.EACCES, "AccessDenied")


def test_a_creation_that_meets_another_is_taken(bucket_url: str) -> None:
    """S3 answers 409 where two conditional writes meet; somebody else was first."""
    store = ObjectStore(bucket_url, Storage(), public=False)
    store._fs = Conflicting()
    with pytest.raises(AlreadyThere):
        store.create("a", b"x")
    with pytest.raises(StoreUnavailable):
        store.write("a", b"x")


def test_tidying_up_needs_no_permission(bucket_url: str) -> None:
    """A policy that forbids deleting only leaves more behind."""
    store = ObjectStore(bucket_url, Storage(), public=False)
    store._fs = Conflicting()
    store.delete("a")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nowhere://bucket/p", "nowhere://bucket/p"),
        ("https://shop.example/pictures", "https://shop.example/pictures"),
        ("ftp://me:secret@127.0.0.1:1/p", "ftp://127.0.0.1:1/p"),
        ("sftp://host/p", "sftp://host/p"),
        ("zip://x/y", "zip://x/y"),
        ("github://a/b", "github://a/b"),
        ("hdfs://a/b", "hdfs://a/b"),
        ("gs://bucket/p", "gs://bucket/p"),
        ("data:x/y", "data:x/y"),
        ("simplecache::s3://bucket/p", "simplecache::s3://bucket/p"),
        ("S3://bucket/p", "s3://bucket/p"),
    ],
)
def test_a_place_that_is_no_store_is_a_wrong_option(url: str, shown: str) -> None:
    """It is said before anybody is asked, with what would do, and without a password."""
    with pytest.raises(BadOption, match=rf"^{shown}: .*folder.* s3://") as caught:
        open_store(url, Storage())
    assert "secret" not in caught.value.message


def test_a_client_that_cannot_be_made_is_a_wrong_option(
    bucket_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of fsspec may hold what s3fs refuses."""
    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": "a", "username": "b"})
    with pytest.raises(BadOption, match=rf"{bucket_url}: .*KeyError.* ~/.config/fsspec"):
        open_store(bucket_url, Storage())


@pytest.mark.parametrize("prefix", ["", "file://", "local://"])
def test_a_folder_may_be_written_as_a_url(tmp_path: Path, prefix: str) -> None:
    """Either way it is the same folder."""
    open_store(f"{prefix}{tmp_path}/p", Storage()).write("a", b"x")
    assert (tmp_path / "p" / "a").read_bytes() == b"x"


def test_other_file_systems_work_alike() -> None:
    """A place is whatever creates exclusively and forgets nothing."""
    memory = open_store("memory://shop/state", Storage())
    memory.create("f/a", b"x")
    with pytest.raises(AlreadyThere):
        memory.create("f/a", b"y")
    assert (memory.read("f/a"), memory.names("f")) == (b"x", ["a"])


def test_a_store_that_accepts_and_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even that we may go on: no timeout of the client's own has begun by then."""
    monkeypatch.setattr(store_module, "ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    (tmp_path / "file").write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = open_store("s3://shop/state", Storage(endpoint_url=endpoint))
        begun = time.monotonic()
        for write in (
            lambda: place.write("a", b"x"),
            lambda: place.create("b", b"x"),
            lambda: place.upload("c", tmp_path / "file"),
        ):
            with pytest.raises(StoreUnavailable, match="nobody answers there"):
                write()
        assert time.monotonic() - begun < 20
