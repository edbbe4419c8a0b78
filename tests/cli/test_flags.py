"""Flags, job files and `--set`: what they make of a job, and what they say when they cannot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cli.flags import FLAGS, Flag, holds_text, name_of
from cli.given import Given
from cli.jobs import job_from, job_of_plan, job_of_retry
from packshot.facts.errors import BadOption
from packshot.facts.job import Job
from packshot.facts.removebg_options import RemoveBgOptions
from packshot.facts.wrong_job import FORMS, field_at, model_in
from packshot.run.past_runs import LastJob
from tests.cli.conftest import Command

PLACES = {"manifest": "catalog.csv", "destination": "pictures"}


def given(*assignments: str, file: Path | None = None, **typed: Any) -> Given:  # noqa: ANN401
    """What is typed at a command line, flags by the last part of their path."""
    paths = {flag.path.rpartition(".")[2]: flag.path for flag in FLAGS}
    values = [(paths.get(name, name), value) for name, value in typed.items()]
    return Given.typed_in(file, values, assignments, holds_text)


def written(folder: Path, text: str) -> Path:
    """A job file."""
    file = folder / "job.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_flag_leads_to_a_field_that_is_explained(flag: Flag) -> None:
    """Every flag sets a field that the job has, and help says something of it."""
    assert flag.help or field_at(flag.path).description


def test_flag_names_and_paths_are_distinct() -> None:
    """No two flags share a name or a field."""
    assert len({flag.name for flag in FLAGS}) == len({flag.path for flag in FLAGS}) == len(FLAGS)


def test_flags_make_the_job() -> None:
    """Text from the command line becomes numbers, choices and lists of the model."""
    typed = given(
        "limits.workers=16", max_credits="12.5", margin="0.1", only=["A", "B"], resolution="hd"
    )
    job = job_from(typed, PLACES)
    assert (job.max_credits, job.only, job.options.limits.workers) == (12.5, ["A", "B"], 16)
    assert (job.options.paid.resolution, job.options.variants[0].margin) == ("hd", 0.1)


@pytest.mark.parametrize(("typed", "meant"), [("4", 4), ("auto", "auto"), ("AUTO", "auto")])
def test_megapixels_are_a_number_or_auto(typed: str, meant: int | str) -> None:
    """By flag and by `--set` alike; `null` turns off what a job file has turned on."""
    assigned = given(f"paid.purchase_megapixels={typed}")
    off = given("paid.purchase_megapixels=null", purchase_megapixels=typed)
    for said, wanted in ((given(purchase_megapixels=typed), meant), (assigned, meant), (off, None)):
        assert job_from(said, PLACES).options.paid.purchase_megapixels == wanted


def test_region_in_pixels_of_pictures_that_are_shrunk_is_refused() -> None:
    """It would lie elsewhere in what is sent; in percent it does not."""
    typed = {"purchase_megapixels": "4"}
    with pytest.raises(BadOption, match="a `region` in px would lie elsewhere"):
        job_from(given("paid.region=10px 10px 90px 90px", **typed), PLACES)
    job = job_from(given("paid.region=10% 10% 90% 90%", **typed), PLACES)
    assert job.options.paid.region == "10% 10% 90% 90%"


def test_flags_win_over_the_job_file_and_that_over_what_was_before(tmp_path: Path) -> None:
    """Precedence is flag, job file, last run; each leaves alone what it does not name."""
    file = written(tmp_path, "limit: 5\nwhen_short: stop\noptions: {variants: [{name: a}]}")
    job = job_from(given(file=file, limit="7", quality="80"), PLACES | {"limit": 1, "recut": "all"})
    assert (job.limit, job.when_short, job.recut) == (7, "stop", "all")
    assert [(v.name, v.quality) for v in job.options.variants] == [("a", 80)]


def test_set_keeps_text_and_reads_the_rest() -> None:
    """A catalog called 123 stays text, a number becomes one, `options.` may be written out."""
    job = job_from(given("catalog=123", "options.recheck_after_days=1", "sidecar=true"), PLACES)
    assert (job.catalog, job.options.recheck_after_days, job.options.sidecar) == ("123", 1.0, True)


def test_set_adds_a_second_variant_beside_the_default_one() -> None:
    """Entries before the one that is named keep their defaults."""
    job = job_from(given("variants.1.name=thumb", "variants.1.longest_side=300"), PLACES)
    assert [(v.name, v.longest_side) for v in job.options.variants] == [
        ("cutout", None),
        ("thumb", 300),
    ]


def test_local_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry or a saved plan means the same files from any folder; URLs stay as they are."""
    monkeypatch.chdir(tmp_path)
    job = job_from(given(), PLACES | {"state": "s3://bucket/state"})
    assert job.manifest == str(tmp_path / "catalog.csv")
    assert (job.destination, job.state) == (str(tmp_path / "pictures"), "s3://bucket/state")


def test_retry_leaves_out_what_was_for_one_run_only() -> None:
    """Selection, approval and saved plan of the last run do not bind its retry."""
    last = Job.model_validate(
        PLACES
        | {"limit": 1, "only": ["A"], "max_credits": 3, "recut": "never"}
        | {"options": {"sample": 2, "plan": "p", "yes": 9, "variants": [{"name": "a"}]}}
    )
    job = job_of_retry(
        given(quality="80"), LastJob(last.model_dump(mode="json"), manifest_is_whole=True)
    )
    assert (job.limit, job.only, job.options.sample, job.options.plan) == (None, None, None, None)
    assert (job.max_credits, job.recut, job.options.variants[0].name) == (3, "never", "a")


def test_retry_asks_for_a_manifest_that_is_not_kept_whole(tmp_path: Path) -> None:
    """A signature is on no record; flag or job file name the address again."""
    last = LastJob(PLACES | {"manifest": "https://shop/m.csv"}, manifest_is_whole=False)
    with pytest.raises(BadOption, match="give the whole address with `--manifest`"):
        job_of_retry(given(), last)
    file = written(tmp_path, "manifest: https://shop/m.csv?sig=file")
    assert job_of_retry(given(file=file), last).manifest == "https://shop/m.csv?sig=file"
    whole = "https://shop/m.csv?sig=flag"
    assert job_of_retry(given(manifest=whole), last).manifest == whole


def test_name_of_a_secret_block_is_no_path() -> None:
    """It stays as it was typed, whatever folder this is."""
    assert job_from(given(), PLACES | {"manifest": "secret:m"}).manifest == "secret:m"


def test_name_of_a_field_is_its_flag() -> None:
    """People are told the name that they type."""
    assert name_of("options.yes") == "--yes"
    assert name_of("manifest") == "MANIFEST"
    assert name_of("options.limits") == "`options.limits`"


WRONG = {
    "max_credits=-5": "--max-credits must be at least 0, not `-5`",
    "max_credits=abc": "--max-credits must be a number, not `abc`",
    "limit=1.5": "--limit must be a whole number, not `1.5`",
    "margin=7": "--margin must be less than 0.5, not `7`",
    "format=tiff": "--format must be 'png', 'webp' or 'jpeg', not `tiff`",
    "finish_by=25:00": "--finish-by must be a local time from 00:00 to 23:59, such as `05:30`, not",
    "background=red": "--background: ",
    "destination=.": "DESTINATION: `.` names no folder of its own",
    "purchase_megapixels=0": "--purchase-megapixels: `0` is no size; write whole megapixels",
    "purchase_megapixels=2.5": "--purchase-megapixels: `2.5` is no size; write whole megapixels",
}


@pytest.mark.parametrize("typed", WRONG)
def test_wrong_value_is_one_sentence_with_the_flag(typed: str) -> None:
    """The sentence names the flag, what it takes and what was typed."""
    name, _, value = typed.partition("=")
    with pytest.raises(BadOption) as refused:
        job_from(given(**{name: value}), PLACES | {name: value})
    assert str(refused.value).startswith(WRONG[typed])
    assert "\n" not in str(refused.value)


def test_every_regular_expression_of_a_job_is_told_in_words() -> None:
    """No user has to read one."""
    own = [f"paid.removebg.{name}=!" for name in RemoveBgOptions.model_fields]
    wrong = ("variants.0.name=!", "currency=!", "export.pictures=!", *own)
    with pytest.raises(BadOption) as refused:
        job_from(given(*wrong, catalog="!", finish_by="!"), PLACES)
    said = str(refused.value)
    assert "^" not in said
    assert all(form in said for form in FORMS.values())
    assert set(FORMS) == set(fields_with_patterns(Job))


def fields_with_patterns(model: type[BaseModel]) -> Iterator[str]:
    """Names of all fields, however deep, that a regular expression guards."""
    for name, field in model.model_fields.items():
        if any(getattr(bound, "pattern", None) for bound in field.metadata):
            yield name
        if inner := model_in(field):
            yield from fields_with_patterns(inner)


def test_flag_for_one_of_several_variants_is_refused(tmp_path: Path) -> None:
    """Only `--set` says which of them is meant."""
    file = written(tmp_path, "options: {variants: [{name: a}, {name: b}]}")
    with pytest.raises(BadOption, match=r"--quality would change only the first of .* a, b"):
        job_from(given(file=file, quality="80"), PLACES)
    job = job_from(given("variants.1.quality=80", file=file), PLACES)
    assert [variant.quality for variant in job.options.variants][1] == 80


SET_WRONG = {
    "limits": "--set limits: write it as OPTION=VALUE",
    "limits.workers=[1": "--set limits.workers=[1 cannot be read",
    "limits.workers=abc": "`options.limits.workers` must be a whole number, not `abc`",
    "limits.wrkers=1": "`options.limits.wrkers` does not exist; `options.limits` has workers",
    "limits=3": "`options.limits` must be a group of further fields",
    "catalog.name=x": "--catalog must be text; put it in quotes",
    "variants.x=3": "`options.variants` must be a list",
    "variants.99.name=x": "`options.variants.99.name`: a list must have at most 12 entries",
}


@pytest.mark.parametrize("assignment", SET_WRONG)
def test_wrong_set_is_one_sentence(assignment: str) -> None:
    """What `--set` cannot do is told with the path, and with what there is instead."""
    with pytest.raises(BadOption) as refused:
        job_from(given(assignment), PLACES)
    assert str(refused.value).startswith(SET_WRONG[assignment])


JOB_WRONG = {
    "manifest: [": "is not YAML, line 1",
    "- a": "must hold fields of a job",
    "manifst: x": "`manifst` does not exist; a job has manifest, destination",
    "options: {only: [12]}": "`options.only` does not exist",
    "only: [12]": "must be text; put it in quotes, not `12`",
}


@pytest.mark.parametrize("text", JOB_WRONG)
def test_wrong_job_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    """A job file that cannot be read, or holds what no job has, is named with the remedy."""
    with pytest.raises(BadOption) as refused:
        job_from(given(file=written(tmp_path, text)), PLACES)
    assert JOB_WRONG[text] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_job_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    """Neither bytes nor a missing file end in a traceback."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadOption, match="is not a text file in UTF-8"):
        given(file=tmp_path / "binary")
    with pytest.raises(BadOption, match="cannot be read: No such file"):
        given(file=tmp_path / "missing")


def test_plan_that_is_none_is_told_so(tmp_path: Path) -> None:
    """A missing file and a file of another kind are told apart."""
    (tmp_path / "other").write_text("hello")
    with pytest.raises(BadOption, match="there is no saved plan"):
        job_of_plan(given(), tmp_path / "missing")
    with pytest.raises(BadOption, match="is not a saved plan"):
        job_of_plan(given(), tmp_path / "other")


@pytest.fixture
def saved(command: Command, tmp_path: Path) -> Path:
    """A plan that may cost nothing."""
    (tmp_path / "catalog.csv").write_text("sku,image_url\nA,https://cdn.example.com/a.jpg\n")
    command("plan", "catalog.csv", "pictures", "--save", "saved")
    return tmp_path / "saved"


def test_plan_caps_what_its_run_may_spend(saved: Path) -> None:
    """A flag may lower the cap of a plan, and never raise it; the same places may be repeated."""
    again = given(**PLACES, max_credits="9", when_short="stop")
    job = job_of_plan(again, saved)
    assert (job.max_credits, job.when_short, job.options.plan) == (0, "stop", str(saved))


def test_plan_holds_nobodys_home(saved: Path) -> None:
    """Whoever carries it out keeps unstored results in a home of their own."""
    assert job_of_plan(given(), saved).options.spool is None


@pytest.mark.parametrize(
    ("name", "value"), [("only", ["A"]), ("recut", "all"), ("destination", "elsewhere")]
)
def test_plan_refuses_flags_that_would_change_it(saved: Path, name: str, value: object) -> None:
    """No option is dropped in silence."""
    with pytest.raises(BadOption, match="is settled by the saved plan"):
        job_of_plan(given(**{name: value}), saved)
