"""What a document is, by its first bytes. Names and extensions are never asked: they lie."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from llava_ocr.einvoice import looks_like_einvoice

# PDF readers look for the header in the first kilobyte, because mailers and scanners put lines of their own before it.
HEAD_BYTES = 1024
XML_HEAD_BYTES = 64 * 1024
# Byte-order marks, zeros of UTF-16 and white space.
_BEFORE_XML = b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n"
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


class Format(StrEnum):
    """A kind of document that is read here; the value is its media type."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    WEBP = "image/webp"
    BMP = "image/bmp"
    GIF = "image/gif"
    HEIC = "image/heic"
    EINVOICE = "application/xml"


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
    (b"II+\x00", Format.TIFF),
    (b"MM\x00+", Format.TIFF),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
)


def sniff(head: bytes) -> Format | None:
    """Tell the format from the first `HEAD_BYTES` bytes; None where it is none that is read here."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return Format.HEIC
    if _is_bmp(head):
        return Format.BMP
    if b"%PDF-" in head[:HEAD_BYTES]:
        return Format.PDF
    return Format.EINVOICE if looks_like_einvoice(head) else None


def sniff_path(path: Path) -> Format | None:
    """`sniff` the head of a stored document."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        # Licences and style sheets may stand before the root of XML.
        return sniff(head + stream.read(XML_HEAD_BYTES) if head.lstrip(_BEFORE_XML).startswith(b"<") else head)


def media_type_of(path: Path) -> str:
    """Return the document's media type, `application/octet-stream` where it is not known."""
    found = sniff_path(path)
    return found.value if found else "application/octet-stream"


def _is_bmp(head: bytes) -> bool:
    # "BM" alone starts many a text; the two reserved words are 0 and the header's size is one of a few.
    return head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADER_SIZES


_BMP_HEADER_SIZES = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
