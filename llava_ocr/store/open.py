"""From what a person types to a store: `s3://bucket/prefix`, a folder, a file; with or without wildcards."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from llava_ocr.errors import ConfigError, ObjectNotFound, StoreDenied
from llava_ocr.settings import Settings
from llava_ocr.store.base import Selection, Store
from llava_ocr.store.local import LocalStore
from llava_ocr.store.matching import fixed_prefix, has_glob, pattern

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\x[0-9a-f]{2}")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")


@dataclass(frozen=True)
class Source:
    """A store and which of its objects are meant."""

    store: Store
    address: str = ""
    glob: str = ""

    def select(self, *, since: datetime | None = None, until: datetime | None = None) -> Selection:
        """The source's selection, narrowed to a window of modification times."""
        return Selection(self.address, glob=self.glob, since=since, until=until)


def open_source(source: str, settings: Settings) -> Source:
    """Open a source. Raises ConfigError for what is none, ObjectNotFound for a folder or file that is not there."""
    if not source.strip():
        raise ConfigError("no source; give s3://bucket/prefix, a folder or a file")
    address = _ADDRESS.fullmatch(source)
    if address is None:
        return _open_path(source)
    scheme, rest = address[1].lower(), address[2]
    if scheme == "s3":
        return _open_s3(rest, settings)
    if scheme == "file":
        return _open_path(_path_of_url(rest))
    raise ConfigError(f"{scheme}:// is no source; give s3://bucket/prefix, a folder or a file")


def _open_s3(rest: str, settings: Settings) -> Source:
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{bucket!r} is no name of a bucket; write s3://bucket/prefix")
    # boto3 takes a tenth of a second to import, which folders need not pay.
    from llava_ocr.store.s3 import open_bucket

    store = open_bucket(bucket, settings)
    return Source(store, address=key, glob=key if has_glob(key) else "")


def _path_of_url(rest: str) -> str:
    """The path of a file:// address, which names no other machine."""
    path = rest.removeprefix("localhost")
    if not path.startswith("/"):
        raise ConfigError("file:// addresses begin with file:/// and name a path on this machine")
    return unquote(path)


def _open_path(text: str) -> Source:
    try:
        path = Path(text).expanduser()
        source = _source_at(path) or (_source_at(Path(_as_named(text))) if _ESCAPED.search(text) else None)
    except PermissionError:
        raise StoreDenied(f"{text}: may not be read") from None
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConfigError(f"{text}: {reason or error}") from None
    if source is None:
        raise ObjectNotFound(f"{text}: no such file or folder")
    return source


def _as_named(text: str) -> str:
    """A name with bytes that are no UTF-8, from the form in which it is listed."""
    return os.fsdecode(re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode()))


def _source_at(path: Path) -> Source | None:
    """A folder, a file, or wildcards below a folder; None where nothing is there."""
    if path.is_dir():
        return Source(LocalStore(path))
    if path.is_file():
        return Source(LocalStore(path.parent), address=path.name)
    text = os.fspath(path)
    if not has_glob(text):
        return None
    folder = Path(fixed_prefix(text))
    root = folder if text.startswith(f"{folder}/") and folder.is_dir() else folder.parent
    return _selecting(LocalStore(root), os.path.relpath(text, root)) if root.is_dir() else None


def _selecting(store: Store, glob: str) -> Source:
    """A source with wildcards, which are compiled now so that a bad set is found before anything is listed."""
    pattern(glob)
    return Source(store, glob=glob)
