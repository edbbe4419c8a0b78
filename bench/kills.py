"""Runs that are killed at random moments, and what is lost and paid twice by it.

    python -m bench.kills [--kills 60] [--seed N]

A round is one new catalog: its run is killed (SIGKILL), started again, killed again …, and the
last one is left alone. Then everything is looked at from outside. Ends with 1 if anything does
not hold.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import fsspec
import numpy as np

from bench.kill_checks import Round, problems
from bench.kill_manifests import MANIFESTS, laid_out
from bench.killed_runs import Moment, Watcher, night
from bench.machine import table, write_result
from bench.processes import free_port, serving
from packshot.facts.job import Job

STORES: Final = ("local", "S3")
KILLS_PER_ROUND: Final = 6
S3_ACCOUNT: Final = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET: Final = "s3://kills"


@contextmanager
def s3() -> Iterator[None]:
    """An S3 endpoint on loopback, with a bucket; child processes find it, too."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, f"{address}/moto-api/"):
        os.environ.update(S3_ACCOUNT, AWS_ENDPOINT_URL=address)
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield


@contextmanager
def watched_sandbox(pictures: Path) -> Iterator[str]:
    """The sandbox, with latency, in a process of its own."""
    pictures.mkdir()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.watched_sandbox", str(port), str(pictures)]
    with serving(command, f"{address}/_sandbox/state"):
        yield address


def job_for(manifest: Path, root: str, spool: Path, host: str) -> Job:
    """A catalog with places of its own."""
    return Job.model_validate(
        {
            "manifest": str(manifest),
            "destination": f"{root}/out",
            "state": f"{root}/state",
            "provider": "removebg",
            "options": {
                "provider_url": f"{host}/v1.0",
                "allow_hosts": ["127.0.0.1"],
                "spool": str(spool),
                "limits": {"workers": 12, "calls_at_once": 6},
            },
        }
    )


def one_round(done: Round, watcher: Watcher, chance: np.random.Generator, most: int) -> None:
    """Kill the runs of one catalog until its work is done, then leave one alone."""
    watcher.reset()
    words = done.scratch.parent / "said.txt"
    while done.kills < most:
        moment = Moment.drawn(chance, done.catalog.bought - (done.stored or [0])[-1])
        done.nights.append(night(done.job, watcher, done.scratch, moment, words=words))
        done.count_stored()
        if not done.nights[-1].killed or moment.after in {"worked", "published"}:
            break
    done.nights.append(night(done.job, watcher, done.scratch, words=words))
    done.count_stored()


def campaign(
    shop: Path, host: str, cell: tuple[str, str], kills: int, chance: np.random.Generator
) -> list[Round]:
    """Rounds over one kind of manifest on one store until so many runs were killed."""
    kind, store = cell
    watcher, rounds = Watcher(host), list[Round]()
    while (left := kills - sum(one.kills for one in rounds)) > 0:
        name = f"{list(MANIFESTS).index(kind)}-{store}-{len(rounds)}".lower()
        catalog = laid_out(kind, shop / name, host, chance)
        own = shop.parent / name
        (own / "scratch").mkdir(parents=True)
        root = str(own) if store == "local" else f"{BUCKET}/{name}"
        job = job_for(catalog.manifest, root, own / "spool", host)
        done = Round(catalog, job, own / "scratch")
        one_round(done, watcher, chance, min(left, KILLS_PER_ROUND))
        rounds.append(done)
    return rounds


WORDS: Final = (
    "Runs as processes of their own, against the sandbox (0.2 to 0.6 s per call, 6 calls at once), "
    "are killed with SIGKILL at random moments: while they start, in the midst of the work, while "
    "the report is written, after that. Each catalog's run is killed up to 6 times, then left "
    "alone once. The S3 endpoint is moto's."
)
MEANING: Final = (
    "After each catalog's last run all of this held: every report has every row once, nothing is "
    "left to do, and what can have a picture has one that decodes and is cut out; no claim, open "
    "run, scratch folder or half-written file lies about. For each run and for all: charged ≤ what "
    "left the account ≤ charged + uncertain, by the reports; what was charged and not kept is at "
    "most the calls at once.\n\n"
    "*Open at the kills* counts calls that the sandbox had not answered. *Answered, not stored* "
    "counts answers it had sent and that were neither in the store nor copied to the machine's "
    "spool: on their way through sockets and memory. *Recovered* are pictures whose purchase a "
    "killed run had made. *Lost* are pictures that should be there in the end and are not."
)
HEADER: Final = [
    "manifest, store",
    "rounds",
    "kills",
    "images",
    "different",
    "charged",
    "charged twice",
    "open at the kills",
    "answered, not stored",
    "uncertain",
    "recovered",
    "lost",
]


def figures(rounds: list[Round]) -> list[float]:
    """One line of the table."""
    different = sum(one.catalog.bought for one in rounds)
    charged = sum(one.charged for one in rounds)
    runs = [run for one in rounds for run in one.summaries.values()]
    return [
        len(rounds),
        sum(one.kills for one in rounds),
        sum(len(one.catalog.rows) for one in rounds),
        different,
        charged,
        charged - different,
        sum(night.open for one in rounds for night in one.nights),
        sum(one.answered for one in rounds),
        sum(one.money("uncertain") for one in rounds),
        sum(run["outcomes"].get("recovered", 0) for run in runs),
        sum(len(one.lost) for one in rounds),
    ]


def report(lines: dict[str, list[float]]) -> str:
    """The figures in words and numbers."""
    total = [sum(column) for column in zip(*lines.values(), strict=True)]
    whole = lines | {"**all**": total}
    rows = [[name, *(f"{n:g}" for n in line)] for name, line in whole.items()]
    return f"{WORDS}\n\n{table(HEADER, rows)}\n\n{MEANING}"


def killed_on(
    store: str, folder: Path, kills: int, chance: np.random.Generator
) -> list[tuple[str, list[float], list[str]]]:
    """All manifests on one store, with a sandbox of its own: name, figures, what does not hold."""
    found = []
    with watched_sandbox(folder / f"shop-{store}") as host:
        for kind in MANIFESTS:
            rounds = campaign(folder / f"shop-{store}", host, (kind, store), kills, chance)
            wrong = [problem for one in rounds for problem in problems(one)]
            found.append((f"{kind}, {store}", figures(rounds), wrong))
            print(*found[-1], flush=True)
    return found


def main() -> None:
    """Kill, look, keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    each = -(-asked.kills // (len(MANIFESTS) * len(STORES)))
    chances = [np.random.default_rng([seed, number]) for number in range(len(STORES))]
    with (
        tempfile.TemporaryDirectory(prefix="packshot-bench-") as place,
        s3(),
        ThreadPoolExecutor(len(STORES)) as pool,
    ):
        sides = pool.map(
            lambda store, chance: killed_on(store, Path(place), each, chance), STORES, chances
        )
        cells = sorted(cell for side in sides for cell in side)
    text = report({name: line for name, line, _ in cells})
    print(text)
    if wrong := [f"{name}: {problem}" for name, _, found in cells for problem in found]:
        raise SystemExit("\n".join([*wrong, f"does not hold (seed {seed})"]))
    repeat = f"python -m bench.kills --kills {asked.kills} --seed {seed}"
    write_result("kills", "Runs that are killed", repeat, text)


if __name__ == "__main__":
    main()
