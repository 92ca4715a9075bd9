"""From what a person types to a store: `s3://bucket/prefix`, a folder, a file; with or without wildcards."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from llava_ocr.errors import ConfigError, ObjectNotFound
from llava_ocr.settings import Settings
from llava_ocr.store.base import Selection, Store
from llava_ocr.store.local import LocalStore
from llava_ocr.store.matching import fixed_prefix, has_glob


@dataclass(frozen=True)
class Source:
    """A store and which of its objects are meant."""

    store: Store
    prefix: str = ""
    glob: str = ""

    def select(self, *, since: datetime | None = None, until: datetime | None = None) -> Selection:
        """The source's selection, narrowed to a window of modification times."""
        return Selection(self.prefix, self.glob, since, until)


def open_source(source: str, settings: Settings) -> Source:
    """Open a source. Raises ConfigError for what is none, ObjectNotFound for a folder or file that is not there."""
    scheme = urlsplit(source).scheme if "://" in source else ""
    if scheme == "s3":
        return _open_s3(source, settings)
    if scheme == "file":
        return _open_path(unquote(urlsplit(source).path))
    if scheme:
        raise ConfigError(f"{scheme}:// is no source; give s3://bucket/prefix, a folder or a file")
    return _open_path(source)


def _open_s3(source: str, settings: Settings) -> Source:
    bucket, _, key = source.removeprefix("s3://").partition("/")
    if not bucket or has_glob(bucket):
        raise ConfigError(f"{source!r} names no bucket; write s3://bucket/prefix")
    # boto3 takes a tenth of a second to import, which folders need not pay.
    from llava_ocr.store.s3 import open_bucket

    store = open_bucket(bucket, settings)
    return Source(store, glob=key) if has_glob(key) else Source(store, prefix=key)


def _open_path(text: str) -> Source:
    path = Path(text).expanduser()
    if path.is_dir():
        return Source(LocalStore(path))
    if path.is_file():
        return Source(LocalStore(path.parent), glob=_quoted(path.name))
    if has_glob(text):
        folder = Path(fixed_prefix(os.fspath(path)))
        root = folder if os.fspath(path).startswith(f"{folder}/") and folder.is_dir() else folder.parent
        if root.is_dir():
            rest = os.path.relpath(os.fspath(path), root)
            return Source(LocalStore(root), glob=rest)
    raise ObjectNotFound(f"{text}: no such file or folder")


def _quoted(name: str) -> str:
    """A file name as a glob that means only itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
