"""Which keys a selection wants. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from llava_ocr.store.base import ObjectInfo, Selection

_MAGIC = re.compile(r"[*?\[]")


def wants(selection: Selection, info: ObjectInfo) -> bool:
    """Whether an object is selected: by prefix, glob and time."""
    if not wants_key(selection, info.key):
        return False
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
    """Compile a glob: `*` and `?` stay within a folder, `**/` crosses folders, `[ab]` and `[!ab]` are sets."""
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
            inside = glob[at + 1 : end].replace("\\", "\\\\")
            parts.append("[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]")
            at = end + 1
        else:
            parts.append(re.escape(glob[at]))
            at += 1
    return re.compile("".join(parts), re.DOTALL)
