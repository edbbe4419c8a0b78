"""The command `packshot`."""

import json
import logging
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import stamina.instrumentation
import typer

from cli import exits, saying
from cli.choosing import refuse_empty_plan, refuse_empty_run
from cli.flags import PLACE_FLAGS, READING_FLAGS, RETRY_FLAGS, takes_job
from cli.given import Given
from cli.helping import Command
from cli.jobs import (
    demo_job,
    job_from,
    job_of_places,
    job_of_plan,
    job_of_retry,
    key_for_looking,
    refuse_secret_manifest,
)
from cli.shown import (
    err,
    say,
    say_json,
    show_account,
    show_adoption,
    show_inspection,
    show_plan,
    show_summary,
    show_written_back,
)
from cli.watching import Bar
from flows.endings import end_within
from flows.environment import home_spool
from packshot.facts.errors import BadOption, CatalogBusy, PackshotError
from packshot.facts.job import Job, Storage
from packshot.providers.registry import PROVIDERS
from packshot.run import adopting, comparing, improving, looking, past_runs, writing_back
from packshot.run.inspecting import inspect_manifest
from packshot.run.listing import list_pictures
from packshot.run.progress import Progress
from packshot.run.summary import Summary
from packshot.run.workshop import Here, Place, make_provider
from packshot.run.writing_back import Wish
from packshot.world.saved_plans import save_plan

Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document for machines.")
]
ProviderUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Base URL of the provider's API, for example a sandbox."),
]
EndpointUrl = Annotated[
    str | None, typer.Option("--endpoint-url", metavar="URL", help="S3-compatible service.")
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", metavar="", help="Show Prefect's own log, and tracebacks."),
]
SECONDS_TO_LEAVE = 8.0
"""So long a run that is over waits for calls that do not land, and for Prefect to hear of it."""
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # Typer does not export it

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: "
    + "; ".join(f"**{code.value}** {meaning}" for code, meaning in exits.MEANING.items())
    + ".",
)


def _show_version(asked: bool) -> None:
    if asked:
        say(f"packshot {version('packshot')}")
        raise typer.Exit


@app.callback()
def packshot(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Background removal for whole product catalogs: every night, paid for once.

    Begin with `packshot demo`; then `packshot plan catalog.csv pictures --allow-local` says what
    your own catalog would take. `packshot run --help` explains a command.
    """


@app.command(cls=Command)
def demo(json_: Json = False, verbose: Verbose = False) -> None:
    """Cut out the sample catalog on this machine: no key, no network, nothing to pay.

    Pictures and report go to `demo/` in the present folder. Run it twice: the second time
    nothing changes.

    Example: `packshot demo`
    """
    ended = _run(demo_job(), as_json=json_, verbose=verbose)
    # Two of the samples are broken on purpose.
    raise typer.Exit(exits.Exit.DONE if ended is exits.Exit.SOME_FAILED else ended)


@app.command(cls=Command)
@takes_job(READING_FLAGS, destination=False)
def inspect(given: Given, json_: Json = False) -> None:
    """Say what a manifest is taken for: its format, keys and pictures, and the first rows.

    Reads it whole, and nothing else: no picture, no state, no account. What it says is what `plan`
    and `run` do with the same flags.

    Example: `packshot inspect products_export.csv`
    """
    job = job_from(given, {"destination": "none"})
    with looking.scratch_folder() as folder:
        found = inspect_manifest(job, folder)
    if json_:
        say_json(found.model_dump_json())
    else:
        show_inspection(found)


@app.command("manifest", cls=Command)
def list_folder(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder, or an s3:// prefix.")],
    sku: Annotated[
        str,
        typer.Option(
            "--sku",
            metavar="PATTERN",
            help="How a SKU is made of a picture's place: {stem}, {name}, {folder}, {path}.",
        ),
    ] = "{stem}",
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the manifest is written.")
    ] = Path("manifest.csv"),
    endpoint_url: EndpointUrl = None,
    json_: Json = False,
) -> None:
    """Make a manifest of a folder of pictures: a row for each, its SKU made of its name.

    Run such a manifest with `--allow-local`, for it names files instead of web addresses.

    Example: `packshot manifest photos --sku '{folder}' --out catalog.csv`
    """
    pictures, skus = list_pictures(folder, sku, out, Storage(endpoint_url=endpoint_url))
    if json_:
        say_json(json.dumps({"manifest": str(out), "pictures": pictures, "skus": skus}))
    else:
        say(f"{pictures:,} pictures of {skus:,} SKUs: {out}")
        say(f"To run it: packshot plan {out} cutouts --allow-local")


@app.command("write-back", cls=Command)
@takes_job()
def write_back(
    given: Given,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where the files are written.")
    ],
    public_url: Annotated[
        str,
        typer.Option(
            "--public-url",
            metavar="URL",
            help="Where the destination is seen from outside; `{path}` stands for a picture's "
            "place in it.",
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="Which finished picture; else the first."),
    ] = None,
    unreviewed: Annotated[
        bool,
        typer.Option("--unreviewed", metavar="", help="Write pictures that need review, too."),
    ] = False,
    json_: Json = False,
) -> None:
    """Write a shop's export again with the new pictures in place, for its own import.

    Text files stay as they are, byte for byte, but for the cells of pictures. What failed, was put
    off or needs review keeps its old address. `pictures.csv` says for each picture what became of
    it. Give the flags that the run was given.

    Example: `packshot write-back products_export.csv s3://shop/cutouts --to import --public-url
    https://cdn.shop.example`
    """
    job = job_from(given)
    wish = Wish(to, public_url, variant, unreviewed=unreviewed)
    with looking.scratch_folder() as folder:
        done = writing_back.write_back(job, wish, folder)
    if json_:
        say_json(done.model_dump_json())
    else:
        show_written_back(done)


@app.command(cls=Command)
@takes_job()
def plan(
    given: Given,
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch", metavar="", help="Download the sources, so that the cost is exact."
        ),
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Keep the plan for `packshot run --plan`."),
    ] = None,
    json_: Json = False,
) -> None:
    """Say what a run would do, what it would cost and how long it would take. Spends nothing.

    *At most* counts every picture that could have to be bought; *likely* leaves out those
    that have probably not changed. With `--fetch` both become exact. A saved plan holds the
    addresses of the pictures: keep it private.

    Example: `packshot plan catalog.csv s3://shop/cutouts --provider removebg`
    """
    job = job_from(given)
    refuse_secret_manifest(job)
    key, progress = key_for_looking(job.provider), Progress()
    with looking.scratch_folder() as folder:
        with Bar(progress.step, silent=json_):
            planned = looking.plan_only(job, key, folder, fetch=fetch, progress=progress)
        refuse_empty_plan(job, planned.files.plan)
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
            say_json(planned.plan.model_dump_json())
            return
        show_plan(planned.plan, planned.files.plan)
    if save is not None:
        say(f"Saved. To carry it out: packshot run --plan {save}")


@app.command(cls=Command)
@takes_job(unless="--job or --plan")
def run(
    given: Given,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Do what a saved plan says, and spend no more than it says.",
        ),
    ] = None,
    json_: Json = False,
    verbose: Verbose = False,
) -> None:
    """Cut out what is new or has changed, once, and write pictures and a report.

    Needs a cap (`--max-credits`) or an explicit `--yes N` where more than 50 calls could be
    paid for. Run it again after whatever went wrong: nothing is paid for twice. Ctrl-C lets
    the calls in flight land.

    Example: `packshot run catalog.csv s3://shop/cutouts --provider removebg --max-credits 200`
    """
    job = job_from(given) if plan is None else job_of_plan(given, plan)
    raise typer.Exit(_run(job, as_json=json_, verbose=verbose))


@app.command(cls=Command)
@takes_job(RETRY_FLAGS, manifest=False)
def retry(given: Given, json_: Json = False, verbose: Verbose = False) -> None:
    """Try again, now, what failed or was rejected; nothing else is touched.

    Takes manifest and options of the last run; flags win over them. Its `--limit`, `--sample`,
    `--only`, `--yes` and `--plan` were for that run alone. A manifest whose address held a
    signature or a login has to be named again.

    Example: `packshot retry s3://shop/cutouts`
    """
    places = job_of_places(given)
    _publish_open_runs(places, as_json=json_)
    job = job_of_retry(given, past_runs.read_job(places))
    raise typer.Exit(_run(job, as_json=json_, verbose=verbose, retry_failures=True))


@app.command(cls=Command)
@takes_job(PLACE_FLAGS, manifest=False)
def report(
    given: Given,
    run_id: Annotated[
        str | None,
        typer.Option("--run", metavar="ID", help="Which run; by default the last one."),
    ] = None,
    json_: Json = False,
) -> None:
    """Show the last run's report; publish it first if the run was killed or stopped.

    While a run is at work, the one before it is shown.

    Example: `packshot report s3://shop/cutouts`
    """
    job = job_of_places(given)
    try:
        _publish_open_runs(job, as_json=json_)
    except CatalogBusy as busy:
        try:
            earlier = past_runs.read_summary(job, run_id)
        except BadOption:
            raise busy from None
        say(f"packshot: {busy}; shown is run {earlier.run_id}", on=err)
    _show(past_runs.read_summary(job, run_id), job, as_json=json_)


@app.command(cls=Command)
def account(
    provider: Annotated[
        str, typer.Option(metavar="NAME", help=f"One of {', '.join(PROVIDERS)}.")
    ] = "removebg",
    provider_url: ProviderUrl = None,
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
    with closing(make_provider(job, key_for_looking(provider))) as asked:
        found = asked.account()
    if json_:
        say_json(found.model_dump_json())
    else:
        show_account(found, provider)


@app.command(cls=Command)
@takes_job()
def compare(
    given: Given,
    providers: Annotated[
        list[str],
        typer.Option("--with", metavar="NAME", help="A provider to compare; give two or more."),
    ],
    json_: Json = False,
) -> None:
    """Cut a few pictures out with several providers, and see them side by side on one page.

    What is paid needs a budget: `--max-cost`, and what one unit costs. `--sample` says how many
    pictures (5). The folder keeps pictures, page and a state of its own: compared again, nothing
    is bought again.

    Example: `packshot compare catalog.csv comparison --with removebg --with local --max-cost 2
    --set price_per_unit.removebg=0.2`
    """
    job = job_from(given)
    comparing.check_budget(job, providers)
    page = comparing.compare(job, providers, key_for_looking)
    if json_:
        say_json(json.dumps({"page": str(page)}))
    else:
        say(f"Page: {page}")


@app.command(cls=Command)
def improve(
    pictures: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Pictures that were cut badly.")
    ],
    provider_url: ProviderUrl = None,
    json_: Json = False,
) -> None:
    """Hand pictures to remove.bg that it has cut badly, so that it learns from them.

    They leave this machine and stay with remove.bg; nothing is sent unless you ask, file by file.
    Costs nothing; 100 files a day.

    Example: `packshot improve bad/*.jpg`
    """
    options = {"provider_url": provider_url}
    job = Job(manifest="none", destination="none", provider="removebg", options=options)
    done = improving.improve(job, key_for_looking(job.provider), pictures)
    if json_:
        say_json(json.dumps([each._asdict() for each in done]))
    for each in [] if json_ else done:
        say(f"{each.file}: {f'filed as {each.id}' if each.id else each.reason}")
    taken = all(each.id for each in done)
    raise typer.Exit(exits.Exit.DONE if taken else exits.Exit.SOME_FAILED)


@app.command(cls=Command)
@takes_job()
def adopt(
    given: Given,
    cutouts: Annotated[
        str,
        typer.Option(
            "--cutouts", metavar="COLUMN", help="Column that holds the cutouts' addresses."
        ),
    ] = "cutout_url",
    json_: Json = False,
) -> None:
    """Take cutouts that you own already, so that they are not bought.

    The manifest names SKU, source and cutout; a cutout has transparency and the shape of its
    source. Nothing is spent, and nothing is published: the next run finds them.

    Example: `packshot adopt owned.csv s3://shop/cutouts --cutouts cutout_url`
    """
    job, progress = job_from(given), Progress()
    with Bar(progress.step, silent=json_):
        adoption = adopting.adopt(job, cutouts, progress)
    if json_:
        say_json(adoption.model_dump_json())
    else:
        show_adoption(adoption)
    raise typer.Exit(exits.Exit.SOME_FAILED if adoption.refused else exits.Exit.DONE)


@app.command(cls=Command)
def sandbox(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", help="Pictures that the sandbox's CDN serves under `/cdn/`."
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="Port on loopback; 0 takes any that is free."
        ),
    ] = 8585,
    credits_: Annotated[
        float,
        typer.Option("--credits", min=0, metavar="CREDITS", help="What the account starts with."),
    ] = 1000,
    cutouts: Annotated[
        Literal["studio", "canned"],
        typer.Option(help="`studio` cuts for real, `canned` answers at once."),
    ] = "studio",
    json_: Json = False,
) -> None:
    """Play remove.bg's API and a product CDN on this machine, to rehearse a night for free.

    Example: `packshot sandbox pictures/`, then in another terminal
    `REMOVEBG_API_KEY=any packshot run catalog.csv out --provider removebg
    --provider-url http://127.0.0.1:8585/v1.0 --allow-host 127.0.0.1`
    """
    from cli.rehearsing import serve_sandbox  # noqa: PLC0415  uvicorn only where it is needed

    serve_sandbox(folder, port, credits_, cutouts, as_json=json_)


def _run(job: Job, *, as_json: bool, verbose: bool, retry_failures: bool = False) -> exits.Exit:
    from cli.running import look_first, run_flow  # noqa: PLC0415  only a run needs Prefect: slow

    look_first(job)
    ended = run_flow(job, retry_failures=retry_failures, verbose=verbose, as_json=as_json)
    if not ended.summaries:
        return saying.refuse(ended.message, ended.code, exits.of_state(ended.name))
    refuse_empty_run(job, ended.summaries[0])
    if as_json and job.options.fallback:
        say_json(json.dumps([summary.model_dump(mode="json") for summary in ended.summaries]))
        return exits.of_report(ended.name)
    for summary in ended.summaries:
        _show(summary, job, as_json=as_json)
    return exits.of_report(ended.name)


def _publish_open_runs(job: Job, *, as_json: bool) -> None:
    progress = Progress()
    with Bar(progress.step, silent=as_json):
        past_runs.publish_open_runs(job, progress, Here(spool=home_spool()))


def _show(summary: Summary, job: Job, *, as_json: bool) -> None:
    if as_json:
        say_json(summary.model_dump_json())
    else:
        show_summary(summary, Place.of(job))


def main() -> None:
    """Run the command; every error becomes a sentence and an exit code."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if not saying.wants_all():
        stamina.instrumentation.set_on_retry_hooks([])
    code = code_of_command()
    if "prefect" in sys.modules:
        end_within(SECONDS_TO_LEAVE, code=code)
    sys.exit(code)


def code_of_command() -> int:
    """What the command line in `sys.argv` comes to."""
    try:
        code = app(standalone_mode=False)
    except PackshotError as error:
        return saying.refuse_error(error)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help has been shown
            return exits.Exit.WRONG_USAGE
        return saying.refuse_usage(getattr(error, "message", str(error)))
    except Exception as error:  # noqa: BLE001  the last stop: nobody may see a traceback
        return saying.confess(error)
    if code == exits.Exit.INTERRUPTED and not isinstance(code, exits.Exit):  # Typer's own: Ctrl-C
        saying.refuse("interrupted", "interrupted", exits.Exit.INTERRUPTED)
    return code or exits.Exit.DONE
