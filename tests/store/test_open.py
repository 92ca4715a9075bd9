from __future__ import annotations

import os
from pathlib import Path

import pytest

from llava_ocr.errors import ConfigError, ObjectChanged, ObjectNotFound, StoreError
from llava_ocr.settings import Settings
from llava_ocr.store.base import Selection
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


@pytest.mark.parametrize(
    "source",
    ["", "  ", "ftp://host/x", "s3://", "s3://b*/x", "s3://[b/x", "s3://a bucket/x",
     "file://host/x", "~nobody-here/x", "n" * 5_000],
)  # fmt: skip
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(ConfigError):
        open_source(source, Settings())


def test_what_is_not_there_is_not_found(folder: Path) -> None:
    with pytest.raises(ObjectNotFound, match="missing"):
        open_source(f"{folder}/missing", Settings())


def test_a_file_url_may_hold_any_character(folder: Path) -> None:
    (folder / "a#1 ?.pdf").write_bytes(b"x")
    assert keys(f"file://{folder}/a%231 ?.pdf") == ["a#1 ?.pdf"]


def test_links_that_loop_or_lead_nowhere_are_no_objects(folder: Path) -> None:
    (folder / "in" / "loop").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "itself")
    (folder / "nowhere").symlink_to(folder / "gone")
    assert len(keys(str(folder))) == 4


def test_what_is_no_file_is_no_object(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert len(keys(str(folder))) == 4


def test_folders_deeper_than_python_calls_are_listed(tmp_path: Path) -> None:
    # Neither `mkdir(parents=True)` nor pytest's own clean-up goes that deep, so both are done here, step by step.
    folders = [tmp_path / "deep"]
    for _ in range(1_100):
        folders.append(folders[-1] / "d")
    for folder in folders:
        folder.mkdir()
    (folders[-1] / "x").touch()
    [info] = LocalStore(tmp_path).list(Selection())
    assert info.key.count("/") == len(folders)
    (folders[-1] / "x").unlink()
    for folder in reversed(folders):
        folder.rmdir()


@pytest.mark.parametrize(
    "key",
    ["../escape", "/etc/escape", "a/../../escape", "", "a//b", "a/.", "nul\0", "out/escape", "out/link", "../link"],
)
def test_keys_can_not_leave_the_folder(folder: Path, key: str) -> None:
    target = folder / "a.pdf"
    (folder / "link").symlink_to(target)
    (folder / "in" / "out").symlink_to(folder)
    with pytest.raises(ConfigError, match="leaves"):
        LocalStore(folder / "in").put(key, b"evil")
    assert target.read_bytes() == b"x"
    assert (folder / "link").is_symlink()


@pytest.mark.parametrize("key", ["n" * 300, "b.pdf/below"])
def test_a_put_that_the_disk_refuses_leaves_nothing_behind(folder: Path, key: str) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(StoreError):
        LocalStore(folder / "in").put(key, b"x")
    assert sorted(folder.rglob("*")) == before


def test_a_copy_that_can_not_be_written_is_a_store_error(folder: Path) -> None:
    store = LocalStore(folder)
    with pytest.raises(StoreError, match="can't write"):
        store.fetch(store.head("a.pdf"), folder / "missing" / "copy", max_bytes=10)


def test_a_file_overwritten_with_as_many_bytes_is_noticed(folder: Path, tmp_path: Path) -> None:
    store = LocalStore(folder)
    listed = store.head("a.pdf")
    os.utime(folder / "a.pdf", ns=(0, listed.modified_at.microsecond))
    with pytest.raises(ObjectChanged):
        store.fetch(listed, tmp_path / "copy", max_bytes=10)
    assert not (tmp_path / "copy").exists()


def test_names_that_are_not_utf8_are_listed_and_readable(folder: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder / "in") + b"/\xff.pdf")).write_bytes(b"latin")
    opened = open_source(str(folder / "in"), Settings())
    odd = [info for info in opened.store.list(opened.select()) if "\\xff" in info.uri]
    assert len(odd) == 1
    assert opened.store.fetch(odd[0], tmp_path / "o", max_bytes=10).size_bytes == 5
    assert keys(odd[0].uri) == ["\\xff.pdf"]


def test_addresses_are_whole_wherever_the_program_was_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for source in ("in", "in/b.pdf", "in/b*", "./in/../in", f"file://{folder}/in"):
        opened = open_source(source, Settings())
        assert f"{folder}/in/b.pdf" in [info.uri for info in opened.store.list(opened.select())]
