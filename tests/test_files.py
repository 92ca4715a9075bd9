"""Files that are asked for are what their names say, and whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llava_ocr.errors import ConfigError
from llava_ocr.files import FileFormat, Unwritable, WrongSuffix, format_of, whole_file


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("x.xlsx", None, FileFormat.XLSX),
        ("x.CSV", None, FileFormat.CSV),
        ("a.b.parquet", FileFormat.PARQUET, FileFormat.PARQUET),
        ("x.txt", FileFormat.CSV, FileFormat.CSV),
        ("noname", None, FileFormat.JSONL),
        ("/dev/stdout", None, FileFormat.JSONL),
        (None, FileFormat.CSV, FileFormat.CSV),
        (None, None, FileFormat.JSONL),
    ],
)
def test_the_suffix_says_the_format(name: str | None, asked: FileFormat | None, expected: FileFormat) -> None:
    assert format_of(None if name is None else Path(name), asked, default=FileFormat.JSONL) is expected


@pytest.mark.parametrize(
    ("name", "asked", "error"),
    [
        ("x.xlsx", FileFormat.CSV, WrongSuffix),
        ("x.xls", None, WrongSuffix),
        (None, FileFormat.XLSX, ConfigError),
    ],
)
def test_what_contradicts_the_name_is_refused(name: str | None, asked: FileFormat | None, error: type) -> None:
    with pytest.raises(error):
        format_of(None if name is None else Path(name), asked, default=FileFormat.JSONL)


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "x.csv") as stream:
        stream.write(b"new, but not all")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.csv": "old"}


def test_a_file_is_replaced_whole_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with whole_file(tmp_path / "link.csv") as stream:
        stream.write(b"new")
        assert (tmp_path / "real.csv").read_text() == "old"
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "real.csv").read_text() == "new"


def test_a_new_file_has_the_rights_that_files_have(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with whole_file(tmp_path / "made") as stream:
        stream.write(b"x")
    assert (tmp_path / "made").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(tmp_path / "pipe") as stream:
        stream.write(b"x")
    assert os.read(reader, 9) == b"x" and (tmp_path / "pipe").is_fifo()
    os.close(reader)


def test_a_full_disk_is_told_by_the_file(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match=r"x\.csv: No space left"), whole_file(tmp_path / "x.csv"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
