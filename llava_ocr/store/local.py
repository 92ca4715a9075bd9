"""A folder as a store. Keys are paths below it, with `/`; links to folders are not followed, so nothing loops."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from llava_ocr.errors import ConfigError, ObjectChanged, ObjectNotFound, StoreDenied, StoreError
from llava_ocr.store.base import Fetched, ObjectInfo, Selection
from llava_ocr.store.matching import selected
from llava_ocr.store.streaming import CHUNK_BYTES, partial_file, refuse_larger, stream_to

# Files on their way into place; a process that was killed may leave one, which is no document.
_PUT_PREFIX = ".put-"


class LocalStore:
    """Files of one folder and the folders in it. A file's ETag is its size, time and inode."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise ObjectNotFound(f"{root}: no such folder")
        # Rows name files by their whole path, wherever the program was started.
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 (links stay as they are given)
        self._real_root = Path(os.path.realpath(root))

    @property
    def root(self) -> Path:
        """The folder whose files these are."""
        return self._root

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        """Yield the selected files in key order, the names of one folder (and those above it) in memory at a time.

        Links that lead nowhere are no objects. Raises StoreDenied at a folder that may not be listed: what is in it
        is unknown, so a listing without it would not be whole.
        """
        return selected(self._below, selection)

    def head(self, key: str) -> ObjectInfo:
        """Look one file up."""
        path = self._path(key)
        with _translated(self._uri(key)):
            if not path.is_file():
                raise ObjectNotFound(f"{self._uri(key)}: no such file")
            return self._info(key, path.stat())

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        """Copy the file, noticing when it changes under the reading."""
        refuse_larger(info.size_bytes, uri=info.uri, max_bytes=max_bytes)
        with _translated(info.uri), self._path(info.key).open("rb") as source, partial_file(into) as stream:
            self._refuse_changed(info, os.fstat(source.fileno()))
            chunks = iter(lambda: source.read(CHUNK_BYTES), b"")
            digest, size_bytes = stream_to(stream, chunks, uri=info.uri, max_bytes=max_bytes)
            self._refuse_changed(info, os.fstat(source.fileno()))
        return Fetched(info, into, digest, size_bytes)

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write a file whole or not at all. Raises ConfigError for a key that leaves the folder."""
        path = self._path(key)
        with _translated(self._uri(key)):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_PUT_PREFIX, delete=False) as stream:
                written = Path(stream.name)
                try:
                    stream.write(data)
                    stream.flush()
                    written.replace(path)
                except BaseException:
                    written.unlink(missing_ok=True)
                    raise
        return self.head(key)

    def _below(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield what begins with a prefix; a file of that very name is not looked for among all the others."""
        try:
            exact = [self.head(prefix)] if prefix else []
        except (ConfigError, ObjectNotFound):
            exact = []
        others = (info for info in self._walk() if info.key.startswith(prefix) and info.key != prefix)
        return chain(exact, others)

    def _walk(self) -> Iterator[ObjectInfo]:
        # A stack, not a recursion: folders may be nested deeper than Python calls.
        stack = [("", self._entries(""))]
        while stack:
            prefix, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
            elif _is_folder(entry):
                folder = f"{prefix}{entry.name}/"
                stack.append((folder, self._entries(folder)))
            elif (stat := _file_stat(entry)) is not None and not entry.name.startswith(_PUT_PREFIX):
                yield self._info(prefix + entry.name, stat)

    def _entries(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        """What lies in one folder; nothing for one that is gone by now."""
        try:
            with _translated(self._uri(prefix)), os.scandir(self._root / prefix) as scan:
                # `a.pdf` sorts before `a/b`, as S3 sorts keys.
                return iter(sorted(scan, key=lambda entry: entry.name + ("/" if _is_folder(entry) else "")))
        except ObjectNotFound:
            if not prefix:
                raise
            return iter(())

    def _info(self, key: str, stat: os.stat_result) -> ObjectInfo:
        modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
        return ObjectInfo(self._uri(key), key, stat.st_size, _etag(stat), modified_at)

    def _uri(self, key: str) -> str:
        # Names that are not UTF-8 can be opened as they are, but neither stored nor shown.
        return os.fsencode(self._root / key).decode("utf-8", "backslashreplace")

    def _path(self, key: str) -> Path:
        """Where a key lies. The file itself may be a link, as listings show it; the way to it may not lead out."""
        is_plain = "\0" not in key and all(part not in ("", ".", "..") for part in key.split("/"))
        path = self._root / key
        if not is_plain or not Path(os.path.realpath(path.parent)).is_relative_to(self._real_root):
            raise ConfigError(f"key {key!r} leaves the folder {self._root}")
        return path

    def _refuse_changed(self, info: ObjectInfo, stat: os.stat_result) -> None:
        if _etag(stat) != info.etag:
            raise ObjectChanged(f"{info.uri}: was overwritten after it was listed")


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except FileNotFoundError:
        raise ObjectNotFound(f"{uri}: no such file or folder any more") from None
    except PermissionError:
        raise StoreDenied(f"{uri}: may not be read or written") from None
    except OSError as error:
        raise StoreError(f"{uri}: {error.strerror or type(error).__name__}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _file_stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """The file's state; None for what is no file, is gone by now, or is a link to nothing or to itself."""
    try:
        return entry.stat() if entry.is_file() else None
    except PermissionError:
        # A link into a folder that is closed to us: listed, so that fetching it fails where it is accounted for.
        return entry.stat(follow_symlinks=False)
    except OSError:
        return None


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_size:x}-{stat.st_mtime_ns:x}-{stat.st_ino:x}"
