"""Addresses of documents inside of documents: `x.pdf#name.pdf` lies in `x.pdf`. Pure."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from llava_ocr.store.base import ObjectInfo

# What part of an address it is, and what would end it.
_ESCAPED = (("%", "%25"), ("#", "%23"), ("/", "%2F"))


def inside(container: ObjectInfo, name: str) -> ObjectInfo:
    """The object for a document that lies in another: fetched as that one is, and then unpacked."""
    for char, escaped in _ESCAPED:
        name = name.replace(char, escaped)
    return replace(container, uri=f"{container.uri}#{name}")


def names_inside(info: ObjectInfo) -> tuple[str, ...]:
    """By which names, from the outermost in, a document lies in the stored object; none for the object itself.

    Keys may hold a `#` themselves, which is why the key is asked and not the address alone.
    """
    _, found, rest = info.uri.partition(f"/{info.key}#")
    return tuple(unquote(name) for name in rest.split("#")) if found else ()


def container_of(uri: str) -> tuple[str, str] | None:
    """Part an address into that of what a document may lie in and its name there; None where it has no `#`."""
    outer, found, name = uri.rpartition("#")
    return (outer, unquote(name)) if found else None
