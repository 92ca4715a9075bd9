"""Documents with truth: one JSON object a line, in terms of the schema that is evaluated.

A line holds `id`, `file` (relative to the truth file), `fields` (nested as in the schema, or a list of one such
object), and flags (`visible` or `label_in_transcript`) that say which of them stand on the page. `"complete": true`
says that a null field is blank on the page, and not just unknown; `printed` says where values stand. Of a bundle, each
document has a line of its own, with its pages of the file, from 0, as `page_indices`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from llava_ocr.errors import ConfigError
from llava_ocr.evaluation.aliases import FLAGS, ISSUERS
from llava_ocr.evaluation.facts import Facts, Row, Rows, facts_of, vouched_for
from llava_ocr.geometry import Box
from llava_ocr.schema import GroupNode

NOT_FLAGGED = "Not counted, since no flag says that it stands on the page"
NOT_VISIBLE = "Not counted, since it does not stand on the page"
NO_FIELD = "Not counted, since the schema has no such field"
_FLAG_NAMES = ("visible", "label_in_transcript")


class BadDataset(ConfigError):
    """A data set is not there, or not of the form that evaluations read."""

    hint = "Give a truth.jsonl, a folder that holds one, or generated:SCHEMA?count=200; see docs/evaluation.md."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is printed: a page and the boxes of its words."""

    page_index: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Truth:
    """What is so of one document, as far as it counts.

    `leaves` are header fields by path, None where the page leaves them blank; `lists` have their rows' cells by name.
    `places` are those of a leaf by its path, several where it is printed several times. Without flags (`is_flagged`)
    nobody says which values stand on the page. `page_indices` are its pages where the file is a bundle, else none; a
    document of a bundle that is of another type has no facts. `left_out` are names of what does not count, each with
    the reason.
    """

    id: str
    file: Path
    content: str
    issuer: str
    language: str
    leaves: Mapping[str, str | None]
    lists: Mapping[str, Rows]
    places: Mapping[str, tuple[Place, ...]]
    is_flagged: bool
    page_indices: tuple[int, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def load_truths(path: Path, root: GroupNode) -> tuple[Truth, ...]:
    """Read a truth file. Raises BadDataset, which quotes nothing of it, where a line can't be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataset(f"{path}: {type(error).__name__}") from None
    truths = [truth_of(line, number, path, root) for number, line in enumerate(lines, 1) if line.strip()]
    if not truths:
        raise BadDataset(f"{path}: no documents")
    return _told_apart(truths, path.parent)


def left_out_notes(truths: Iterable[Truth]) -> tuple[str, ...]:
    """Say in words what does not count and why: names, each with the number of documents."""
    listed = list(truths)
    counts = Counter(entry for truth in listed for entry in truth.left_out)
    notes = []
    for reason in (NOT_FLAGGED, NOT_VISIBLE, NO_FIELD):
        names = [f"{name} ({count:,})" for (name, why), count in counts.most_common() if why == reason]
        if names:
            notes.append(f"{reason}: {', '.join(names)}")
    num_unflagged = sum(not truth.is_flagged for truth in listed)
    if num_unflagged:
        notes.append(f"No flags at all in {num_unflagged:,} documents: what stands on their pages counts")
    return tuple(notes)


def truth_of(text: str, number: int, path: Path, root: GroupNode) -> Truth:
    """Read one line of a truth file, in terms of a schema. Raises BadDataset."""
    where = f"{path.name}, line {number}"
    line = parsed_line(text, where)
    page_indices = _page_indices(line, where)
    is_other = bool(page_indices) and line.get("type", root.name) != root.name
    facts = facts_of({} if is_other else _fields(line, where), root)
    flags = next((line[name] for name in _FLAG_NAMES if isinstance(line.get(name), dict)), None)
    is_complete = line.get("complete") is True
    file = path.parent / str(line["file"])
    if not file.is_file():
        raise BadDataset(f"{where}: its file is not there")
    counted = _counted(facts, flags, root, is_complete=is_complete)
    document_id = str(line.get("id") or line["file"])
    return Truth(
        id=document_id,
        file=file,
        content=str(line.get("content_key") or line["file"]),
        issuer=_issuer(line, facts) or document_id,
        language=str(line.get("lang") or line.get("language") or ""),
        leaves=counted.leaves,
        lists=counted.lists,
        places=_places(line.get("printed"), where),
        is_flagged=flags is not None,
        page_indices=page_indices,
        left_out=(*_left_out(facts, counted, flags), *((name, NO_FIELD) for name in facts.unknown)),
    )


def parsed_line(text: str, where: str) -> dict[str, Any]:
    """Parse one line of a truth file. Raises BadDataset, which says `where`."""
    try:
        line = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError:
        raise BadDataset(f"{where}: is not JSON") from None
    if not isinstance(line, dict) or not isinstance(line.get("file"), str):
        raise BadDataset(f"{where}: is no object with a `file`")
    return line


def _fields(line: dict[str, Any], where: str) -> dict[str, Any]:
    fields = line.get("fields")
    if isinstance(fields, list) and len(fields) == 1:
        fields = fields[0]
    if not isinstance(fields, dict):
        raise BadDataset(f"{where}: `fields` is neither an object nor a list of one")
    return fields


def _counted(facts: Facts, flags: dict[str, Any] | None, root: GroupNode, *, is_complete: bool) -> Facts:
    """The facts that count: those a flag vouches for (all, without flags), and blanks where they are told."""
    vouched = None if flags is None else vouched_for(flags, root, is_complete=is_complete)
    leaves = {
        path: text
        for path, text in facts.leaves.items()
        if (is_complete if text is None else vouched is None or path in vouched)
    }
    lists = {
        path: rows if is_complete else _known_cells(rows)
        for path, rows in facts.lists.items()
        if (is_complete and not rows) or vouched is None or path in vouched
    }
    return Facts(leaves, {path: rows for path, rows in lists.items() if rows or is_complete}, ())


def _known_cells(rows: Rows) -> Rows:
    known: Iterator[Row] = ({name: text for name, text in row.items() if text is not None} for row in rows)
    return tuple(row for row in known if row)


def _left_out(facts: Facts, counted: Facts, flags: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    have = {path for path, text in facts.leaves.items() if text is not None} | {p for p, r in facts.lists.items() if r}
    for path in sorted(have - counted.leaves.keys() - counted.lists.keys()):
        flag = _flag_of(path, flags or {})
        yield path, NOT_FLAGGED if flag is None or flag == 1 else NOT_VISIBLE


def _flag_of(path: str, flags: Mapping[str, Any]) -> object:
    """The flag that speaks of a path: its own, or its group's."""
    names = {path, path.partition(".")[0]} | {alias for alias, paths in FLAGS.items() if path in paths}
    return next((flags[name] for name in flags if name in names), None)


def _issuer(line: dict[str, Any], facts: Facts) -> str:
    named = [line.get("issuer"), *(facts.leaves.get(path) for path in ISSUERS)]
    fields = line["fields"][0] if isinstance(line["fields"], list) else line["fields"]
    named += [fields.get("issuer")]
    return " ".join(str(next((name for name in named if name), "")).casefold().split())


def _places(printed: Any, where: str) -> dict[str, tuple[Place, ...]]:
    found: dict[str, list[Place]] = {}
    try:
        for one in printed or ():
            boxes = tuple(Box(*(float(edge) for edge in edges)) for edges in one["boxes"])
            found.setdefault(str(one["path"]), []).append(Place(int(one["page_index"]), boxes))
    except (KeyError, TypeError, ValueError):
        raise BadDataset(f"{where}: `printed` is no list of places") from None
    return {path: tuple(places) for path, places in found.items()}


def _page_indices(line: dict[str, Any], where: str) -> tuple[int, ...]:
    listed = line.get("page_indices", [])
    if not isinstance(listed, list) or not all(isinstance(one, int) and one >= 0 for one in listed):
        raise BadDataset(f"{where}: `page_indices` is no list of pages from 0")
    return tuple(listed)


def _told_apart(truths: Sequence[Truth], folder: Path) -> tuple[Truth, ...]:
    """Documents that share an id go by their files, which are their own."""
    counts = Counter(truth.id for truth in truths)
    return tuple(
        truth if counts[truth.id] == 1 else replace(truth, id=truth.file.relative_to(folder).as_posix())
        for truth in truths
    )
