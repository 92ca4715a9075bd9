"""The PDFs inside of one stored object: unpacked, as many and as deep as are read. `pipeline` reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from llava_ocr.errors import CorruptDocument, ExtractionError, TooManyEmbedded
from llava_ocr.raster.sniff import media_type_of
from llava_ocr.raster.unpacking import Unpack
from llava_ocr.records import Document
from llava_ocr.store.base import ObjectInfo
from llava_ocr.store.embedded import names_inside

# How deep PDFs that lie inside of PDFs are read: `x.pdf#inner.pdf#innermost.pdf`.
MAX_DEPTH = 2


class Nest:
    """What may still be read of what lies inside of a stored object. With no `unpack`, nothing is."""

    def __init__(self, unpack: Unpack | None, *, max_embedded: int) -> None:
        self._unpack, self._max_embedded, self._num_left = unpack, max_embedded, max_embedded

    def wanted(self, found: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
        """Those that are read; the first that is too much stands for all that are."""
        return found[: self._num_left + 1] if self._unpack is not None else ()

    def reach(self, info: ObjectInfo, path: Path) -> Path:
        """Unpack, step by step, the document of this address from the stored object at `path`. Raises InputError."""
        for name in names_inside(info):
            found = self._unpacked(path, [name])[name]
            if isinstance(found, ExtractionError):
                raise found
            path = found
        return path

    def unpacked(self, infos: Sequence[ObjectInfo], path: Path) -> Iterator[tuple[ObjectInfo, Path | ExtractionError]]:
        """Unpack these from the document at `path`; an error in the place of each that can't be, or is too much."""
        names = {info.uri: names_inside(info)[-1] for info in infos}
        allowed = [info.uri for info in infos if len(names_inside(info)) <= MAX_DEPTH][: self._num_left]
        self._num_left -= len(allowed)
        most = f"{self._max_embedded} PDFs inside of one object, {MAX_DEPTH} deep"
        too_many = TooManyEmbedded(f"more than {most}: the rest is not read")
        found: dict[str, Path | ExtractionError] = {}
        try:
            found = self._unpacked(path, [names[uri] for uri in allowed]) if allowed else {}
        except ExtractionError as error:
            found = dict.fromkeys((names[uri] for uri in allowed), error)
        for info in infos:
            yield info, found[names[info.uri]] if info.uri in allowed else too_many

    def _unpacked(self, path: Path, names: Sequence[str]) -> dict[str, Path | ExtractionError]:
        if self._unpack is None:
            raise CorruptDocument("documents inside of others are not read here")
        folder = path.parent / f"{path.name}-inside"
        folder.mkdir()
        return self._unpack(path, names, folder)


def document_at(path: Path, uri: str) -> Document:
    """The document whose bytes lie at `path`."""
    with path.open("rb") as stream:
        document_id = hashlib.file_digest(stream, "sha256").hexdigest()
    return Document(document_id, uri, path.stat().st_size, media_type_of(path))
