"""A font of one glyph without ink for every character: text to be found and copied, never seen. Pure."""

from __future__ import annotations

import struct

# Units of the em: every character advances half of it, whatever it is; words are stretched to their boxes.
EM = 1000
ADVANCE = 500
ASCENT, DESCENT = 800, -200
_MAGIC = 0x5F0F3CF5
_CHECKSUM = 0xB1B0AFBA


def font_bytes() -> bytes:
    """A TrueType font with two glyphs that show nothing, some 400 bytes."""
    # A line there and back: it has no area to fill, but an extent, without which PDFium leaves out text that stands.
    glyph = struct.pack(
        ">hhhhhHHBBhhhh", 1, 0, DESCENT, ADVANCE, ASCENT, 1, 0, 1, 1, 0, ADVANCE, DESCENT, ASCENT - DESCENT
    )
    tables = {
        b"glyf": glyph,
        b"head": _head(0),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, ASCENT, DESCENT, 0, ADVANCE, 0, 0, 0, 1, *[0] * 7, 2),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(glyph) // 2),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 2, 1, 0, 0, 1, *[0] * 8),
    }
    adjusted = (_CHECKSUM - _sum(_written(tables))) & 0xFFFFFFFF
    return _written(tables | {b"head": _head(adjusted)})


def to_unicode() -> bytes:
    """The map from codes to characters: every code is its own UTF-16 unit."""
    ranges = [f"<{first:02X}00> <{first:02X}FF> <{first:02X}00>" for first in range(256)]
    blocks = [ranges[start : start + 100] for start in range(0, len(ranges), 100)]
    body = "\n".join(f"{len(block)} beginbfrange\n" + "\n".join(block) + "\nendbfrange" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode("ascii")


def glyph_map() -> bytes:
    """Every code shows the glyph 1, which has no ink."""
    return b"\0\1" * 65_536


def _head(adjusted: int) -> bytes:
    return struct.pack(
        ">IIIIHHQQhhhhHHhhh",
        0x10000, 0x10000, adjusted, _MAGIC, 0, EM, 0, 0, 0, DESCENT, ADVANCE, ASCENT, 0, 8, 2, 0, 0,
    )  # fmt: skip


def _written(tables: dict[bytes, bytes]) -> bytes:
    start, directory, body = 12 + 16 * len(tables), b"", b""
    for tag in sorted(tables):
        content = tables[tag]
        directory += tag + struct.pack(">III", _sum(content), start + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    power = len(tables).bit_length() - 1
    head = struct.pack(">IHHHH", 0x10000, len(tables), 16 << power, power, 16 * len(tables) - (16 << power))
    return head + directory + body


def _sum(content: bytes) -> int:
    padded = content + b"\0" * (-len(content) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF
