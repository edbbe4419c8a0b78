"""The command `packshot`."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import exits
from cli.flags import PLACE_FLAGS, job_from, takes_job
from cli.shown import err, out, show_account, show_plan, show_summary
from flows.environment import home_spool, key_from_environment
from packshot.facts.errors import PackshotError
from packshot.facts.job import Job
from packshot.providers.registry import PROVIDERS
from packshot.run import session
from packshot.run.workshop import Place, make_provider
from packshot.world.saved_plans import planned_job, save_plan

SAMPLES = Path(__file__).parent.parent / "manifests" / "sample.csv"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's own log.")]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: "
    + "; ".join(f"{code.value} {meaning}" for code, meaning in exits.MEANING.items())
    + ".",
)


@app.callback()
def packshot() -> None:
    """Background removal for whole product catalogs: every night, paid for once."""


@app.command()
def demo(json_: Json = False, verbose: Verbose = False) -> None:
    """Cut out the sample catalog on this machine: no key, no network, nothing to pay.

    Pictures and report go to `demo/` in the present folder. Run it twice: the second time
    nothing changes.
    """
    job = Job.model_validate(
        {
            "manifest": str(SAMPLES),
            "destination": "demo/pictures",
            "state": "demo/state",
            "options": {"allow_local": True, "catalog": "demo", "variants": [DEMO_VARIANT]},
        }
    )
    _run(job, as_json=json_, verbose=verbose)
    raise typer.Exit(exits.Exit.DONE)


DEMO_VARIANT = {"name": "cutout", "crop": True, "margin": 0.05}


@app.command()
@takes_job()
def plan(
    given: dict[str, Any],
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download the sources, so that the cost is exact.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", help="Keep the plan for `packshot run --plan`.")
    ] = None,
    json_: Json = False,
) -> None:
    """Say what a run would do, what it would cost and how long it would take. Spends nothing.

    *At most* counts every picture that could have to be bought; *likely* leaves out those
    that have probably not changed. With `--fetch` both become exact.

    Example: `packshot plan catalog.csv s3://shop/cutouts --provider removebg`
    """
    job = _with_spool(job_from(given))
    with session.scratch_folder() as folder:
        planned = session.plan_only(job, key_from_environment(job.provider), folder, fetch=fetch)
        if save is not None:
            found = planned.plan
            save_plan(
                planned.files.plan,
                save,
                job=job,
                staged=planned.staged,
                at_most=found.at_most,
                calls=found.calls_at_most,
            )
    if json_:
        out.print_json(planned.plan.model_dump_json())
    else:
        show_plan(planned.plan)


@app.command()
@takes_job()
def run(
    given: dict[str, Any],
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Do what a saved plan says, and spend no more than it says."),
    ] = None,
    json_: Json = False,
    verbose: Verbose = False,
) -> None:
    """Cut out what is new or has changed, once, and write pictures and a report.

    Needs a cap (`--max-credits`) or an explicit `--yes N` where more than 50 calls could be
    paid for. Run it again after whatever went wrong: nothing is paid for twice.

    Example: `packshot run catalog.csv s3://shop/cutouts --provider removebg --max-credits 200`
    """
    job = job_from(given) if plan is None else planned_job(plan)
    raise typer.Exit(_run(job, as_json=json_, verbose=verbose))


@app.command()
@takes_job(manifest=False)
def retry(given: dict[str, Any], json_: Json = False, verbose: Verbose = False) -> None:
    """Try again, now, what failed or was rejected; nothing else is touched.

    Takes manifest and options of the last run; flags win over them.

    Example: `packshot retry s3://shop/cutouts`
    """
    last = session.read_job(_place_job(given))
    raise typer.Exit(
        _run(job_from(given, **last), as_json=json_, verbose=verbose, retry_failures=True)
    )


@app.command()
@takes_job(PLACE_FLAGS, manifest=False)
def report(
    given: dict[str, Any],
    run_id: Annotated[
        str | None, typer.Option("--run", help="Which run; by default the last one.")
    ] = None,
    json_: Json = False,
) -> None:
    """Show the last run's report; publish it first if the run was killed or stopped.

    Example: `packshot report s3://shop/cutouts`
    """
    job = _place_job(given)
    session.publish_open_runs(job)
    _show(session.read_summary(job, run_id), job, as_json=json_)


@app.command()
def account(
    provider: Annotated[str, typer.Option(help=f"One of {', '.join(PROVIDERS)}.")] = "removebg",
    provider_url: Annotated[
        str | None, typer.Option(help="Base URL of the provider's API, for example a sandbox.")
    ] = None,
    json_: Json = False,
) -> None:
    """Ask a provider what the account holds. Free of charge.

    Example: `REMOVEBG_API_KEY=… packshot account`
    """
    job = Job.model_validate(
        {
            "manifest": "none",
            "destination": "none",
            "provider": provider,
            "options": {"provider_url": provider_url},
        }
    )
    found = make_provider(job, key_from_environment(provider)).account()
    if json_:
        out.print_json(found.model_dump_json())
    else:
        show_account(found, provider)


@app.command()
def sandbox(
    folder: Annotated[
        Path | None, typer.Argument(help="Pictures that the sandbox's CDN serves under /cdn/.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback.")] = 8585,
    credits_: Annotated[
        float, typer.Option("--credits", min=0, help="Credits that the account starts with.")
    ] = 1000,
    cutouts: Annotated[
        str, typer.Option(help="`studio` cuts for real, `canned` answers at once.")
    ] = "studio",
) -> None:
    """Play remove.bg's API and a product CDN on this machine, to rehearse a night for free.

    Example: `packshot sandbox pictures/`, then in another terminal
    `REMOVEBG_API_KEY=any packshot run catalog.csv out --provider removebg
    --provider-url http://127.0.0.1:8585/v1.0 --allow-host 127.0.0.1`
    """
    from cli.rehearsing import serve_sandbox  # noqa: PLC0415  uvicorn only where it is needed

    serve_sandbox(folder, port, credits_, cutouts)


def _place_job(given: dict[str, Any]) -> Job:
    """A job that is only asked where its places are."""
    return job_from({**given, "manifest": "none"})


def _with_spool(job: Job) -> Job:
    if job.options.spool is not None:
        return job
    return job.model_copy(
        update={"options": job.options.model_copy(update={"spool": home_spool()})}
    )


def _run(job: Job, *, as_json: bool, verbose: bool, retry_failures: bool = False) -> exits.Exit:
    from cli.running import run_flow  # noqa: PLC0415  only a run needs Prefect, which is slow

    ended = run_flow(_with_spool(job), retry_failures=retry_failures, verbose=verbose)
    if ended.summary is None:
        err.print(escape(ended.message), style="bold")
        return exits.of_name(ended.name)
    _show(ended.summary, job, as_json=as_json)
    return exits.of_summary(ended.summary)


def _show(summary: Any, job: Job, *, as_json: bool) -> None:  # noqa: ANN401
    if as_json:
        out.print_json(summary.model_dump_json())
    else:
        show_summary(summary, Place.of(job))


def main() -> None:
    """Run the command; every error becomes a sentence and an exit code."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        app(standalone_mode=True)
    except PackshotError as error:
        _say(error)
        sys.exit(exits.of_error(error))
    except KeyboardInterrupt:
        sys.exit(exits.Exit.INTERRUPTED)


def _say(error: PackshotError) -> None:
    if "--json" in sys.argv:
        out.print_json(json.dumps({"error": error.code, "message": str(error)}))
    else:
        err.print(f"[bold]{type(error).__name__}[/bold]: {escape(str(error))}")
