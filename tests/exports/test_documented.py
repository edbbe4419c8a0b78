"""The page about formats says what there is, and its example works."""

import re
from pathlib import Path

from packshot.exports.described import ExportFormat, Images, WayBack, any_of, fitting, named
from packshot.exports.table import table

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def test_the_table_is_that_of_the_descriptions() -> None:
    """Print it anew with `python -m packshot.exports.table`."""
    assert table() in PAGE


def test_the_example_of_a_new_format_works() -> None:
    """As it stands on the page."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    names = {"ExportFormat": ExportFormat, "Images": Images, "WayBack": WayBack, "any_of": any_of}
    exec(code[1], names)  # noqa: S102  our own page
    pottery = names["POTTERY"]
    assert isinstance(pottery, ExportFormat)
    assert fitting([pottery], [named("Pot No."), named("Photos")]) is pottery
