"""A folder as a store. Keys are paths below it, with `/`; links to folders are not followed, so nothing loops."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from llava_ocr.errors import ConfigError, ObjectChanged, ObjectNotFound, StoreDenied, StoreError
from llava_ocr.store.base import Fetched, ObjectInfo, Selection
from llava_ocr.store.matching import wants
from llava_ocr.store.streaming import CHUNK_BYTES, partial_file, refuse_larger, stream_to


class LocalStore:
    """Files of one folder and the folders in it. A file's ETag is its size, time and inode."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise ObjectNotFound(f"{root}: no such folder")
        self._root = root

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        """Yield the selected files in key order, one folder in memory at a time."""
        return (info for info in self._walk(self._root, "") if wants(selection, info))

    def head(self, key: str) -> ObjectInfo:
        """Look one file up."""
        path = self._path(key)
        if not path.is_file():
            raise ObjectNotFound(f"{path}: no such file")
        return self._info(key, path.stat())

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        """Copy the file, noticing when it changes under the reading."""
        refuse_larger(info.size_bytes, uri=info.uri, max_bytes=max_bytes)
        try:
            with self._path(info.key).open("rb") as source:
                self._refuse_changed(info, os.fstat(source.fileno()))
                with partial_file(into) as stream:
                    chunks = iter(lambda: source.read(CHUNK_BYTES), b"")
                    digest, size_bytes = stream_to(stream, chunks, uri=info.uri, max_bytes=max_bytes)
                    self._refuse_changed(info, os.fstat(source.fileno()))
        except FileNotFoundError:
            raise ObjectNotFound(f"{info.uri}: no such file any more") from None
        except PermissionError:
            raise StoreDenied(f"{info.uri}: may not be read") from None
        except OSError as error:
            raise StoreError(f"{info.uri}: {error.strerror or type(error).__name__}") from error
        return Fetched(info, into, digest, size_bytes)

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write a file whole or not at all."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".put-", delete=False) as stream:
            stream.write(data)
        Path(stream.name).replace(path)
        return self.head(key)

    def _walk(self, folder: Path, prefix: str) -> Iterator[ObjectInfo]:
        try:
            with os.scandir(folder) as scan:
                # `a.pdf` sorts before `a/b`, as S3 sorts keys.
                entries = sorted(scan, key=lambda entry: entry.name + ("/" if _is_folder(entry) else ""))
        except PermissionError:
            raise StoreDenied(f"{folder}: may not be listed") from None
        for entry in entries:
            key = prefix + entry.name
            if _is_folder(entry):
                yield from self._walk(Path(entry.path), key + "/")
            elif entry.is_file() and not entry.name.startswith(".put-"):
                yield self._info(key, entry.stat())

    def _info(self, key: str, stat: os.stat_result) -> ObjectInfo:
        modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
        # Names that are not UTF-8 can be opened as they are, but neither stored nor shown.
        uri = os.fsencode(self._root / key).decode("utf-8", "backslashreplace")
        return ObjectInfo(uri, key, stat.st_size, _etag(stat), modified_at)

    def _path(self, key: str) -> Path:
        path = self._root / key
        if not key or (not path.resolve().is_relative_to(self._root.resolve()) and not path.is_symlink()):
            raise ConfigError(f"key {key!r} leaves the folder {self._root}")
        return path

    def _refuse_changed(self, info: ObjectInfo, stat: os.stat_result) -> None:
        if _etag(stat) != info.etag:
            raise ObjectChanged(f"{info.uri}: was overwritten after it was listed")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_size:x}-{stat.st_mtime_ns:x}-{stat.st_ino:x}"
