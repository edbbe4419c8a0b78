"""From what was given to the job of a command."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cli.flags import ARGUMENTS, name_of
from cli.given import Given
from flows.environment import key_from_environment
from packshot.facts.errors import BadOption
from packshot.facts.job import Job
from packshot.facts.wrong_job import sentence
from packshot.providers.registry import PROVIDERS
from packshot.run.past_runs import LastJob
from packshot.world.saved_plans import planned_job

SAMPLES = Path(__file__).parent.parent / "manifests" / "sample.csv"
DEMO_VARIANT = {"name": "cutout", "crop": True, "margin": 0.05}
ONE_RUN_ONLY = ("limit", "only")
ONE_RUN_OPTIONS = ("plan", "sample", "yes", "insist")
"""What was meant for the last run, not for a retry of its failures."""
WITH_PLAN = frozenset(
    {
        "max_credits",
        "keep_credits",
        "when_short",
        "options.yes",
        "options.finish_by",
        "options.max_cost",
    }
)
"""What may be said anew when a saved plan is carried out: nothing that changes its rows."""
FIRST_VARIANT = "options.variants.0."


def job_from(given: Given, base: dict[str, Any] | None = None) -> Job:
    """The job of a command line: `base`, job file, flags. Raises `BadOption`."""
    try:
        job = Job.model_validate(given.upon(base))
    except ValidationError as error:
        raise BadOption(sentence(error, name_of)) from None
    _refuse_first_variant_alone(given, job)
    return _rooted(job)


def _refuse_first_variant_alone(given: Given, job: Job) -> None:
    """Raise `BadOption` where a flag would change one of several variants in silence."""
    paths = sorted(path for path in given.flags if path.startswith(FIRST_VARIANT))
    if not paths or len(job.options.variants) == 1:
        return
    flags = ", ".join(map(name_of, paths))
    names = ", ".join(variant.name for variant in job.options.variants)
    raise BadOption(
        f"{flags} would change only the first of the variants {names}; say which one is meant, "
        f"such as `--set {paths[0].removeprefix('options.')}=…`, numbered from 0"
    )


def job_of_places(given: Given) -> Job:
    """A job that is only asked where its places are."""
    return job_from(given, {"manifest": "none"})


def job_of_retry(given: Given, last: LastJob) -> Job:
    """The last run's job with flags on top; what was for that run alone is left out."""
    if not last.manifest_is_whole and not given.names("manifest"):
        raise BadOption(
            f"the last run read {last.fields['manifest']} with a query or a login, which are not "
            "kept; give the whole address with `--manifest`"
        )
    kept = {name: value for name, value in last.fields.items() if name not in ONE_RUN_ONLY}
    options = dict(kept.get("options") or {})
    kept["options"] = {n: value for n, value in options.items() if n not in ONE_RUN_OPTIONS}
    return job_from(given, kept)


def job_of_plan(given: Given, path: Path) -> Job:
    """The job of a saved plan; it spends no more than the plan and the flags allow."""
    planned = planned_job(path)
    _refuse_other_work(given, planned, path)
    allowed = [(name, value) for name, value in given.typed if name in WITH_PLAN]
    job = job_from(Given({}, tuple(allowed)), planned.model_dump())
    caps = [cap for cap in (planned.max_credits, job.max_credits) if cap is not None]
    return job.model_copy(update={"max_credits": min(caps)})


def _refuse_other_work(given: Given, planned: Job, path: Path) -> None:
    """Raise `BadOption` where a flag asks for something that the plan does not hold."""
    if given.file:
        raise BadOption(f"{path} holds a whole job; leave out --job, or plan again with it")
    for name, value in given.typed:
        if name in ARGUMENTS and _absolute(value) == getattr(planned, name):
            continue
        if name not in WITH_PLAN:
            raise BadOption(
                f"{name_of(name)} is settled by the saved plan {path}; leave it out, "
                "or make a new plan with it"
            )


def _rooted(job: Job) -> Job:
    """The job with absolute paths, so that a plan or a retry means the same places."""
    update = {
        name: _absolute(value)
        for name, value in (
            ("manifest", job.manifest),
            ("destination", job.destination),
            ("state", job.state),
        )
        if value is not None and not (name == "manifest" and job.manifest_block is not None)
    }
    return job.model_copy(update=update)


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())


def demo_job() -> Job:
    """The sample catalog, cut out on this machine."""
    return Job.model_validate(
        {
            "manifest": str(SAMPLES),
            "destination": "demo/pictures",
            "state": "demo/state",
            "options": {"allow_local": True, "catalog": "demo", "variants": [DEMO_VARIANT]},
        }
    )


def key_for_looking(provider: str) -> str | None:
    """The key for a command that answers without Prefect, and so without its Secret blocks."""
    key = key_from_environment(provider)
    entry = PROVIDERS.get(provider)
    if entry is not None and entry.key_variable is not None and not key:
        raise BadOption(
            f"`{provider}` needs an API key: set {entry.key_variable} in the environment; "
            "Prefect's Secret blocks are read by `run` and `retry` only"
        )
    return key


def refuse_secret_manifest(job: Job) -> None:
    """Raise `BadOption` for a command that answers without Prefect where a block is named."""
    if job.manifest_block is not None:
        raise BadOption(
            f"MANIFEST: Prefect's Secret blocks, such as `{job.manifest_block}`, are read by `run` "
            "and `retry` only; give the address itself, or start the deployment `plan-only`"
        )
