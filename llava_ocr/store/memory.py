"""A store in memory, for tests and for trying things out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from llava_ocr.errors import ObjectChanged, ObjectNotFound
from llava_ocr.store.base import Fetched, ObjectInfo, Selection
from llava_ocr.store.matching import selected
from llava_ocr.store.streaming import partial_file, refuse_larger, stream_to


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """Objects in a dictionary; obeys the same contract as S3 and the local folder."""

    def __init__(self, *, now: Callable[[], datetime] = _now) -> None:
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._now = now
        self._lock = threading.Lock()
        self._num_puts = 0

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        """Yield the selected objects in key order."""
        with self._lock:
            infos = sorted((info for info, _ in self._objects.values()), key=lambda info: info.key)
        return selected(lambda prefix: (info for info in infos if info.key.startswith(prefix)), selection)

    def head(self, key: str) -> ObjectInfo:
        """Look one object up."""
        return self._get(key)[0]

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        """Write the object to a file."""
        present, data = self._get(info.key)
        if present.etag != info.etag:
            raise ObjectChanged(f"{info.uri}: was overwritten after it was listed")
        refuse_larger(len(data), uri=info.uri, max_bytes=max_bytes)
        with partial_file(into) as stream:
            digest, size_bytes = stream_to(stream, [data], uri=info.uri, max_bytes=max_bytes)
        return Fetched(info, into, digest, size_bytes)

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write an object."""
        with self._lock:
            self._num_puts += 1
            etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
            info = ObjectInfo(f"memory://{key}", key, len(data), etag, self._now(), str(self._num_puts))
            self._objects[key] = (info, data)
        return info

    def _get(self, key: str) -> tuple[ObjectInfo, bytes]:
        with self._lock:
            if key not in self._objects:
                raise ObjectNotFound(f"memory://{key}: no such object")
            return self._objects[key]
