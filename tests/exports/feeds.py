"""Two small product feeds in XML, with the faults of their kind."""

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
 <channel>
  <title>A &lt;shop&gt;</title><created_at>today</created_at>
  <item>
   <g:id kind="sku"><![CDATA[M-1/L]]></g:id><title>Mug &amp; more</title>
   <g:image_link><![CDATA[ IMG/1.jpg?w=800&h=800 ]]></g:image_link>
   <g:additional_image_link>IMG/2.jpg?a=1&amp;b=2</g:additional_image_link>
   <g:additional_image_link>
     IMG/3.jpg
   </g:additional_image_link>
   <g:additional_image_link/>
   <g:lifestyle_image_link>IMG/room.jpg</g:lifestyle_image_link>
   <description>an </description>
  </item>
  <item><id>M-2</id><image_link>IMG/1.jpg?w=800&amp;h=800</image_link></item>
  <item><g:id>M-3</g:id><g:image_link></g:image_link></item>
 </channel>
</rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>A-1</g:id><title>Cup</title><g:title>Cup</g:title>
<g:image_link>IMG/a.jpg</g:image_link></entry></feed>
"""
CARELESS = """<?xml version="1.0"?>
<rss version="2.0"><channel>
<item><g:id>C-1</g:id><title><![CDATA[Mug & more]]></title>
<link>https://shop.example/?a=1&b=2</link><description>A&nbsp;mug & a pot</description>
<g:image_link>IMG/1.jpg?fit=crop&copy=1&w=600</g:image_link>
<g:additional_image_link><![CDATA[IMG/2.jpg?a=1&b=2]]></g:additional_image_link></item>
</channel></rss>
"""
"""No whole XML: ampersands as they come, words of HTML, a prefix that nobody declared."""
FEEDS = {
    "rss": (
        RSS,
        [
            (1, "M-1/L", "1.jpg?w=800&h=800"),
            (1, "M-1/L", "2.jpg?a=1&b=2"),
            (1, "M-1/L", "3.jpg"),
            (1, "M-1/L", "room.jpg"),
            (2, "M-2", "1.jpg?w=800&h=800"),
        ],
    ),
    "careless": (
        CARELESS,
        [(1, "C-1", "1.jpg?fit=crop&copy=1&w=600"), (1, "C-1", "2.jpg?a=1&b=2")],
    ),
    "atom": (ATOM, [(1, "A-1", "a.jpg")]),
}
CATALOG = """<?xml version="1.0" encoding="UTF-8"?>
<catalog xmlns="http://www.demandware.com/xml/impex/catalog/2006-10-31" catalog-id="shoes">
  <header><image-settings>HEAD
    <view-types><view-type>hi-res</view-type><view-type>large</view-type></view-types>
  </image-settings></header>
  <category category-id="root"><image>root.jpg</image></category>
  <product product-id="P-1" mode='x'>
    <upc/>
    <display-name xml:lang="x-default">Boot &amp; more</display-name>
    <!-- <image path="large/a.jpg"/> </product> -->
    <long-description xml:lang="x-default"><![CDATA[<p>see </product></p>]]></long-description>
    <images>
      <image-group view-type="hi-res"><image path="hi/a.jpg"/></image-group>
      <image-group view-type="large">
        <image path="large/a.jpg"/>
        <image path='large/b &amp; c.jpg' />
      </image-group>
      <image-group view-type="large">
        <variation attribute-id="color" value="red"/>
        <image path="large/a.jpg"><alt xml:lang="x-default">red</alt></image>
      </image-group>
      <image-group view-type="small"><image path="small/a.jpg"/></image-group>
    </images>
  </product>
  <product product-id="P-2"/>
  <product product-id="P-3"><images><image-group view-type="hi-res"><image
     path="hi/c.jpg"/></image-group></images></product>
  <category-assignment category-id="root" product-id="P-1"/>
</catalog>
"""
CATALOG_PICTURES = [
    (1, "P-1", "large/a.jpg"),
    (1, "P-1", "large/b%20&%20c.jpg"),
    (3, "P-3", "hi/c.jpg"),
]
