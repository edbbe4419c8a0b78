"""One small export of each format, with the traps of its kind, and what it holds."""

from dataclasses import dataclass

Expected = tuple[int, str, str, int | None]
"""Record's row, SKU, address without `https://img.example/`, position."""


@dataclass(frozen=True)
class Sample:
    """One export and its pictures."""

    format: str
    text: str
    pictures: tuple[Expected, ...]
    left_out: tuple[int, ...] = ()
    """Rows without a picture."""
    encoding: str = "utf-8"
    base_url: str | None = None

    @property
    def content(self) -> bytes:
        """The file."""
        return self.text.replace("IMG/", "https://img.example/").encode(self.encoding)


SAMPLES = {
    "shopify, old headers: galleries by position, no SKU, a padded handle": Sample(
        "shopify",
        "Handle ,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position,"
        "Image Alt Text,Variant Image,Status\n"
        'tee ,"Tee, ""soft""",Acme,Size,S,,IMG/tee-2.jpg?v=1,2,,IMG/tee-s.jpg,active\n'
        "tee,,,,M,,IMG/tee-1.jpg,1,,,\n"
        'tee,,,,,,"IMG/tee,3.jpg",3,,,\n'
        'cup,Cup,Acme,Title,Default Title,CUP-1,,,,,"draft"\n',
        (
            (2, "tee", "tee-2.jpg?v=1", 2),
            (2, "tee/S", "tee-s.jpg", None),
            (3, "tee", "tee-1.jpg", 1),
            (4, "tee", "tee,3.jpg", 3),
        ),
        left_out=(5,),
    ),
    "shopify, new headers: the handle stands in the first row only": Sample(
        "shopify",
        "Title,URL handle,SKU,Option1 name,Option1 value,Product image URL,Image position,"
        "Variant image URL\r\n"
        "Tee,tee,T-S,Size,S,IMG/1.jpg,1,IMG/s.jpg\r\n"
        ",,T-M,,M,IMG/2.jpg,2,\r\n",
        (
            (2, "tee", "1.jpg", 1),
            (2, "T-S", "s.jpg", None),
            (3, "tee", "2.jpg", 2),
        ),
    ),
    "matrixify: several addresses in a cell, and a video": Sample(
        "matrixify",
        "ID,Handle,Command,Variant ID,Image Type,Image Src,Image Position,Image Command\n"
        "1,tee,MERGE,11,IMAGE,IMG/1.jpg; IMG/2.jpg,1,MERGE\n"
        "1,tee,MERGE,,EXTERNAL_VIDEO,https://video.example/x,3,MERGE\n",
        ((2, "tee", "1.jpg", None), (2, "tee", "2.jpg", None)),
        left_out=(3,),
    ),
    "woocommerce: a mark of byte order behind stray blanks, escaped commas": Sample(
        "woocommerce",
        "\n\t\ufeffID,Type,SKU,Name,Published,Description,Images,Parent\n"
        '7,simple,MUG,Mug,1,"two\nlines","IMG/a.jpg, IMG/b\\,c.jpg",\n'
        "8,variation,,Mug red,1,,,id:7\n"
        "9,simple,,Pot,1,,IMG/p.jpg,\n",
        ((3, "MUG", "a.jpg", None), (3, "MUG", "b,c.jpg", None), (5, "9", "p.jpg", None)),
        left_out=(4,),
    ),
    "woocommerce in Russian: known by the types of its products": Sample(
        "woocommerce",
        "\ufeffID,Тип,Артикул,Имя,Изображения\n"
        '1,simple,KR-1,Кружка,"IMG/k.jpg, IMG/k2.jpg"\n'
        "2,variable,,Чайник,IMG/t.jpg\n",
        ((2, "KR-1", "k.jpg", None), (2, "KR-1", "k2.jpg", None), (3, "2", "t.jpg", None)),
    ),
    "woocommerce in French: an article number by another name, a plug-in's type of product": Sample(
        "woocommerce",
        "\ufeffID,Type,UGS,Nom,Description,Images,Parent,Position\n"
        "40,variable,,Riz,,,,0\n"
        '41,"variation, virtual",R-1,Riz,,IMG/r.jpg,id:40,1\n'
        '42,bundle,R-2,Lot,,"IMG/a.jpg, IMG/b.jpg",,0\n',
        ((3, "R-1", "r.jpg", None), (4, "R-2", "a.jpg", None), (4, "R-2", "b.jpg", None)),
        left_out=(2,),
    ),
    "woocommerce in German: no picture yet among the first products": Sample(
        "woocommerce",
        "\ufeffID,Typ,Artikelnummer,Name,Bilder\n"
        + "".join(f"{number},simple,D-{number},Tasse,\n" for number in range(60))
        + "60,simple,D-60,Tasse,IMG/t.jpg\n",
        ((62, "D-60", "t.jpg", None),),
        left_out=tuple(range(2, 62)),
    ),
    "woocommerce: an address that holds another": Sample(
        "woocommerce",
        'ID,Type,SKU,Images\n5,simple,PROXY,"IMG/a.jpg?url=https://x.example/a.jpg, IMG/b.jpg"\n',
        (
            (2, "PROXY", "a.jpg?url=https://x.example/a.jpg", None),
            (2, "PROXY", "b.jpg", None),
        ),
    ),
    "woocommerce: only some columns": Sample(
        "woocommerce",
        'Type,SKU,Name,Published,Images\nsimple,MUG,Mug,1,"IMG/a.jpg, IMG/b.jpg"\n',
        ((2, "MUG", "a.jpg", None), (2, "MUG", "b.jpg", None)),
    ),
    "woocommerce in Dutch: files of the media library": Sample(
        "woocommerce",
        "\ufeffID,Type,SKU,Naam,Afbeeldingen\n1,simple,N-1,Beker,beker.jpg\n",
        ((2, "N-1", "beker.jpg", None),),
        base_url="https://img.example/",
    ),
    "webtoffee: attributes behind an address": Sample(
        "woocommerce-webtoffee",
        "post_title,post_name,sku,images,parent_sku\n"
        "Mug,mug,M1,IMG/a.jpg ! alt : a mug ! title : Mug|IMG/b.jpg,\n",
        ((2, "M1", "a.jpg", None), (2, "M1", "b.jpg", None)),
    ),
    "wp all export: the featured picture again among the others": Sample(
        "woocommerce-wp-all-export",
        "ID,Title,Content,Post Type,Image URL,Image Title,Image Alt Text,Image Featured,Sku\n"
        '7,Mug,"a, b",product,IMG/a.jpg|IMG/b.jpg,Mug|Back,|,IMG/a.jpg,MUG\n'
        "8,Pot,,product,,,,,POT\n"
        "9,Cup,,product,IMG/c.jpg,,,,\n",
        ((2, "MUG", "a.jpg", None), (2, "MUG", "b.jpg", None), (4, "9", "c.jpg", None)),
        left_out=(3,),
    ),
    "magento: roles repeat the first picture, store views repeat products": Sample(
        "magento",
        "sku,store_view_code,product_type,name,base_image,small_image,thumbnail_image,"
        "additional_images\n"
        'B-1,,simple,Bag,/b/a/bag.jpg,/b/a/bag.jpg,/b/a/thumb.jpg,"/b/a/bag.jpg,/b/a/back.jpg"\n'
        "B-1,de,simple,Tasche,,,,\n"
        "B-2,,simple,Belt,no_selection,no_selection,,\n",
        (
            (2, "B-1", "media/b/a/bag.jpg", None),
            (2, "B-1", "media/b/a/back.jpg", None),
            (2, "B-1", "media/b/a/thumb.jpg", None),
        ),
        left_out=(3, 4),
        base_url="https://img.example/media/",
    ),
    "google: names with blanks, lists with a comma in an address": Sample(
        "google",
        "id\ttitle\timage link\tadditional image link\r\n"
        "A1\tMug\tIMG/1.jpg\tIMG/2.jpg,IMG/3%2Cx.jpg\r\n"
        "A1-L\tMug L\tIMG/1.jpg\t\r\n",
        (
            (2, "A1", "1.jpg", None),
            (2, "A1", "2.jpg", None),
            (2, "A1", "3%2Cx.jpg", None),
            (3, "A1-L", "1.jpg", None),
        ),
    ),
    "google: numbered by pandas, whose first column has no name": Sample(
        "google",
        "\ufeff\tid\timage_link\n0\tA\tIMG/1.jpg\n1\tB\tIMG/2.jpg\n",
        ((2, "A", "1.jpg", None), (3, "B", "2.jpg", None)),
    ),
    "meta: a row of help full of other delimiters stands above the header": Sample(
        "meta",
        "\ufeff# Required | one; two; three; four; five; six; seven; eight,# Optional;a;b;c,"
        "# Required;d;e;f,# Optional;g;h;i,# x,# y\r\n"
        "id,title,image_link,additional_image_link,fb_product_category,image[0].url\r\n"
        'M-1,Mug,IMG/1.jpg,"IMG/2.jpg,IMG/3.jpg",12,IMG/4.jpg\r\n',
        tuple((3, "M-1", f"{number}.jpg", None) for number in (1, 2, 3, 4)),
    ),
    "bigcommerce v3: pictures belong to the product above": Sample(
        "bigcommerce-v3",
        "Item,ID,Name,SKU,Variant Image URL,Internal Image URL (Export),Image URL (Import),"
        "Image is Thumbnail,Image Sort Order\r\n"
        "Product,10,Mug,MUG,,,,,\r\n"
        "Variant,11,,MUG-R,IMG/red.jpg,,,,\r\n"
        "Image,12,,,,IMG/p.1.386.513.jpg?c=1,,TRUE,0\r\n"
        "Image,13,,,,IMG/q.jpg,,FALSE,1\r\n"
        "Video,14,,,,,,,\r\n"
        "Product,20,Pot,,,,,,\r\n"
        "Image,21,,,,IMG/z.jpg,,TRUE,\r\n",
        (
            (3, "MUG-R", "red.jpg", None),
            (4, "MUG", "p.1.386.513.jpg?c=1", 0),
            (5, "MUG", "q.jpg", 1),
            (8, "20", "z.jpg", None),
        ),
        left_out=(2, 6, 7),
    ),
    "bigcommerce v2: a header that says the same name twice": Sample(
        "bigcommerce-v2",
        "Item Type,Product ID,Product Name,Product Code/SKU,Product Image File - 1,"
        "Product Image File - 1,Product Image URL - 1,Product Image File - 2,"
        "Product Image File - 2,Product Image URL - 2\r\n"
        "Product,5,Mug,MUG,mug.jpg,d/123/mug.jpg,IMG/m1.jpg,m2.jpg,d/123/m2.jpg,IMG/m2.jpg\r\n"
        "SKU,6,,MUG-R,,,,,,\r\n",
        ((2, "MUG", "m1.jpg", None), (2, "MUG", "m2.jpg", None)),
        left_out=(3,),
    ),
    "wix, old: ids in place of addresses": Sample(
        "wix",
        "\ufeffhandleId,fieldType,name,productImageUrl,sku\n"
        "product_1,Product,Mug,ab_1~mv2.jpg;wix:image://v1/ab_2~mv2.png/mug.png#originWidth=9,\n"
        "product_1,Variant,,,MUG-R\n",
        (
            (2, "product_1", "WIX/ab_1~mv2.jpg", None),
            (2, "product_1", "WIX/ab_2~mv2.png", None),
        ),
        left_out=(3,),
    ),
    "wix, new: a row for each further picture": Sample(
        "wix-v3",
        "handle,fieldType,name,visible,media,sku\n"
        "mug,PRODUCT,Mug,true,IMG/1.jpg,\n"
        "mug,VARIANT,,,,MUG-R\n"
        "mug,MEDIA,,,IMG/2.jpg,\n",
        ((2, "mug", "1.jpg", None), (4, "mug", "2.jpg", None)),
        left_out=(3,),
    ),
    "magento 1: further pictures in rows without a SKU": Sample(
        "magento-1",
        '"sku","_store","_attribute_set","_type","image","media_gallery","name","small_image",'
        '"thumbnail","_media_attribute_id","_media_image","_media_position"\n'
        '"B-1","","Default","simple","/b/a/bag.jpg","","Bag","/b/a/bag.jpg","/b/a/t.jpg","88",'
        '"/b/a/bag.jpg","1"\n'
        '"","","","","","","","","","88","/b/a/back.jpg","2"\n'
        '"","de","","","","","Tasche","","","","",""\n'
        '"B-2","","Default","simple","no_selection","","Belt","no_selection","","","",""\n',
        (
            (2, "B-1", "media/b/a/bag.jpg", None),
            (2, "B-1", "media/b/a/t.jpg", None),
            (3, "B-1", "media/b/a/back.jpg", 2),
        ),
        left_out=(4, 5),
        base_url="https://img.example/media/",
    ),
    "shopify, metafields named like its own columns": Sample(
        "shopify",
        "Handle,Title,Variant SKU,Image Src,Image Position,"
        "Variant Image (product.metafields.custom.variant_image),Variant Image,Price / Sverige\n"
        "cup,Cup,C-1,IMG/1.jpg,1,gid://shopify/MediaImage/1,IMG/v.jpg,9\n",
        ((2, "cup", "1.jpg", 1), (2, "C-1", "v.jpg", None)),
    ),
    "etsy in French, whose references may be empty": Sample(
        "etsy",
        'TITRE,PRIX,CODE_DEVISE,"IMAGE 1","IMAGE 2","TYPE VARIATION 1",RÉFÉRENCE\r\n'
        "Malle,20,EUR,IMG/1.jpg,IMG/2.jpg,,\r\nPanier,9,EUR,IMG/3.jpg,,,P-1\r\n",
        ((2, "Malle", "1.jpg", None), (2, "Malle", "2.jpg", None), (3, "P-1", "3.jpg", None)),
    ),
    "etsy in Italian": Sample(
        "etsy",
        'TITOLO,CURRENCY_CODE,IMMAGINE1,IMMAGINE2,"TIPO VARIANTE 1",SKU\n'
        "Vaso,EUR,IMG/1.jpg,IMG/2.jpg,,32\n",
        ((2, "32", "1.jpg", None), (2, "32", "2.jpg", None)),
    ),
    "etsy in German": Sample(
        "etsy",
        "TITEL,WÄHRUNGSCODE,BILD1,BILD2,VARIATIONSTYP 1,BESTANDSEINHEIT\n"
        "Becher,EUR,IMG/1.jpg,,Farbe,\n",
        ((2, "Becher", "1.jpg", None),),
    ),
    "etsy: no SKU, ten columns": Sample(
        "etsy",
        'TITLE,DESCRIPTION,IMAGE1,IMAGE2,IMAGE10,"VARIATION 1 TYPE",SKU\r\n'
        'Print,"a, b\r\nc",IMG/1.jpg,IMG/2.jpg,IMG/10.jpg,,\r\n'
        'Card,x,IMG/c.jpg,,,,"C-S,C-M"\r\n',
        (
            (2, "Print", "1.jpg", None),
            (2, "Print", "2.jpg", None),
            (2, "Print", "10.jpg", None),
            (3, "C-S,C-M", "c.jpg", None),
        ),
    ),
    "ebay: rows above and below the table, a blank in an address": Sample(
        "ebay",
        "\ufeffInfo,Version=1.0.0,Template=fx_category_template_EBAY_US\r\n"
        "*Action(SiteID=US|Country=US|Version=1193|CC=UTF-8),CustomLabel,*Title,PicURL\r\n"
        'Add,"=""0001""",Mug,IMG/1.jpg|IMG/2 x.jpg\r\n'
        "Info,Indicators: Required,,\r\n",
        ((3, "0001", "1.jpg", None), (3, "0001", "2%20x.jpg", None)),
        left_out=(4,),
    ),
    "ebay in Germany: semicolons, a draft that has only its title": Sample(
        "ebay",
        "Info;Version=1.0.0;Template=fx_category_template_EBAY_DE\r\n"
        "*Action(SiteID=Germany|Country=DE|Version=1193|CC=UTF-8);*Category;*Title;PicURL;"
        "*Description\r\n"
        'Add;123;Becher;IMG/1.jpg|IMG/2.jpg;"<p>a; b</p>"\r\n',
        ((3, "Becher", "1.jpg", None), (3, "Becher", "2.jpg", None)),
    ),
    "ebay, seller hub": Sample(
        "ebay-seller-hub",
        "#INFO,Version=0.0.2,Template= eBay-draft,,\r\n#INFO,,,,\r\n"
        "Action(SiteID=US),Item number,Custom label (SKU),Title,Item photo URL\r\n"
        "Revise,123,,Mug,IMG/1.jpg\r\n",
        ((4, "123", "1.jpg", None),),
    ),
    "amazon: three headers, one of them local, Windows-1252": Sample(
        "amazon",
        "TemplateType=fptcustom\tVersion=2024\tTemplateSignature=x\t\t\r\n"
        "Hersteller-SKU\tMarke\tArtikelname\tBild für Anzeige\tBild 1\r\n"
        "item_sku\tbrand_name\titem_name\tmain_image_url\tother_image_url1\r\n"
        "A-0\tAcme\tEltern für alle\t\t\r\n"
        "A-1\tAcme\tBecher grün\tIMG/m.jpg\tIMG/o.jpg\r\n",
        ((5, "A-1", "m.jpg", None), (5, "A-1", "o.jpg", None)),
        left_out=(4,),
        encoding="cp1252",
    ),
    "amazon, unified: names with paths in them": Sample(
        "amazon-unified",
        "settings=attributeRow=3&dataRow=4&labelRow=2\t\t\r\nSKU\tImage\tImage 2\r\n"
        "contribution_sku#1.value\tmain_product_image_locator[marketplace_id=A1]#1.media_location\t"
        "other_product_image_locator_1[marketplace_id=A1]#1.media_location\r\n"
        "U-1\tIMG/m.jpg\tIMG/o.jpg\r\n",
        ((4, "U-1", "m.jpg", None), (4, "U-1", "o.jpg", None)),
    ),
    "allegro": Sample(
        "allegro",
        "GTIN,EXTERNAL_ID,NAME,IMAGE1,IMAGE2\n590,EX-1,Kubek,IMG/1.jpg,IMG/2.jpg\n",
        ((2, "EX-1", "1.jpg", None), (2, "EX-1", "2.jpg", None)),
    ),
    "squarespace: blanks, line ends, or nothing between addresses": Sample(
        "squarespace",
        "Product ID [Non Editable],Variant ID [Non Editable],Title,SKU,Hosted Image URLs\r\n"
        "p1,v1,Mug,SQ1,IMG/a.jpg IMG/b.jpg\r\n"
        "p1,v2,,SQ2,\r\n"
        'p2,v3,Pot,SQ3,"IMG/c.jpg\nIMG/d.jpg"\r\n'
        "p3,v4,Cup,SQ4,IMG/e.jpgIMG/f.jpg\r\n",
        (
            (2, "SQ1", "a.jpg", None),
            (2, "SQ1", "b.jpg", None),
            (4, "SQ3", "c.jpg", None),
            (4, "SQ3", "d.jpg", None),
            (5, "SQ4", "e.jpg", None),
            (5, "SQ4", "f.jpg", None),
        ),
        left_out=(3,),
    ),
    "prestashop: a comma list between semicolons, which end every row, too": Sample(
        "prestashop",
        "Product ID;Active (0/1);Name *;Categories (x,y,z...);Reference #;Image URLs (x,y,z...)\r\n"
        "3;1;Mug;Home,Kitchen;REF-3;IMG/1.jpg,IMG/2.jpg;\r\n",
        ((2, "REF-3", "1.jpg", None), (2, "REF-3", "2.jpg", None)),
    ),
    "prestashop, combinations: attributes in pairs, one reference for two rows": Sample(
        "prestashop-combinations",
        "Product ID*;Attribute (Name:Type:Position)*;Value (Value:Position)*;Reference;"
        "Image position;Image URLs (x,y,z...);Delete existing images (0 = No, 1 = Yes)\n"
        "1;Color:color:0, Disk space:select:1;Blue:0, 16GB:1;RP-1;1;IMG/1.jpg,IMG/2.jpg;0\n"
        "1;Color:color:0, Disk space:select:1;Blue:0, 8GB:1;RP-1;2;IMG/3.jpg;0\n"
        '2;Color:color:0;"Metal:0";;1;IMG/4.jpg;1\n',
        (
            (2, "RP-1", "1.jpg", None),
            (2, "RP-1", "2.jpg", None),
            (3, "RP-1", "3.jpg", None),
            (4, "2/Metal:0", "4.jpg", None),
        ),
    ),
    "prestashop, combinations: one picture each, an older header": Sample(
        "prestashop-combinations",
        "Product ID*;Attribute (Name:Type:Position)*;Value (Value:Position)*;Reference;Image URL\n"
        "1;Color:color:0;Blue:0;RP-1;IMG/1.jpg\n",
        ((2, "RP-1", "1.jpg", None),),
    ),
    "akeneo: files in any column, localised or not; codes of assets are no pictures": Sample(
        "akeneo",
        "uuid;sku;categories;enabled;family;groups;name-en_US;picture;back-en_US-print;gallery\n"
        "4168;AK-1;a,b;1;shoes;;Shoe;files/AK-1/picture/x 1.png;files/AK-1/back/y.jpg;dog,tiger\n"
        '4169;AK-2;a;0;shoes;;"Boot; brown";;files/AK-2/back/manual.pdf;\n'
        "4170;AK-3;a;1;shoes;;Sock;files/AK-3/picture/z.JPG;;\n",
        (
            (2, "AK-1", "files/AK-1/picture/x%201.png", None),
            (2, "AK-1", "files/AK-1/back/y.jpg", None),
            (4, "AK-3", "files/AK-3/picture/z.JPG", None),
        ),
        left_out=(3,),
        base_url="https://img.example/",
    ),
    "prestashop in French": Sample(
        "prestashop",
        "ID;Actif (0/1);Nom *;Catégories (x,y,z...);Référence #;URL des images (x,y,z...)\n"
        "1;1;Tasse;Accueil,Cuisine;R-1;IMG/1.jpg,IMG/2.jpg\n",
        ((2, "R-1", "1.jpg", None), (2, "R-1", "2.jpg", None)),
    ),
    "prestashop in Spanish": Sample(
        "prestashop",
        "ID;Nombre*;Categorías (x,y,z...);Referencia nº;URL's de las imágenes (x,y,z...)\n"
        "2;Taza;Inicio;S-2;IMG/1.jpg\n3;Vaso;Inicio;;IMG/2.jpg\n",
        ((2, "S-2", "1.jpg", None), (3, "3", "2.jpg", None)),
    ),
    "prestashop in Polish, with another mark between addresses": Sample(
        "prestashop",
        "ID;Nazwa;Kategorie (x,y,z...);Indeks #;Adresy URL zdjęcia (x,y,z...)\n"
        "4;Kubek;Kuchnia;K-4;IMG/1.jpg|IMG/2.jpg\n",
        ((2, "K-4", "1.jpg", None), (2, "K-4", "2.jpg", None)),
    ),
    "shopware 6": Sample(
        "shopware",
        "id;parent_id;product_number;active;name;cover_media_url;media\n"
        "a1;;SW-1;1;Mug;IMG/1.jpg;IMG/2.jpg|IMG/3.jpg\n"
        "a2;a1;SW-1.1;1;;;\n",
        ((2, "SW-1", "1.jpg", None), (2, "SW-1", "2.jpg", None), (2, "SW-1", "3.jpg", None)),
        left_out=(3,),
    ),
    "shopware 5, images": Sample(
        "shopware-5-images",
        "ordernumber;image;main;description;position\nSW5;IMG/1.jpg;1;;1\nSW5;IMG/2.jpg;2;;2\n",
        ((2, "SW5", "1.jpg", 1), (3, "SW5", "2.jpg", 2)),
    ),
    "opencart: paths below the store's image folder": Sample(
        "opencart",
        "product_id,name(en-gb),sku,model,image_name\r\n9,Mug &amp; more,,M-9,catalog/mug.jpg\r\n",
        ((2, "M-9", "image/catalog/mug.jpg", None),),
        base_url="https://img.example/image",
    ),
    "salesforce b2b": Sample(
        "salesforce-b2b",
        "Product Name,SKU,Media Standard Url 1,Media Standard Url 2,Media Listing Url 1\n"
        "Mug,SF-1,IMG/1.jpg,IMG/2.jpg,IMG/t.jpg\n",
        ((2, "SF-1", "1.jpg", None), (2, "SF-1", "2.jpg", None), (2, "SF-1", "t.jpg", None)),
    ),
}

JAPANESE_LABELS = "出品者SKU\tブランド名\tメイン画像URL\tその他の画像URL1"
JAPANESE = (
    "TemplateType=fptcustom\tVersion=2024\tTemplateSignature=x\t\r\n"
    f"{JAPANESE_LABELS}\r\n"
    "item_sku\tbrand_name\tmain_image_url\tother_image_url1\r\n"
    "マグ-1\tｱｸﾒ社\tIMG/m.jpg\tIMG/o.jpg\r\n"
)
RUSSIAN = (
    "Handle;Title;Image Src;Note\r\n"
    "кружка;Кружка чёрная;IMG/k.jpg;хорошая\r\n"
    'чайник;"Чайник; большой";IMG/c.jpg;новый\r\n'
)
RUSSIAN_PICTURES = ((2, "кружка", "k.jpg", None), (3, "чайник", "c.jpg", None))
ENCODED = {
    "Shift-JIS, as Amazon in Japan has it": Sample(
        "amazon",
        JAPANESE,
        ((4, "マグ-1", "m.jpg", None), (4, "マグ-1", "o.jpg", None)),
        encoding="cp932",
    ),
    "Windows-1252, as Amazon in Europe has it": Sample(
        "amazon",
        JAPANESE.replace("マグ-1", "Becher für Öl")
        .replace("ｱｸﾒ社", "Acme • “größer”")
        .replace(JAPANESE_LABELS, "SKU\tMarke\tBild\tBild"),
        ((4, "Becher für Öl", "m.jpg", None), (4, "Becher für Öl", "o.jpg", None)),
        encoding="cp1252",
    ),
    "UTF-16, as Excel saves Unicode text": Sample(
        "shopify", "\ufeff" + RUSSIAN.replace(";", "\t"), RUSSIAN_PICTURES, encoding="utf-16-le"
    ),
    "UTF-16, the other way round": Sample(
        "shopify", "\ufeff" + RUSSIAN, RUSSIAN_PICTURES, encoding="utf-16-be"
    ),
}
"""Told by their bytes."""
CHOSEN = {
    "Cyrillic": Sample("shopify", RUSSIAN, RUSSIAN_PICTURES, encoding="cp1251"),
    "Chinese": Sample(
        "shopify",
        RUSSIAN.replace("чёрная", "黑色").replace("кружка", "马克杯"),
        ((2, "马克杯", "k.jpg", None), RUSSIAN_PICTURES[1]),
        encoding="gb18030",
    ),
    "UTF-16 without a mark": Sample("shopify", RUSSIAN, RUSSIAN_PICTURES, encoding="utf-16-le"),
}
"""No guess would be sure."""
