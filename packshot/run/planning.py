"""Join the manifest with the ledger: say what a run would do, row by row.

A million rows differ in a few dozen ways only. SQL reduces each row to the facts a
decision may depend on, `decide` is asked once per distinct combination, and the
answers are joined back.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from packshot.decisions.delta import WORKS, PlanState, Policy, RowFacts, decide
from packshot.decisions.versioned_urls import VERSIONED_URL
from packshot.facts.item import LEFT_OUT
from packshot.facts.job import Job
from packshot.facts.outcome import WHITE_ALREADY
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.facts.variant import recipe
from packshot.run.options_compared import LARGER_WANTED, OPTIONS_SAME
from packshot.run.work import refusing_settings
from packshot.world.tables import columns_of, literal, scalar, write_in_slices

WORK_GROUP_ROWS = 2048
_FLAGS = [f.name for f in fields(RowFacts) if f.name != "class_enough"]


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """The plan as files, and the counts that need the whole of it."""

    plan: Path
    """Every row of the manifest with its state, and its outcome where that is known already."""
    work: Path
    """The rows that need a worker, numbered from 0, with what the ledger knows of them."""
    rows: int
    work_rows: int
    known: int
    gone: int
    asked_again: int
    """Rows of the work whose picture is known and is fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the decision needs beside the tables."""

    job: Job
    asked_class: PurchaseClass
    recut_since: datetime | None = None
    """When a `recut: all` was begun that is still to be carried through."""
    retry_failures: bool = False
    selection: bool = False
    """Whether the manifest is only some of the items, so that nothing is gone."""
    now: datetime


def make_plan(
    connection: duckdb.DuckDBPyConnection, staged: Path, asked: Asked, folder: Path
) -> PlanFiles:
    """Write plan and work files into `folder`. The view `ledger` must be attached."""
    _load_staged(connection, staged, asked.job.options.purchase)
    _find_repeats(connection)
    _find_due(connection, asked)
    _gather_facts(connection, asked)
    _decide(connection, asked)
    _number(connection, asked.job)
    plan, work = folder / "plan.parquet", folder / "work.parquet"
    _write(connection, plan, work)
    return PlanFiles(
        plan=plan,
        work=work,
        rows=scalar(connection, "SELECT count(*) FROM staged"),
        work_rows=scalar(connection, "SELECT count(*) FROM numbered WHERE number IS NOT NULL"),
        known=scalar(connection, "SELECT count(*) FROM ledger WHERE gone_at IS NULL"),
        gone=0
        if asked.selection
        else scalar(
            connection,
            "SELECT count(*) FROM ledger l ANTI JOIN staged s ON s.key = l.key "
            "WHERE l.gone_at IS NULL",
        ),
        asked_again=scalar(
            connection,
            f"SELECT count(*) FROM read_parquet({literal(work)}) "
            f"WHERE known_content_hash IS NOT NULL AND state <> '{PlanState.REFRESH}'",
        ),
    )


def _load_staged(connection: duckdb.DuckDBPyConnection, staged: Path, paid: PaidOptions) -> None:
    """The staged rows as the view `staged`, each with its paid options in canonical form."""
    raw = f"read_parquet({literal(staged)}, file_row_number = true)"
    pairs = connection.execute(f"SELECT DISTINCT foreground_type, resolution FROM {raw}").fetchall()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE row_options (pair VARCHAR, paid_options VARCHAR)"
    )
    options = [
        (
            f"{kind or ''}/{size or ''}",
            paid.overridden(foreground_type=kind, resolution=size).canonical(),
        )
        for kind, size in pairs
    ]
    if options:  # an empty manifest has none
        connection.executemany("INSERT INTO row_options VALUES (?, ?)", options)
    approved = "approved" if "approved" in columns_of(connection, raw) else "true AS approved"
    connection.execute(
        "CREATE OR REPLACE VIEW staged AS SELECT s.* EXCLUDE (file_row_number), "
        f"s.file_row_number AS seq, o.paid_options, {approved} FROM {raw} s JOIN row_options o "
        "ON o.pair = concat(coalesce(s.foreground_type, ''), '/', coalesce(s.resolution, ''))"
    )


def _find_repeats(connection: duckdb.DuckDBPyConnection) -> None:
    """Keys that occur more than once: exact repeats, or one explicit key for two URLs."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE repeated AS SELECT key, min(seq) AS first_seq, "
        "min(url) <> max(url) AND bool_or(position IS NOT NULL OR image_id IS NOT NULL) "
        "AS conflicting FROM staged WHERE reject_code IS NULL AND hash(key) IN "
        # A million hashes are a third of a million keys; what only looks equal is counted again.
        "(SELECT hash(key) FROM staged WHERE reject_code IS NULL GROUP BY 1 HAVING count(*) > 1) "
        "GROUP BY key HAVING count(*) > 1"
    )


def _find_due(connection: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """Known URLs whose turn it is to be re-asked, oldest first, within the budget per host.

    What has left the manifest uses up no budget, and only whole URLs show their version.
    """
    options = asked.job.options
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE due AS WITH known AS (SELECT l.key, "
        "any_value(l.url) AS url, any_value(s.url) AS whole_url, "
        "any_value(l.checked_at) AS asked_at FROM ledger l JOIN staged s ON s.key = l.key "
        "WHERE l.checked_at <= greatest($versioned::TIMESTAMP, $plain::TIMESTAMP) GROUP BY l.key) "
        "SELECT key FROM known WHERE asked_at <= CASE WHEN regexp_matches(whole_url, $pattern) "
        "THEN $versioned::TIMESTAMP ELSE $plain::TIMESTAMP END QUALIFY row_number() OVER "
        "(PARTITION BY split_part(url, '/', 3) ORDER BY asked_at, key) <= $budget",
        {
            "pattern": VERSIONED_URL,
            "versioned": asked.now - timedelta(days=options.trust_versioned_days),
            "plain": asked.now - timedelta(days=options.recheck_after_days),
            "budget": 0 if asked.retry_failures else options.recheck_budget,
        },
    )


def _gather_facts(connection: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    job = asked.job
    selected = "s.approved"
    if job.only is not None:
        selected += (
            " AND (coalesce(list_contains($only, s.key), false) "
            "OR coalesce(list_contains($only, s.sku), false))"
        )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE facts AS SELECT s.seq, "
        f"s.reject_code IS NOT NULL AND s.reject_code NOT IN {tuple(LEFT_OUT)} AS bad_row, "
        "coalesce(r.conflicting, false) AS conflicting, "
        "coalesce(s.seq > r.first_seq, false) AS repeat, r.first_seq, "
        f"s.skip OR coalesce(s.reject_code IN {tuple(LEFT_OUT)}, false) AS skip, "
        f"{selected} AS selected, "
        "coalesce(l.status, 'never seen') AS status, "
        "coalesce(md5(s.url) = l.url_hash, true) AS url_same, "
        "d.key IS NOT NULL AS due, "
        f"{OPTIONS_SAME} AS options_same, "
        "coalesce(l.provider = $provider, true) AS provider_same, "
        "coalesce(l.recipe = $recipe, true) AS recipe_same, "
        f"CASE WHEN l.reason_code = '{WHITE_ALREADY}' THEN $skips_white "
        "ELSE coalesce(l.refused_under = $settings, true) END AS settings_same, "
        f"{LARGER_WANTED} AS larger_wanted, "
        "coalesce(l.retry_at <= $now::TIMESTAMP, false) AS retry_due, "
        "coalesce(l.provider = $provider AND l.bought_at >= $recut::TIMESTAMP, false) "
        "AS recut_done, "
        "l.purchase_class, l.gone_at IS NOT NULL AS back "
        "FROM staged s LEFT JOIN repeated r ON r.key = s.key "
        "LEFT JOIN ledger l ON l.key = s.key LEFT JOIN due d ON d.key = s.key",
        {
            "provider": job.provider,
            "settings": refusing_settings(job.options),
            "skips_white": job.options.skip_white,
            "recipe": recipe(job.options.variants, job.options.outputs),
            "auto": job.options.paid.purchase_megapixels == "auto",
            "side": max((v.longest_side or 0 for v in job.options.variants), default=0),
            "now": asked.now,
            "recut": asked.recut_since and asked.recut_since.astimezone(UTC).replace(tzinfo=None),
        }
        | ({"only": job.only} if job.only is not None else {}),
    )


def _decide(connection: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """Ask `decide` once per distinct combination of facts."""
    policy = Policy(
        recut=asked.job.recut,
        retry_failures=asked.retry_failures,
        insist=asked.job.options.insist,
    )
    flags = ", ".join(_FLAGS)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE decisions AS SELECT DISTINCT {flags}, purchase_class, "
        "NULL::VARCHAR AS state, NULL::VARCHAR AS outcome, NULL::VARCHAR AS reason_code FROM facts"
    )
    combinations = connection.execute(
        f"SELECT rowid, purchase_class, {flags} FROM decisions"
    ).fetchall()
    for rowid, bought, *values in combinations:
        row = dict(zip(_FLAGS, values, strict=True))
        facts = RowFacts(
            **row, class_enough=_class_enough(bought, asked.asked_class, retry_due=row["retry_due"])
        )
        decision = decide(facts, policy)
        connection.execute(
            "UPDATE decisions SET state = ?, outcome = ?, reason_code = ? WHERE rowid = ?",
            [decision.state, decision.outcome, decision.reason_code, rowid],
        )


def _class_enough(bought: str | None, asked: PurchaseClass, *, retry_due: bool) -> bool:
    """Whether what was bought will do tonight; a degraded purchase waits for its next try."""
    if bought is None:
        return True
    if bought == PurchaseClass.DEGRADED:
        return not retry_due
    return PurchaseClass(bought).satisfies(asked)


def _number(connection: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Put the work in order; what lies beyond `limit` or outside `sample` is not numbered."""
    works = ", ".join(f"'{state}'" for state in sorted(WORKS))
    same = " AND ".join(f"f.{name} = d.{name}" for name in _FLAGS)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE decided AS SELECT f.seq, f.back, f.first_seq, "
        "d.state, d.outcome, d.reason_code FROM facts f JOIN decisions d "
        f"ON {same} AND f.purchase_class IS NOT DISTINCT FROM d.purchase_class"
    )
    connection.execute("DROP TABLE facts")
    sample = job.options.sample
    most = min(x for x in (job.limit, sample, 2**62) if x is not None)
    order = "hash(seq)" if sample is not None else "seq"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS "
        f"WITH chosen AS (SELECT seq FROM decided WHERE state IN ({works}) "
        f"ORDER BY {order} LIMIT {most}) "
        "SELECT d.*, c.number FROM decided d LEFT JOIN "
        "(SELECT seq, row_number() OVER (ORDER BY seq) - 1 AS number FROM chosen) c "
        "ON c.seq = d.seq"
    )
    connection.execute("DROP TABLE decided")
    connection.execute(
        "UPDATE numbered SET state = 'not selected', outcome = 'deferred', reason_code = 'limit' "
        f"WHERE number IS NULL AND state IN ({works})"
    )


_REASON = """
CASE WHEN s.reject_code IS NOT NULL THEN s.reject_reason
 WHEN n.reason_code = 'duplicate_key' THEN
  'this key stands for two different image URLs; give each picture its own position or image id'
 WHEN n.reason_code = 'repeated_row' AND s.paid_options <> f.paid_options THEN
  'the same picture as row ' || (f.row)::VARCHAR || ', whose options count; '
  'give each row its own position or image id'
 WHEN n.reason_code = 'repeated_row' THEN 'an exact repeat of row ' || f.row::VARCHAR
 WHEN n.reason_code = 'row_says_so' THEN 'the row says skip'
 WHEN n.reason_code = 'remembered' THEN l.reason
 WHEN n.reason_code = 'needs_larger_purchase' AND s.paid_options LIKE '%purchase_megapixels%' THEN
  'a variant wants more pixels than were bought; raise purchase_megapixels or ask for less'
 WHEN n.reason_code = 'needs_larger_purchase' THEN
  'a variant wants more pixels than were bought; buy a larger resolution or ask for less'
 WHEN n.reason_code = 'not_asked' THEN 'nothing changed; the source was not re-asked tonight'
 WHEN n.reason_code = 'backing_off' THEN
  'failed ' || l.attempts || ' times; next try after '
  || strftime(l.retry_at, '%Y-%m-%d') || ': ' || coalesce(l.reason, '')
 WHEN n.reason_code = 'limit' THEN 'beyond --limit or outside --sample; run again without it'
 WHEN n.reason_code = 'not_selected' THEN 'not among the chosen items'
END
"""


def _write(connection: duckdb.DuckDBPyConnection, plan: Path, work: Path) -> None:
    plain = "s.* EXCLUDE (seq, approved), s.seq"
    connection.execute(
        f"COPY (SELECT {plain}, n.state, n.outcome, "
        "coalesce(s.reject_code, CASE WHEN n.reason_code = 'remembered' THEN l.reason_code "
        f"ELSE n.reason_code END) AS reason_code, {_REASON} AS reason, n.number, n.back "
        "FROM staged s JOIN numbered n ON n.seq = s.seq "
        "LEFT JOIN (SELECT seq, row, paid_options FROM staged SEMI JOIN repeated "
        "ON first_seq = seq) f ON f.seq = n.first_seq "
        # What was cut has nothing to tell: that leaves few rows of the ledger to join.
        "LEFT JOIN (SELECT key, reason_code, reason, attempts, retry_at FROM ledger "
        "WHERE status <> 'cut') l ON l.key = s.key "
        f") TO {literal(plan)} (FORMAT parquet, COMPRESSION zstd)"
    )
    known = [name for name in columns_of(connection, "ledger") if name not in {"key", "sku"}]
    prefixed = ", ".join(f"l.{name} AS known_{name}" for name in known)
    write_in_slices(
        connection,
        f"SELECT n.number, n.state, s.seq, s.row, s.file, s.sku, s.key, s.position, s.url, "
        f"s.paid_options, l.key IS NOT NULL AS is_known, {prefixed} "
        "FROM numbered n JOIN staged s ON s.seq = n.seq LEFT JOIN ledger l ON l.key = s.key "
        "WHERE n.number >= $first AND n.number < $last ORDER BY n.number",
        work,
        rows=scalar(connection, "SELECT count(number) FROM numbered"),
        group_rows=WORK_GROUP_ROWS,
    )


def utc_now() -> datetime:
    """Now, as the ledger writes times: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
