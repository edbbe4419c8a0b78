"""SQL that compares the options of tonight's rows, `s`, with those of what was bought, `l`."""


def megapixels_of(options: str) -> str:
    """SQL for the megapixels that a column of canonical options shrinks sources to, or NULL."""
    return rf"""TRY_CAST(regexp_extract({options}, '"purchase_megapixels":(\d+)', 1) AS INTEGER)"""


def _unsized(options: str) -> str:
    """SQL for canonical options without the megapixels, and without any comma beside them."""
    return rf"""regexp_replace({options}, ',|"purchase_megapixels":\d+', '', 'g')"""


LARGER_WANTED = (
    "coalesce(greatest(l.result_width, l.result_height) < "
    "least($side, greatest(l.source_width, l.source_height)), false)"
)
"""Whether a variant of `$side` pixels wants more than was bought, though the source has it."""

_WANTED, _BOUGHT = megapixels_of("s.paid_options"), megapixels_of("l.paid_options")
OPTIONS_SAME = f"""
CASE WHEN l.paid_options IS NULL OR s.paid_options = l.paid_options THEN true
 WHEN l.status <> 'cut' OR {_unsized("s.paid_options")} <> {_unsized("l.paid_options")} THEN false
 WHEN {_BOUGHT} IS NULL THEN true
 WHEN {_WANTED} IS NULL THEN false
 ELSE {_BOUGHT} >= {_WANTED} OR ($auto AND NOT {LARGER_WANTED}) END
"""
"""Whether what was bought is all that is asked for: a larger purchase does for a smaller wish.

With `$auto` the wish is what the variants need. A CASE, so that only rows whose options differ
come to the regular expressions. What was not cut is remembered with the options of the attempt.
"""
