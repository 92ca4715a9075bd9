"""Which keys a selection wants. Pure, but for the listing that is handed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from llava_ocr.errors import ConfigError
from llava_ocr.store.base import ObjectInfo, Selection

_MAGIC = re.compile(r"[*?\[]")
_SPECIAL_IN_SET = re.compile(r"[\\\[\]^&|~]")


def selected(listing: Callable[[str], Iterator[ObjectInfo]], selection: Selection) -> Iterator[ObjectInfo]:
    """Yield the selected objects; `listing` yields those whose keys begin with a prefix, in key order."""
    if selection.address:
        exact = next(listing(selection.address), None)
        # Of all keys that begin so, it is the first.
        found: Iterable[ObjectInfo] = [exact] if exact is not None and exact.key == selection.address else []
        if not found:
            below = listing(f"{selection.address.removesuffix('/')}/")
            first = next(below, None)
            found = chain([first], below) if first is not None else found
        if found or not selection.glob:
            yield from (info for info in found if is_in_window(selection, info))
            return
    prefix = max(selection.prefix, fixed_prefix(selection.glob), key=len)
    yield from (info for info in listing(prefix) if wants(selection, info))


def wants(selection: Selection, info: ObjectInfo) -> bool:
    """Whether an object is selected: by prefix, glob and time."""
    return wants_key(selection, info.key) and is_in_window(selection, info)


def is_in_window(selection: Selection, info: ObjectInfo) -> bool:
    """Whether an object was modified in the selection's window of time."""
    is_too_old = selection.since is not None and info.modified_at < selection.since
    is_too_new = selection.until is not None and info.modified_at >= selection.until
    return not is_too_old and not is_too_new


def wants_key(selection: Selection, key: str) -> bool:
    """Whether a key is selected by prefix and glob."""
    return key.startswith(selection.prefix) and (not selection.glob or bool(pattern(selection.glob).fullmatch(key)))


def has_glob(text: str) -> bool:
    """Whether the text holds a wildcard."""
    return bool(_MAGIC.search(text))


def fixed_prefix(glob: str) -> str:
    """What every key that the glob matches begins with."""
    found = _MAGIC.search(glob)
    return glob[: found.start()] if found else glob


@lru_cache(maxsize=256)
def pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob: `*` and `?` stay within a folder, `**/` crosses folders, `[ab]` and `[!ab]` are sets.

    Raises ConfigError for a set that is none, such as `[z-a]`.
    """
    parts: list[str] = []
    at = 0
    while at < len(glob):
        rest = glob[at:]
        if rest.startswith("**/"):
            parts.append("(?:[^/]+/)*")
            at += 3
        elif rest.startswith("**"):
            parts.append(".*")
            at += 2
        elif glob[at] == "*":
            parts.append("[^/]*")
            at += 1
        elif glob[at] == "?":
            parts.append("[^/]")
            at += 1
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) > 0:
            parts.append(_set(glob[at + 1 : end]))
            at = end + 1
        else:
            parts.append(re.escape(glob[at]))
            at += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise ConfigError(f"wildcards {glob!r}: {error.msg}") from None


def _set(inside: str) -> str:
    """One character of a set, never the `/` between folders."""
    sign, members = ("^", inside[1:]) if inside.startswith("!") else ("", inside)
    escaped = _SPECIAL_IN_SET.sub(r"\\\g<0>", members)
    return f"(?!/)[{sign}{escaped}]"
