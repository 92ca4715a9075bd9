"""Files that people ask for: the format is what the name says, and a file is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from llava_ocr.errors import ConfigError


class FileFormat(StrEnum):
    """What rows can be written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"

    @property
    def is_binary(self) -> bool:
        """Whether it is nothing to show on a screen."""
        return self in (FileFormat.PARQUET, FileFormat.XLSX)


class WrongSuffix(ConfigError):
    """The file's name says one format, the order another, or none that is known."""

    hint = f"Formats are {', '.join(f'.{one}' for one in FileFormat)}; name the file so, or say --format."


class Unwritable(ConfigError):
    """The file can't be written."""

    hint = "Give a path in a folder that exists and that you may write to."


def format_of(out: Path | None, asked: FileFormat | None, *, default: FileFormat) -> FileFormat:
    """Tell what `out` is to be written as: what was asked for, else what its suffix says, else `default`.

    Raises WrongSuffix where the two contradict each other, or a suffix says nothing; ConfigError for a binary format
    without a file.
    """
    suffix = out.suffix.lower().removeprefix(".") if out is not None else ""
    said = next((one for one in FileFormat if one.value == suffix), None)
    if suffix and said is None and asked is None:
        raise WrongSuffix(f"{out}: .{suffix} is no format that can be written")
    if said is not None and asked is not None and said is not asked:
        raise WrongSuffix(f"{out}: the name says {said}, --format says {asked}")
    format = asked or said or default
    if out is None and format.is_binary:
        raise ConfigError(f"{format} is not for the screen; say --out FILE.{format}")
    return format


def require_writable(path: Path) -> None:
    """Raise Unwritable where a file at `path` can't be made; better now than after hours of reading."""
    if path.is_dir():
        raise Unwritable(f"{path}: is a folder")
    if not path.parent.is_dir():
        raise Unwritable(f"{path}: there is no folder {path.parent}")
    if not os.access(path if _is_special(path) else path.parent, os.W_OK):
        raise Unwritable(f"{path}: may not be written")


def make_folder(path: Path) -> None:
    """Make a folder, with those above it. Raises Unwritable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror}") from None


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write. What was there stays until the block ends well; a block that fails leaves nothing behind.

    Raises Unwritable.
    """
    require_writable(path)
    if _is_special(path):
        with path.open("wb") as stream:
            yield stream
        return
    # A link stays one: what it points to is replaced.
    target = path.resolve()
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or type(error).__name__}") from None
    finally:
        part.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, such as /dev/stdout, which nothing can take the place of."""
    return path.exists() and not path.is_file()
