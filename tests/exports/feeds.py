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
FEEDS = {
    "rss": (
        RSS,
        [
            (1, "M-1/L", "1.jpg?w=800&h=800"),
            (1, "M-1/L", "2.jpg?a=1&b=2"),
            (1, "M-1/L", "3.jpg"),
            (2, "M-2", "1.jpg?w=800&h=800"),
        ],
    ),
    "atom": (ATOM, [(1, "A-1", "a.jpg")]),
}
