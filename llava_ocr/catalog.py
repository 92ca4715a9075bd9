"""The document types there are: those that ship, and those in a folder of the user's own."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import schemas as shipped
from llava_ocr.errors import BadSchema, UnknownSchema
from llava_ocr.grounding.codes import CHECKSUMS
from llava_ocr.schema import Check, DocumentSchema, Kind, LeafNode, leaves, schema_name, tree

# Names that the SQL views use for columns of their own.
RESERVED = frozenset(
    {"document_id", "record_index", "run_id", "uri", "needs_review", "record_id", "row_index", "addresses"}
)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong with a schema file: the line, and what to do about it."""

    line: int
    message: str


class Catalog:
    """Document types by name. A user's folder may add names, not replace shipped ones."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._by_name: dict[str, type[DocumentSchema]] = {}
        for folder in (Path(shipped.__path__[0]), *folders):
            if not folder.is_dir():
                raise BadSchema(f"{folder}: no such folder")
            for path in sorted(folder.glob("*.py")):
                self._add(path)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._by_name)

    def get(self, name: str) -> type[DocumentSchema]:
        """The class of a document type. Raises UnknownSchema, which lists those that there are."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownSchema(f"no document type {name!r}; there are {', '.join(self.names())}") from None

    def _add(self, path: Path) -> None:
        for schema in schemas_in(load_file(path)):
            name = schema_name(schema)
            if name in self._by_name:
                raise BadSchema(f"{path}: document type {name!r} is there already")
            tree(schema)
            self._by_name[name] = schema


def load_file(path: Path) -> ModuleType:
    """Import a schema file by its path. Raises BadSchema with the line where it fails."""
    if path.parent == Path(shipped.__path__[0]):
        return importlib.import_module(
            f"{shipped.__name__}.{path.stem}" if path.stem != "__init__" else shipped.__name__
        )
    name = f"user_schema_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadSchema(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Pydantic looks annotations up in the module of the class.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BadSchema:
        raise
    except Exception as error:
        del sys.modules[name]
        raise BadSchema(f"{path}, line {_line_of(error, path)}: {type(error).__name__}: {error}") from error
    return module


def schemas_in(module: ModuleType) -> list[type[DocumentSchema]]:
    """The document types that a module defines, not those that it imports."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DocumentSchema) and value.__module__ == module.__name__
    ]


def check_file(path: Path) -> list[Fault]:
    """Say all that is wrong with a schema file; nothing is an empty list."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Fault(1, f"can't be read: {type(error).__name__}")]
    try:
        lines = _field_lines(ast.parse(source))
    except SyntaxError as error:
        return [Fault(error.lineno or 1, f"is not Python: {error.msg}")]
    try:
        found = schemas_in(load_file(path))
    except BadSchema as error:
        line = re.search(r", line (\d+): ", str(error))
        return [Fault(int(line[1]) if line else 1, str(error).removeprefix(f"{path}, line {line[1] if line else 1}: "))]
    if not found:
        return [Fault(1, "defines no document type; derive a class from llava_ocr.schema.DocumentSchema")]
    return sorted(fault for schema in found for fault in _faults(schema, lines))


def _faults(schema: type[DocumentSchema], lines: dict[str, int]) -> Iterator[Fault]:
    start = lines.get(schema.__name__, 1)
    if not (schema.__doc__ or "").strip() or schema.__doc__ == DocumentSchema.__doc__:
        yield Fault(start, f"{schema.__name__}: say in its docstring what the document is; the prompt uses it")
    try:
        root = tree(schema)
    except BadSchema as error:
        where = re.match(r"(\w+)\.(\w+):", str(error))
        yield Fault(lines.get(f"{where[1]}.{where[2]}", start) if where else start, str(error))
        return
    for leaf in leaves(root):
        for message in _leaf_faults(leaf):
            yield Fault(_line_of_field(lines, schema, leaf), f"{leaf.path}: {message}")
    for path in schema.business_key:
        if path not in {leaf.path for leaf in leaves(root)}:
            yield Fault(start, f"business_key names {path!r}, which is no field")
    for check in schema.checks:
        if not callable(check):
            yield Fault(start, f"checks holds {check!r}, which is no function")
        elif not _takes_one(check):
            yield Fault(start, "a check must take one argument, the filled schema, and yield Findings")


def _takes_one(check: Check) -> bool:
    try:
        inspect.signature(check).bind(None)
    except TypeError:
        return False
    return True


def _leaf_faults(leaf: LeafNode) -> Iterator[str]:
    if not leaf.hint.text:
        yield "has no hint; read('what it is') goes into the prompt"
    if leaf.leaf.kind not in (Kind.TEXT, Kind.CHOICE) and not leaf.hint.labels:
        yield "has no labels; without them the first value on the page is as good as the right one"
    if leaf.name in RESERVED:
        yield "is a column of the SQL views already; choose another name"
    if leaf.leaf.checksum not in CHECKSUMS:
        yield f"has an unknown checksum; there are {', '.join(sorted(name for name in CHECKSUMS if name))}"
    try:
        re.compile(leaf.leaf.pattern)
    except re.error as error:
        yield f"has a pattern that is no regular expression: {error}"


def _field_lines(module: ast.Module) -> dict[str, int]:
    """Line of every class (`Name`) and field (`Name.field`)."""
    found: dict[str, int] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            found[node.name] = node.lineno
            for statement in node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    found[f"{node.name}.{statement.target.id}"] = statement.lineno
    return found


def _line_of_field(lines: dict[str, int], schema: type[DocumentSchema], leaf: LeafNode) -> int:
    own = lines.get(f"{schema.__name__}.{leaf.name}")
    elsewhere = (line for name, line in lines.items() if name.endswith(f".{leaf.name}"))
    return own or next(elsewhere, lines.get(schema.__name__, 1))


def _line_of(error: BaseException, path: Path) -> int:
    """The last line of the schema file that the error came through."""
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if Path(frame.filename) == path), 1)
