"""A shop's export is a manifest as it is."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from packshot.decisions.addresses import AllowedHost, Reach
from packshot.exports.registry import FORMATS
from packshot.exports.wix import MEDIA
from packshot.facts.columns import ColumnNames
from packshot.facts.errors import BadManifest, BadOption
from packshot.facts.export_choice import ExportChoice
from packshot.facts.item import LEFT_OUT
from packshot.world.export_pictures import pieces
from packshot.world.manifest_staging import Staged, stage_manifest
from tests.exports.samples import SAMPLES, Sample

WEB = frozenset({"http", "https"})
SHARED = Path(__file__).parents[3] / "shared" / "exports"


def staged(
    file: Path, hosts: tuple[AllowedHost, ...] = (), **choice: str | None
) -> tuple[Staged, list[dict[str, object]]]:
    """A file staged, and its rows."""
    out = file.with_suffix(".staged")
    told = stage_manifest(
        str(file),
        out,
        columns=ColumnNames(),
        reach=Reach(WEB, hosts),
        storage_options={},
        choice=ExportChoice.model_validate(choice),
    )
    return told, pq.read_table(out).to_pylist()


def written(folder: Path, sample: Sample) -> Path:
    """A sample as a file whose name says nothing."""
    file = folder / "export.txt"
    file.write_bytes(sample.content)
    return file


@pytest.mark.parametrize("name", SAMPLES)
def test_an_export_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    """By content, not by name: each picture once, under the key of its format."""
    sample = SAMPLES[name]
    told, rows = staged(written(tmp_path, sample), base_url=sample.base_url)
    assert told.understanding.export is not None
    assert told.understanding.export.startswith(FORMATS[sample.format].title)
    found = [(r["row"], r["sku"], r["url"], r["position"]) for r in rows if r["url"]]
    assert found == [
        (row, sku, address.replace("WIX/", MEDIA) if "WIX/" in address else IMG + address, position)
        for row, sku, address, position in sample.pictures
    ]
    nothing = [(r["row"], r["reject_code"]) for r in rows if not r["url"]]
    assert [row for row, _ in nothing] == list(sample.left_out)
    assert {code for _, code in nothing} <= LEFT_OUT.keys()
    assert (told.images, told.rejected) == (len(sample.pictures), 0)


IMG = "https://img.example/"


def test_a_list_is_parted_where_an_address_begins() -> None:
    """Not where one stands in another, as services for resizing write them."""
    resized = f"{IMG}w=80,h=80/https://x.example/a.jpg"
    assert pieces(f"{resized},{IMG}b.jpg{IMG}c.jpg", ",") == [
        resized,
        f"{IMG}b.jpg",
        f"{IMG}c.jpg",
    ]


@pytest.mark.parametrize(
    ("cell", "separator", "paths", "found"),
    [
        ("//h.example/1.jpg, //h.example/2.jpg", ",", False, 2),
        (f"{IMG}3.jpg, //h.example/4.jpg", ",", False, 2),
        (f"{IMG}new/b.png,/gone.jpg", ",", True, 2),
        (f"/b.jpg,{IMG}w_80,h_80/c.jpg", ",", True, 2),
        (f"{IMG}NEW.png;gone_2~mv2.png;{IMG}x.png?v=1;ab_1~mv2.jpg", ";", True, 4),
        (f"{IMG}w_80,h_80/a.jpg,{IMG}b,c.jpg", ",", True, 2),
        (f"{IMG}a.jpg,b.jpg", ",", False, 1),
        (f"{IMG}a b.jpg {IMG}c.jpg", " ", False, 2),
    ],
    ids=["//", "URL and //", "URL and path", "path and URL", "ids", "commas", "no paths", "blanks"],
)
def test_a_list_may_mix_addresses(cell: str, separator: str, paths: bool, found: int) -> None:  # noqa: FBT001
    """URLs, such without a scheme, paths and ids, as the way back leaves them side by side."""
    parted = pieces(cell, separator, paths=paths)
    assert len(parted) == found
    assert separator.join(part.strip() for part in parted).replace(separator, "") == cell.replace(
        separator, ""
    ).replace(" ", "" if separator == "," else " ")


@pytest.mark.parametrize(
    ("text", "base_url", "found"),
    [
        (
            f'sku,base_image,additional_images\nA,/a.jpg,"{IMG}b.png,/gone.jpg"\n',
            f"{IMG}m",
            [f"{IMG}m/a.jpg", f"{IMG}b.png", f"{IMG}m/gone.jpg"],
        ),
        (
            f"handleId,fieldType,name,productImageUrl\nS,Product,Mug,{IMG}NEW.png;gone_2~mv2.png\n",
            None,
            [f"{IMG}NEW.png", f"{MEDIA}gone_2~mv2.png"],
        ),
        (
            'ID,Type,SKU,Name,Images\n1,simple,A,Mug,"//img.example/1.jpg, //img.example/2.jpg"\n',
            None,
            [f"{IMG}1.jpg", f"{IMG}2.jpg"],
        ),
    ],
    ids=["magento", "wix", "woocommerce"],
)
def test_a_list_that_came_back_in_part_is_read_again(
    tmp_path: Path, text: str, base_url: str | None, found: list[str]
) -> None:
    """New addresses beside the paths or ids of pictures that were not made."""
    file = tmp_path / "again.csv"
    file.write_text(text)
    _, rows = staged(file, base_url=base_url)
    assert [r["url"] for r in rows] == found


def test_every_format_has_its_sample() -> None:
    """And each sample is of a format that there is."""
    shown = {sample.format for sample in SAMPLES.values()}
    assert shown == {name for name, one in FORMATS.items() if one.signatures}  # all but XML's


def test_a_format_can_be_named(tmp_path: Path) -> None:
    """One that does not fit, or is not there, is answered in a sentence; `table` reads plainly."""
    file = written(tmp_path, SAMPLES["allegro"])
    with pytest.raises(BadManifest, match="does not look like Shopify"):
        staged(file, format="shopify")
    with pytest.raises(BadManifest, match="no format `shop`; choose one of matrixify, shopify"):
        staged(file, format="shop")
    told, _ = staged(written(tmp_path, SAMPLES["shopware 6"]), format="shopware")
    assert told.images == 3
    plain = tmp_path / "plain.csv"
    plain.write_text("id,image_link\nA,https://img.example/a.jpg\n")
    assert staged(plain, format="table")[0].understanding.export is None


def test_paths_ask_for_what_they_hang_on(tmp_path: Path) -> None:
    """One clear question instead of a rejection for every row."""
    sample = next(one for one in SAMPLES.values() if one.format == "magento")
    with pytest.raises(BadManifest, match=r"`/b/a/bag\.jpg`; give .*`--base-url`.*media"):
        staged(written(tmp_path, sample))


def test_shifted_columns_are_told(tmp_path: Path) -> None:
    """Nothing is rejected row by row when the whole column is wrong."""
    rows = "".join(f"h{n},manual,deny\n" for n in range(6))
    file = tmp_path / "shifted.csv"
    file.write_text(f"Handle,Image Src,Image Position\n{rows}")
    with pytest.raises(BadManifest, match="`Image Src` are no addresses of pictures, such as"):
        staged(file)


@pytest.mark.parametrize(
    ("pictures", "found"), [("main", [1]), ("2,3", [2, 3]), ("all", [1, 2, 3])]
)
def test_only_some_pictures_are_meant(tmp_path: Path, pictures: str, found: list[int]) -> None:
    """By their number in the product; the other rows say that they were left out."""
    _, rows = staged(written(tmp_path, SAMPLES["shopware 6"]), pictures=pictures)
    assert [r["url"] for r in rows if r["url"]] == [f"{IMG}{number}.jpg" for number in found]


def test_the_main_picture_is_the_one_that_the_export_calls_so(tmp_path: Path) -> None:
    """By its position, wherever it stands."""
    shopify = next(one for one in SAMPLES.values() if one.format == "shopify")
    _, rows = staged(written(tmp_path, shopify), pictures="main")
    assert [r["url"] for r in rows if r["sku"] == "tee"] == [f"{IMG}tee-1.jpg"]
    bigcommerce = next(one for one in SAMPLES.values() if one.format == "bigcommerce-v3")
    _, rows = staged(written(tmp_path, bigcommerce), pictures="main")
    assert [r["url"] for r in rows if r["sku"] == "MUG"] == [f"{IMG}p.1.386.513.jpg?c=1"]


BIGCOMMERCE = (
    "Item,ID,Name,SKU,Internal Image URL (Export),Image is Thumbnail,Image Sort Order\n"
    f"Product,10,Mug,MUG,,,\nImage,11,,,{IMG}1.jpg,FALSE,0\nImage,12,,,{IMG}2.jpg,TRUE,1\n"
    f"Product,20,Pot,POT,,,\nImage,21,,,{IMG}3.jpg,,0\nImage,22,,,{IMG}4.jpg,,1\n"
)
SHOPWARE_5 = (
    "ordernumber;image;main;description;position\n"
    f"SW1;{IMG}1.jpg;2;;1\nSW1;{IMG}2.jpg;1;;2\nSW2;{IMG}3.jpg;1;;\nSW2;{IMG}4.jpg;2;;\n"
)


@pytest.mark.parametrize("text", [BIGCOMMERCE, SHOPWARE_5])
def test_a_column_of_its_own_tells_the_main_picture(tmp_path: Path, text: str) -> None:
    """Against the order; where it is silent, the order counts."""
    file = tmp_path / "main.csv"
    file.write_text(text)
    _, rows = staged(file, pictures="main")
    assert [r["url"] for r in rows if r["url"]] == [f"{IMG}2.jpg", f"{IMG}3.jpg"]


def test_only_some_rows_are_meant(tmp_path: Path) -> None:
    """By a condition over the export's own columns; every row is told."""
    file = tmp_path / "some.csv"
    file.write_text(
        "Handle,Vendor,Status,Image Src,Image Position\n"
        f"a,Acme,active,{IMG}a.jpg,1\nb,Acme,draft,{IMG}b.jpg,1\nc,x,active,{IMG}c.jpg,1\n"
    )
    _, rows = staged(file, where="status = 'active' and vendor != 'x'")
    assert [(r["row"], r["sku"], r["reject_code"]) for r in rows] == [
        (2, "a", None),
        (3, None, "not_chosen"),
        (4, None, "not_chosen"),
    ]


SHOPIFY_ROWS = (
    "Handle,Title,Vendor,Status,Image Src,Image Position,Variant Image\n"
    f"tee,Tee,Acme,active,{IMG}1.jpg,1,\ntee,,,,{IMG}2.jpg,2,\ntee,,,,{IMG}3.jpg,3,\n"
    f"mug,Mug,x,active,{IMG}4.jpg,1,\nmug,,,,{IMG}5.jpg,2,\n"
)
BIGCOMMERCE_ROWS = (
    "Item,ID,Name,Brand,SKU,Internal Image URL,Image Sort Order\n"
    f"Product,1,Tee,Acme,T,,\nImage,,,,,{IMG}1.jpg,0\nImage,,,,,{IMG}2.jpg,1\n"
    f"Product,2,Mug,x,M,,\nImage,,,,,{IMG}4.jpg,0\n"
)
SCATTERED_ROWS = (
    "product_id,name,model,manufacturer,image_name,additionalimages image\n"
    f"1,Tee,T,Acme,{IMG}1.jpg,\n2,Mug,M,x,{IMG}4.jpg,\n"
    f"1,,,,,{IMG}2.jpg\n2,,,,,{IMG}5.jpg\n1,,,,,{IMG}3.jpg\n"
)


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        (SHOPIFY_ROWS, "status = 'active' and vendor != 'x'", [1, 2, 3]),
        (SHOPIFY_ROWS, "vendor != 'x'", [1, 2, 3]),
        (SHOPIFY_ROWS, "vendor = 'x' and \"image position\" > '1'", [5]),
        (BIGCOMMERCE_ROWS, "brand != 'x'", [1, 2]),
        (SCATTERED_ROWS, "manufacturer != 'x'", [1, 2, 3]),
    ],
    ids=["both", "one", "own cell", "rows of its own", "second sheet"],
)
def test_a_condition_holds_for_all_pictures_of_a_product(
    tmp_path: Path, text: str, where: str, found: list[int]
) -> None:
    """What the product's first row says is said of the rows of its other pictures."""
    file = tmp_path / "shop.csv"
    file.write_text(text)
    _, rows = staged(file, where=where)
    assert [r["url"] for r in rows if r["url"]] == [f"{IMG}{number}.jpg" for number in found]


def test_a_plain_table_is_chosen_from_in_the_same_way(tmp_path: Path) -> None:
    """The condition and the numbers are no matter of formats."""
    file = tmp_path / "plain.csv"
    file.write_text(f"sku,image1,image2,status\nA,{IMG}1.jpg,{IMG}2.jpg,on\nB,{IMG}3.jpg,,off\n")
    _, rows = staged(file, where="status = 'on'", pictures="2")
    assert [(r["row"], r["url"]) for r in rows] == [(2, f"{IMG}2.jpg"), (3, None)]


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1) union select 1",
        "status = 'on'; drop table x",
        "(select count(*) from read_csv('/etc/passwd')) > 0",
        "(select count(*) from glob('/*')) > 0",
        "nothing = 1",
        "(select count(*) from duckdb_settings()) > 0",
        "exists (select 1 from pragma_database_list)",
        "current_setting('threads') = '1'",
        "random() < 0.5",
        "now() > '2020-01-01'",
        "current_date > '2020-01-01'",
        "columns('status') = 'on'",
        "count(*) over () > 0",
        "lower(distinct status) = 'on'",
        "status = any(['on'])",
        "status = $1",
        "#1 = 'on'",
        "status from t",
        "status = 'on', sku = 'A'",
        "status = 'on' limit 1",
        "- " * 600 + "sku < 5",
    ],
)
def test_a_condition_has_no_way_out(tmp_path: Path, where: str) -> None:
    """It sees the row, and neither files nor anything else."""
    file = tmp_path / "plain.csv"
    file.write_text(f"sku,image,status\nA,{IMG}1.jpg,on\n")
    with pytest.raises((BadManifest, BadOption), match="`--where` cannot be read"):
        staged(file, where=where)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("price > 5", ["B"]),
        ("5 > price", ["A"]),
        ("price between 4 and 5 or price in (10)", ["A", "B"]),
        ("not price * 2 > 9", ["A"]),
        ("price <> 10 and Price = '4.50'", ["A"]),
        ("price > length(sku) and status like 'on%'", ["A"]),
        ("case when lower(status) = 'off' then true else false end", ["B"]),
        ("coalesce(nullif(trim(price), ''), 'none') in ('none', 'n/a')", ["C"]),
        ("regexp_matches(status, '^o') and contains(sku, 'B')", ["B"]),
        ("try_cast(price as decimal(9, 2)) is null", ["C"]),
    ],
)
def test_a_condition_compares_and_computes(tmp_path: Path, where: str, found: list[str]) -> None:
    """A column that meets a number is read as one; where it is none, nothing holds."""
    file = tmp_path / "plain.csv"
    file.write_text(
        f"sku,image,status,price\nA,{IMG}1.jpg,on,4.50\nB,{IMG}2.jpg,off,10\nC,{IMG}3.jpg,,n/a\n"
    )
    _, rows = staged(file, where=where)
    assert [row["sku"] for row in rows if row["url"]] == found


LOCAL = (
    "Handle,Image Src,Image Position\n"
    f"mug,http://localhost/wp/1.jpg,1\nmug,{IMG}2.jpg,2\nmug,https://LOCALHOST:8443/3.jpg,3\n"
    "mug,http://192.168.1.7/4.jpg,4\nmug,http://[::1]/5.jpg,5\nmug,http://u:p@127.0.0.1/6.jpg,6\n"
    "mug,http://localhost.example/7.jpg,7\nmug,http://10.example/8.jpg,8\n"
)


def test_addresses_of_the_shops_own_machine_are_left_out(tmp_path: Path) -> None:
    """An export of a test shop names them; nobody else can read them."""
    file = tmp_path / "local.csv"
    file.write_text(LOCAL)
    told, rows = staged(file)
    assert told.without_picture == {"own_machine": 5}
    assert told.rejected == 0
    assert [(r["position"], r["url"]) for r in rows if r["url"]] == [
        (2, f"{IMG}2.jpg"),
        (7, "http://localhost.example/7.jpg"),
        (8, "http://10.example/8.jpg"),
    ]
    assert all("--allow-host" in r["reject_reason"] for r in rows if not r["url"])
    told, _ = staged(file, (AllowedHost.parse("localhost:80"), AllowedHost.parse("192.168.1.7")))
    assert told.without_picture == {"own_machine": 3}


def test_in_a_table_of_ones_own_they_are_no_business_of_the_reader(tmp_path: Path) -> None:
    """There the fetch says what is wrong."""
    file = tmp_path / "plain.csv"
    file.write_text("sku,image_url\nA,http://localhost/1.jpg\n")
    told, _ = staged(file)
    assert (told.images, told.without_picture) == (1, {})


def test_a_guess_is_a_question(tmp_path: Path) -> None:
    """Columns without a known name are told by their cells, and not run."""
    file = tmp_path / "guess.csv"
    file.write_text(
        f"Nummer;Farbe;Ansicht\n100;rot;{IMG}1.jpg\n101;rot;{IMG}2.jpg\n102;blau;{IMG}3.jpg\n"
    )
    with pytest.raises(BadManifest, match="--sku-column 'Nummer' --image-column 'Ansicht'"):
        staged(file)


@pytest.mark.skipif(not SHARED.is_dir(), reason="reads exports that lie beside the project")
@pytest.mark.parametrize(
    ("file", "format_", "pictures"),
    [
        ("shopify/synthetic_new_headers_2025.csv", "shopify", 5),
        ("shopify/template_2019.csv", "shopify", 1),
        ("woocommerce/sample_products.csv", "woocommerce", 32),
        ("woocommerce/synthetic_webtoffee_pipe.csv", "woocommerce-webtoffee", 2),
        ("google_merchant/synthetic_multi_additional.tsv", "google", 6),
        ("meta/meta_template_en_comment_row.csv", "meta", 1),
        ("matrixify/synthetic_multi_url_cell.csv", "matrixify", 3),
        ("bigcommerce/synthetic_v3_export.csv", "bigcommerce-v3", 4),
        ("etsy/synthetic_listings_download.csv", "etsy", 3),
        ("ebay/synthetic_fx_category_template.csv", "ebay", 4),
        ("amazon/synthetic_classic_flat_file.txt", "amazon", 4),
        ("squarespace/synthetic_export_space_newline.csv", "squarespace", 6),
        ("prestashop/ps14_products_import.csv", "prestashop", 4),
        ("prestashop/synthetic_import_semicolon.csv", "prestashop", 2),
        ("shopware/synthetic_with_media_column.csv", "shopware", 3),
        ("salesforce/synthetic_b2b_import.csv", "salesforce-b2b", 3),
        ("wix/synthetic_new_catalog_media_column.csv", "wix-v3", 3),
        ("wix/synthetic_old_catalog_media_ids.csv", "wix", 3),
    ],
)
def test_other_peoples_exports_are_recognised(
    tmp_path: Path, file: str, format_: str, pictures: int
) -> None:
    """Real ones, and those made after cited headers."""
    (tmp_path / "any").write_bytes((SHARED / file).read_bytes())
    told, _ = staged(tmp_path / "any")
    assert told.understanding.export is not None
    assert told.understanding.export.startswith(FORMATS[format_].title)
    assert (told.images, told.rejected) == (pictures, 0)
