"""Every command that the README shows does what it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import httpx
import pytest

from packshot.sandbox.server import Sandbox
from tests.flows.served import ROOT, Prefect, copy_database, free_port, soon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("readme")]

PACKSHOT = (str(Path(sys.executable).with_name("packshot")),)
FROM_PACKAGE = (sys.executable, "-c", "from cli.main import main; main()")
NIGHTLY = "## Every night"


def blocks() -> list[tuple[str, str]]:
    """Heading and text of all the README's shell blocks, in order."""
    sections = re.split(r"^(?=## )", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    return [
        (section.splitlines()[0], block)
        for section in sections
        for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    ]


def commands() -> list[str]:
    """All lines that the reader types one by one."""
    return [
        line
        for heading, block in blocks()
        for line in block.splitlines()
        if line and heading != NIGHTLY
    ]


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Prefect]:
    """What stands once the block for every night has been pasted, as it is written."""
    (block,) = (text for heading, text in blocks() if heading == NIGHTLY)
    prefect = Prefect(tmp_path_factory.mktemp("prefect"), free_port())
    copy_database(empty_database, prefect.database)
    with prefect.pasted(block) as shell:
        soon(lambda: prefect.has_worker() or shell.poll() is not None, 150, "a worker")
        assert shell.poll() is None, (prefect.home / "pasted.log").read_text()
        yield prefect


class Reader:
    """Somebody with a catalog, a bucket and a key, who types what the README says."""

    def __init__(self, prefect: Prefect, folder: Path, bucket: str, market: Sandbox) -> None:
        self.folder = folder
        self.bucket = bucket
        self.market = market
        self.port = free_port()
        self.environment = prefect.environment
        self.servers: list[subprocess.Popen[bytes]] = []

    def type(self, line: str) -> None:
        """Run one line; `export` and leading assignments change the environment."""
        words = shlex.split(line.removeprefix("export "))
        given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        words = [word for word in words if "=" not in word or word.startswith("--")]
        if line.startswith("export "):
            self.environment |= given
        elif words[:2] == ["packshot", "sandbox"]:
            self._serve(words)
        else:
            self._run(words, given)

    def _run(self, words: list[str], given: dict[str, str]) -> None:
        assert words[0] == "packshot", f"no test knows how to run {words}"
        words = [word.replace("s3://shop", self.bucket) for word in words[1:]]
        words = [word.replace("8585", str(self.port)) for word in words]
        if words[0] in {"plan", "run", "account"} and "--provider-url" not in words:
            words += ["--provider-url", f"{self.market.url}/v1.0"]
        if words[0] in {"plan", "run"}:
            words += ["--allow-host", "127.0.0.1"]
        done = subprocess.run(
            [*PACKSHOT, *words],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def _serve(self, words: list[str]) -> None:
        told = [word.replace("8585", str(self.port)) for word in words[1:] if word != "&"]
        self.servers.append(
            subprocess.Popen([*PACKSHOT, *told], cwd=self.folder, env=self.environment)
        )
        soon(self._answers, 20, "the sandbox")

    def _answers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/_sandbox/state"
            return httpx.get(url, trust_env=False).is_success
        except httpx.TransportError:
            return False


def test_the_demo_is_what_make_demo_types() -> None:
    """`make demo` ends in the command whose output the README shows."""
    make = shutil.which("make")
    assert make is not None
    said = subprocess.run(
        [make, "--no-print-directory", "--dry-run", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines()[-1] == ".venv/bin/packshot demo"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder into which pip has put the project, as `pip install .` does."""
    source, target = tmp_path / "source", tmp_path / "package"
    hidden = shutil.ignore_patterns(".*", "demo", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, source, ignore=hidden)
    shutil.copy(ROOT / ".gitignore", source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source))
    subprocess.run(pip, check=True, timeout=120)
    shutil.rmtree(source)
    return target


def test_an_installation_has_all_it_needs(nightly: Prefect, package: Path, tmp_path: Path) -> None:
    """Samples and pages come with it."""
    said = demo(FROM_PACKAGE, nightly.environment | {"PYTHONPATH": str(package)}, tmp_path)
    assert "13 │ bought in this run" in said
    assert len(list(tmp_path.glob("demo/pictures/*/*.png"))) == 14
    assert len(list(tmp_path.glob("demo/state/demo/runs/*/report.html"))) == 1


def test_a_second_demo_changes_nothing(nightly: Prefect, tmp_path: Path) -> None:
    """Cut out, as the README shows, and then nothing."""
    first = demo(PACKSHOT, nightly.environment, tmp_path)
    assert "Nothing changed" not in first
    assert "13 │ bought in this run" in first
    for line in shown_of_the_demo():
        assert line in first
    assert "Nothing changed" in demo(PACKSHOT, nightly.environment, tmp_path)
    assert len(list(tmp_path.glob("demo/pictures/*/*.png"))) == 14


def demo(command: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> str:
    """What `packshot demo` prints in this folder."""
    return subprocess.run(
        [*command, "demo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def shown_of_the_demo() -> list[str]:
    """The lines that the README says are printed."""
    section = (ROOT / "README.md").read_text().partition("## Try it")[2].partition("## ")[0]
    (block,) = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    return block.splitlines()


def test_every_command_of_the_readme_runs(
    nightly: Prefect, bucket_url: str, tmp_path: Path
) -> None:
    """Typed in order, each ends with exit code 0; the sandbox stands in for remove.bg."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(ROOT / "manifests" / "samples" / "ball.jpg", pictures / "ball.jpg")
    with Sandbox(folder=pictures) as market:
        catalog = f"sku,image_url\nBALL-7,{market.url}/cdn/ball.jpg\n"
        (tmp_path / "catalog.csv").write_text(catalog)
        reader = Reader(nightly, tmp_path, bucket_url, market)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
            reader.environment[name] = os.environ[name]
        _put(bucket_url, catalog)
        try:
            for line in commands():
                if line != "make demo":
                    reader.type(line)
        finally:
            for server in reader.servers:
                server.terminate()
                server.wait(20)
    assert list(tmp_path.glob("cutouts/BALL-7/*.png"))
    assert list(tmp_path.glob("rehearsal/BALL-7/*.png"))


def test_the_block_for_every_night_can_be_pasted(nightly: Prefect) -> None:
    """Server, pool, deployments, automations and worker are there."""
    deployments = nightly.ask("POST", "/deployments/filter", {})
    assert sorted(one["name"] for one in deployments) == [
        "nightly",
        "on-demand",
        "plan-only",
        "retry-failures",
    ]
    assert len(nightly.ask("POST", "/automations/filter", {})) == 2


def _put(bucket: str, catalog: str) -> None:
    name = bucket.removeprefix("s3://")
    boto3.client("s3").put_object(Bucket=name, Key="export/catalog.csv", Body=catalog.encode())
