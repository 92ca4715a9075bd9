from __future__ import annotations

import os
from pathlib import Path

import pytest

from llava_ocr.errors import ConfigError, ObjectNotFound
from llava_ocr.settings import Settings
from llava_ocr.store.local import LocalStore
from llava_ocr.store.open import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.pdf", "in/b.pdf", "in/c.txt", "in/[1].pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def keys(source: str) -> list[str]:
    opened = open_source(source, Settings())
    return [info.uri.rsplit("/", 1)[-1] for info in opened.store.list(opened.select())]


def test_a_folder_means_all_below_it(folder: Path) -> None:
    assert keys(str(folder)) == ["a.pdf", "[1].pdf", "b.pdf", "c.txt"]


def test_a_file_means_itself_even_with_brackets_in_its_name(folder: Path) -> None:
    assert keys(f"{folder}/in/[1].pdf") == ["[1].pdf"]


def test_a_glob_selects_within_the_folder_before_it(folder: Path) -> None:
    assert keys(f"{folder}/**/*.pdf") == ["a.pdf", "[1].pdf", "b.pdf"]
    assert keys(f"{folder}/in/b*") == ["b.pdf"]


def test_a_file_url_is_a_path(folder: Path) -> None:
    assert keys(f"file://{folder}/in") == ["[1].pdf", "b.pdf", "c.txt"]


@pytest.mark.parametrize("source", ["ftp://host/x", "s3://", "s3://b*/x"])
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(ConfigError):
        open_source(source, Settings())


def test_what_is_not_there_is_not_found(folder: Path) -> None:
    with pytest.raises(ObjectNotFound, match="missing"):
        open_source(f"{folder}/missing", Settings())


def test_links_that_loop_end(folder: Path) -> None:
    (folder / "in" / "loop").symlink_to(folder)
    assert len(keys(str(folder))) == 4


def test_keys_can_not_leave_the_folder(folder: Path) -> None:
    with pytest.raises(ConfigError, match="leaves"):
        LocalStore(folder / "in").put("../escape", b"x")


def test_names_that_are_not_utf8_are_listed_and_readable(folder: Path, tmp_path: Path) -> None:

    Path(os.fsdecode(os.fsencode(folder / "in") + b"/\xff.pdf")).write_bytes(b"latin")
    opened = open_source(str(folder / "in"), Settings())
    odd = [info for info in opened.store.list(opened.select()) if "\\xff" in info.uri]
    assert len(odd) == 1
    assert opened.store.fetch(odd[0], tmp_path / "o", max_bytes=10).size_bytes == 5
