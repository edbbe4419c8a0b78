"""The page about formats says what there is, and its example works."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

from packshot.exports.described import ExportFormat, Images, WayBack, any_of, fitting, named
from packshot.exports.table import table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "formats.md").read_text()
READ = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from packshot.decisions.addresses import Reach
from packshot.facts.columns import ColumnNames
from packshot.facts.export_choice import ExportChoice
from packshot.world.manifest_staging import stage_manifest

told = stage_manifest(
    sys.argv[1],
    Path(sys.argv[1] + ".staged"),
    columns=ColumnNames(),
    reach=Reach(frozenset({"https"}), ()),
    storage_options={},
    choice=ExportChoice(),
)
print(told.understanding.export)
for row in pq.read_table(sys.argv[1] + ".staged").to_pylist():
    print(row["sku"], row["url"])
"""


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


def test_an_export_of_the_new_format_is_read(tmp_path: Path) -> None:
    """With a module that holds the example, and its name in the registry, as the page has it."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    folder = tmp_path / "packshot" / "exports"
    copytree(ROOT / "packshot", tmp_path / "packshot", ignore=ignore_patterns("__pycache__"))
    words = "from packshot.exports.described import ExportFormat, Images, WayBack, any_of\n"
    (folder / "pottery.py").write_text(words + code[1])
    registry = (folder / "registry.py").read_text()
    own = "from packshot.exports.pottery import POTTERY\n\n_ALL: Final = (\n    POTTERY,\n"
    (folder / "registry.py").write_text(registry.replace("_ALL: Final = (\n", own, 1))
    export = tmp_path / "export.csv"
    export.write_text(
        "Pot No.,Glaze,Photos\n7,blue,https://x.example/a.jpg|https://x.example/b.jpg\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", READ, str(export)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines()[1:] == [
        "7 https://x.example/a.jpg",
        "7 https://x.example/b.jpg",
    ], said.stderr
    assert said.stdout.startswith("Pottery shops")
