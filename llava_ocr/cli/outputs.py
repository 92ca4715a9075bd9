"""Where a command writes: a file that is asked for, or standard output."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from llava_ocr.errors import ConfigError
from llava_ocr.files import FileFormat, whole_file


@contextmanager
def output(out: Path | None, *, for_excel: bool = False) -> Iterator[BinaryIO]:
    """Open `out`, or standard output. With `for_excel` it begins with the mark by which Excel knows UTF-8."""
    if out is not None:
        with whole_file(out) as stream:
            stream.write(BOM_UTF8 if for_excel else b"")
            yield stream
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(BOM_UTF8 if for_excel else b"")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


def require_csv(format: FileFormat | None, option: str) -> None:
    """Raise ConfigError where an option of CSV is given with another format."""
    if format is not FileFormat.CSV:
        raise ConfigError(f"{option} goes with csv, not with {format}; leave it out, or say --format csv")
