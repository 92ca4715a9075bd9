"""What every store promises: list, fetch to disk, put, head. `s3`, `local` and `memory` pass one contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One listed object. `etag` changes when its bytes do; `version` is its version id where the store keeps them."""

    uri: str
    key: str
    size_bytes: int
    etag: str
    modified_at: datetime
    version: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a source are wanted: a prefix, a glob on the key below it, and a window of modification times.

    `address` is what a person typed. An object of that very key is meant alone; else, where anything lies below it as
    below a folder, all of that; else the glob decides. `since` is inclusive, `until` exclusive, both aware.
    """

    address: str = ""
    prefix: str = ""
    glob: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object on the local disk: `id` is the SHA-256 of its bytes in hex."""

    info: ObjectInfo
    path: Path
    id: str
    size_bytes: int


class Store(Protocol):
    """Where documents come from. Safe to use from several threads."""

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        """Yield the selected objects in the store's own order, never holding more than one page of the listing."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Look one object up. Raises ObjectNotFound."""
        ...

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        """Stream the object to the file `into`, hashing it on the way.

        Raises DocumentTooLarge before or while reading past `max_bytes`, ObjectChanged when the bytes read are not
        those that were listed, ObjectNotFound, StoreDenied, StoreUnavailable. Leaves no partial file.
        """
        ...

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write an object, replacing what was there."""
        ...
