"""What a command says before it does anything: help, refusals, exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from cli import exits, running
from cli.exits import Exit
from packshot.facts import errors
from packshot.facts.errors import PackshotError
from packshot.facts.job import Job
from packshot.run.summary import Summary
from tests.cli.conftest import Command

README = Path(__file__).parents[2] / "README.md"
COMMANDS = ("demo", "plan", "run", "retry", "report", "account", "sandbox")
TABLE = "sku,image_url\nA,https://cdn.example.com/a.jpg\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_with_an_example(command: Command, name: str) -> None:
    """Each command shows how it is used, and no placeholder of a program reaches the reader."""
    said = command(name, "--help")
    assert said.code == Exit.DONE
    assert "Example: " in said.out
    assert not {"None", "<str>", "<bool>", "<float>", "<int>"} & set(said.out.split())


@pytest.mark.parametrize("name", ["plan", "run"])
def test_help_shows_required_arguments_as_such(command: Command, name: str) -> None:
    """The usage line has no brackets around what must be given."""
    assert "[OPTIONS] MANIFEST DESTINATION" in command(name, "--help").out


def test_help_lists_the_exit_codes(command: Command) -> None:
    """Whoever writes a cron line finds them without reading the source."""
    said = " ".join(command("--help").out.split())
    for code, meaning in exits.MEANING.items():
        assert f"{code.value} {meaning}" in said


@pytest.mark.parametrize("name", ["plan", "run"])
def test_missing_arguments_are_named(command: Command, name: str) -> None:
    """Nothing was given: both arguments are asked for in one line."""
    said = command(name)
    assert (said.code, said.out) == (Exit.WRONG_USAGE, "")
    assert "MANIFEST is missing" in said.err
    assert "DESTINATION is missing" in said.err


REFUSED = {
    "catalog.csv out --provider nope": "There is no provider `nope`; there are local, removebg",
    "missing.csv out": "There is nothing at `",
    "other.csv out": "Name it with `--sku-column`",
    "catalog.csv out --state out": "destination and state are the same place",
    "catalog.csv ftp://x/y": "ftp://x/y: pictures and state are kept in folders and on s3://",
    "catalog.csv out --state github://a/b": "github://a/b: pictures and state are kept in folders",
    "catalog.csv out --max-credits -1": "--max-credits must be at least 0",
    "catalog.csv out --quality x": "--quality must be a whole number, not `x`",
    "catalog.csv out --nonsense": "No such option: --nonsense",
    "catalog.csv out --job missing.yaml": "--job missing.yaml cannot be read",
    "catalog.csv out --only X --only Y": "--only X, Y: the manifest has no such SKU or key",
    "catalog.csv out --save no/where/p": "the plan cannot be saved as no/where/p",
    "secret:m out": "Prefect's Secret blocks, such as `m`, are read by `run` and `retry` only",
    "catalog.csv out --provider removebg": "set REMOVEBG_API_KEY in the environment",
}


@pytest.mark.parametrize("words", REFUSED)
def test_refusal_is_one_line_with_the_remedy(command: Command, tmp_path: Path, words: str) -> None:
    """Wrong usage ends with exit code 2 and one line on stderr; nothing is written."""
    (tmp_path / "catalog.csv").write_text(TABLE)
    (tmp_path / "other.csv").write_text("colour,image_url\nred,https://cdn.example.com/a.jpg\n")
    said = command("plan", *words.split())
    assert (said.code, said.out) == (Exit.WRONG_USAGE, "")
    assert REFUSED[words] in said.err
    assert said.err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"catalog.csv", "other.csv"}


@pytest.mark.parametrize("words", ["plan", "plan a b --nonsense", "nonsense", "report nowhere"])
def test_refusal_in_json_is_one_document(command: Command, words: str) -> None:
    """Machines get the code, the sentence and the exit code on stdout, and nothing else."""
    said = command(*words.split(), "--json")
    told = json.loads(said.out)
    assert (said.code, said.err) == (Exit.WRONG_USAGE, "")
    assert set(told) == {"error", "message", "exit_code"}
    assert told["exit_code"] == said.code


def test_plan_shows_the_first_rejected_rows_and_counts_them_all(
    command: Command, tmp_path: Path
) -> None:
    """Ten rows with their numbers and reasons, then how often each reason occurs."""
    rows = [f"S{number},ftp://cdn.example.com/a.jpg" for number in range(12)]
    (tmp_path / "catalog.csv").write_text("\n".join(["sku,image_url", *rows]))
    said = command("plan", "catalog.csv", "out")
    assert said.code == Exit.DONE
    assert re.findall(r"│ (\d+) +│ S\d+", said.out) == [str(row) for row in range(2, 12)]
    assert "Rejected: 12 scheme_not_allowed; the first 10 are shown." in said.out


def summary(**other: Any) -> Summary:  # noqa: ANN401
    """What is known of a run in which most was as before."""
    known = {
        "outcomes": {"unchanged": 14, "rejected": 3, "skipped": 2, "deferred": 1},
        "plan_states": {"unchanged": 14, "rejected": 3, "skipped": 2, "waiting": 1},
        "calls": 0,
        "stopped": None,
        "interrupted": False,
    }
    return Summary.model_construct(**(known | other))


CHANGED: list[dict[str, Any]] = [
    {"interrupted": True},
    {"stopped": "asked to stop"},
    {"calls": 1},
    {"outcomes": {"rejected": 3}},
    {"outcomes": {"unchanged": 14, "failed": 1}},
    {"outcomes": {"unchanged": 14, "cut": 1}},
    {"outcomes": {"unchanged": 14, "deferred": 1}, "plan_states": {"new": 1}},
]


@pytest.mark.parametrize("other", CHANGED, ids=str)
def test_nothing_changed_only_where_that_is_so(other: dict[str, Any]) -> None:
    """A run that stopped, called, failed or put something off is no quiet night."""
    assert summary().nothing_changed
    assert not summary(**other).nothing_changed


def test_destination_that_is_a_file_stops(command: Command, tmp_path: Path) -> None:
    """Where the state cannot lie nothing begins; the path is named."""
    (tmp_path / "catalog.csv").write_text(TABLE)
    (tmp_path / "file").write_text("")
    said = command("plan", "catalog.csv", "file/out")
    assert said.code == Exit.STOPPED
    assert str(tmp_path / "file") in said.err


def test_run_finds_what_is_plainly_wrong_without_prefect(command: Command) -> None:
    """Nobody waits for an orchestrator to learn of a typing mistake."""
    said = command("run", "missing.csv", "out")
    assert said.code == Exit.WRONG_USAGE
    assert "There is nothing at `" in said.err


@pytest.mark.usefixtures("_defective")
def test_defect_is_a_sentence_and_a_file(command: Command, tmp_path: Path) -> None:
    """A surprise ends with exit code 70; its traceback lies in a private file."""
    said = command("plan", "catalog.csv", "out")
    (file,) = tmp_path.glob("packshot-defect-*.txt")
    assert (said.code, said.err.count("\n")) == (Exit.DEFECT, 1)
    assert f"(ZeroDivisionError); please report it with {file}" in said.err
    assert "nobody thought of this" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


LOOKING = ("plan catalog.csv out", "report out", "account --provider local", "sandbox missing")


@pytest.mark.parametrize("words", LOOKING)
def test_looking_does_not_import_prefect(tmp_path: Path, words: str) -> None:
    """Commands without orchestration answer without loading an orchestrator."""
    (tmp_path / "catalog.csv").write_text(TABLE)
    asked = (
        "import sys; from cli.main import code_of_command; code_of_command(); "
        "sys.exit('prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, *words.split()],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PackshotError)
]
CODES = {"BadManifest": 2, "BadOption": 2, "CatalogBusy": 4}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_error_and_the_state_named_after_it_have_one_exit_code(kind: type[PackshotError]) -> None:
    """Wrong usage is 2, a busy catalog 4, all else a stop, whoever tells of it."""
    wanted = CODES.get(kind.__name__, 3)
    assert exits.of_kind(kind) == exits.of_state(kind.__name__) == wanted


def test_state_that_nobody_named_is_a_defect() -> None:
    """A flow that failed of itself is no stop."""
    assert exits.of_state("Failed") == exits.of_state("Crashed") == Exit.DEFECT
    assert exits.of_state("Cancelled") == Exit.INTERRUPTED


def readme_codes() -> dict[int, tuple[list[str], str]]:
    """Exit code, states and meaning of each line of the README's table."""
    lines = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|$", README.read_text(), re.MULTILINE)
    return {int(code): (states.split(", "), meaning) for code, states, meaning in lines}


def test_readme_and_help_list_the_same_exit_codes() -> None:
    """Codes, their meanings, and the states of runs that came to no report."""
    told = readme_codes()
    assert {code: meaning for code, (_, meaning) in told.items()} == exits.MEANING
    for code in set(Exit) - {Exit.DONE, Exit.SOME_FAILED}:
        assert {exits.of_state(state) for state in told[code][0]} == {code}


@pytest.mark.parametrize(
    ("provider", "server", "said"),
    [
        ("removebg", None, True),
        ("local", None, False),
        ("removebg", "http://127.0.0.1:9/api", False),
    ],
)
def test_a_run_without_a_lasting_server_says_that_it_reckons_with_nobody(
    provider: str,
    server: str | None,
    said: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where an account may be shared and nobody could know."""
    here = temporary_settings(
        updates={PREFECT_API_URL: server} if server else None,
        restore_defaults=None if server else {PREFECT_API_URL},
    )
    with here:
        running._tell_if_alone(Job(manifest="m.csv", destination="out", provider=provider))
    assert ("whole pace" in capsys.readouterr().err) == said
