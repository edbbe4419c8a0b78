"""The formats as the table of `docs/formats.md`: `python -m packshot.exports.table`."""

from packshot.exports.described import ExportFormat, Images, Key
from packshot.exports.registry import FORMATS, MARKUPS

HEAD = "| format | recognised by | key | pictures | way back |\n| --- | --- | --- | --- | --- |"


def table() -> str:
    """Markdown, a line for each format; column names as they are compared."""
    return "\n".join([HEAD, *map(_line, FORMATS.values())])


def _line(export: ExportFormat) -> str:
    signatures = ["+".join(f"`{name}`" for name in sorted(one)) for one in export.signatures]
    for markup in MARKUPS:
        if markup.export.name == export.name:
            root = f"the root `{markup.root.replace('|', '` or `')}` in XML"
            signatures.append(root + f" of `{markup.namespace}`" * bool(markup.namespace))
    if export.by_content:
        signatures.append("the words its types of products are told in")
    keys = "; ".join(map(_key, dict.fromkeys((*export.product_keys, *export.keys))))
    cells = (
        f"`{export.name}` {export.title}",
        " or ".join(signatures),
        keys,
        "; ".join(map(_images, export.images)) + _base(export),
        export.way_back.told,
    )
    return f"| {' | '.join(cells)} |"


def _key(key: Key) -> str:
    return " + ".join(f"`{words.partition('|')[0]}`" for words in key)


def _images(images: Images) -> str:
    told = " or ".join(f"`{word}`" for word in images.columns.split("|"))
    if images.like:
        told = f"any column's cells like `{images.like.replace('|', chr(92) + '|')}`"
    if images.separator == "\n":
        told += ", all of an item"
    elif images.separator:
        told += f", a list by `{images.separator.replace('|', chr(92) + '|')}`"
    if images.of == "product":
        told += ", the product's"
    if images.order:
        told += f", in the order of `{images.order}`"
    if images.main:
        told += f", the main one by `{images.main.column}`"
    return told


def _base(export: ExportFormat) -> str:
    if export.base_hint:
        return f"; paths need `--base-url`: {export.base_hint}"
    return f"; ids hang on {export.base}" if export.base else ""


if __name__ == "__main__":
    print(table())  # noqa: T201
