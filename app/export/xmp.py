"""The manifest inside a pdf: an XMP packet, uncompressed, that other programs keep when they edit the file.

XMP is RDF in XML (ISO 16684-1); the packet hangs at the document's catalogue (ISO 32000-1, 14.3.2). Title and program
also stand in the document information, where older readers look.
"""

import html
import io
import logging
import re
from typing import Any, cast

_NAMESPACE = "urn:microtome:manifest:1"
_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmlns:microtome="{namespace}">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<xmp:CreatorTool>{program}</xmp:CreatorTool>
<microtome:manifest>{text}</microtome:manifest>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
_INSIDE = re.compile(r"<microtome:manifest>(.*?)</microtome:manifest>", re.DOTALL)


def embedded(pdf: bytes, title: str, program: str, text: str, sheet: tuple[float, float] | None = None) -> bytes:
    """The same pdf with `text` in its packet; with a `sheet` (points), its upper left part of that size."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of what it does itself: one object more than before
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    if sheet is not None:
        _cut(writer.pages[0], *sheet)
    writer.add_metadata({"/Title": title, "/Creator": program})
    said = {"title": title, "program": program, "text": text}
    escaped = {name: html.escape(value, quote=False) for name, value in said.items()}
    writer.xmp_metadata = _PACKET.format(namespace=_NAMESPACE, **escaped).encode()
    stream = cast(Any, writer.root_object["/Metadata"]).get_object()
    stream.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _cut(page: Any, width: float, height: float) -> None:
    top = float(page.mediabox.height)
    for box in (page.mediabox, page.cropbox, page.trimbox, page.bleedbox, page.artbox):
        box.lower_left, box.upper_right = (0, top - height), (width, top)


def read(pdf: bytes) -> str | None:
    """The text in the packet; None where there is none, or this is no pdf."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        packet = cast(Any, PdfReader(io.BytesIO(pdf)).trailer["/Root"]).get("/Metadata")
        found = _INSIDE.search(packet.get_object().get_data().decode()) if packet is not None else None
    except (PyPdfError, KeyError, AttributeError, UnicodeDecodeError):
        return None
    return found and html.unescape(found[1])
