"""Bytes from a store to a file: hashed on the way, capped, and gone again when anything goes wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from llava_ocr.errors import DocumentTooLarge, StoreError

CHUNK_BYTES = 1 << 20


@contextmanager
def partial_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing and remove it unless the block ends well. Raises StoreError when the disk refuses."""
    try:
        with path.open("wb") as stream:
            yield stream
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(f"can't write {path.parent}: {error.strerror or type(error).__name__}") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def stream_to(stream: BinaryIO, chunks: Iterable[bytes], *, uri: str, max_bytes: int) -> tuple[str, int]:
    """Write chunks and return the SHA-256 (hex) and size of what was written. Raises DocumentTooLarge past the cap."""
    digest = hashlib.sha256()
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        refuse_larger(size_bytes, uri=uri, max_bytes=max_bytes)
        digest.update(chunk)
        stream.write(chunk)
    return digest.hexdigest(), size_bytes


def refuse_larger(size_bytes: int, *, uri: str, max_bytes: int) -> None:
    """Raise DocumentTooLarge for an object over the cap."""
    if size_bytes > max_bytes:
        raise DocumentTooLarge(f"{uri}: {size_bytes:,} bytes or more, limit {max_bytes:,}")
