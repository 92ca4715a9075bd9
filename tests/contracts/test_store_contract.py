"""What every store promises, asked of each of them; S3 is a real server."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llava_ocr.errors import DocumentTooLarge, ObjectChanged, ObjectNotFound
from llava_ocr.store.base import Selection, Store
from llava_ocr.store.local import LocalStore
from llava_ocr.store.memory import MemoryStore
from llava_ocr.store.s3 import S3Store
from tests.servers.seaweed import S3Server

KEYS = ["a.pdf", "a/b.pdf", "a/c d+e%20.pdf", "a/deep/er/x.PDF", "b/ü ñ 日本.png", "c.txt"]


def memory(request: pytest.FixtureRequest) -> Store:
    return MemoryStore()


def local(request: pytest.FixtureRequest) -> Store:
    return LocalStore(request.getfixturevalue("tmp_path_factory").mktemp("store"))


def s3(request: pytest.FixtureRequest) -> Store:
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    client = server.client()
    client.create_bucket(Bucket=bucket)
    return S3Store(client, bucket, page_size=4)


@pytest.fixture(params=[memory, local, s3], ids=["memory", "local", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    make: Callable[[pytest.FixtureRequest], Store] = request.param
    return make(request)


@pytest.fixture
def filled(store: Store) -> Store:
    for key in KEYS:
        store.put(key, key.encode())
    return store


def keys(store: Store, **selection: object) -> list[str]:
    return [info.key for info in store.list(Selection(**selection))]


def test_everything_is_listed_once_in_the_same_order_each_time(filled: Store) -> None:
    assert sorted(keys(filled)) == sorted(KEYS)
    assert keys(filled) == keys(filled)


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert keys(store) == []


def test_a_prefix_selects_keys_that_begin_with_it(filled: Store) -> None:
    assert keys(filled, prefix="a/") == ["a/b.pdf", "a/c d+e%20.pdf", "a/deep/er/x.PDF"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.pdf", ["a.pdf"]),
        ("**/*.pdf", ["a.pdf", "a/b.pdf", "a/c d+e%20.pdf"]),
        ("a/**", ["a/b.pdf", "a/c d+e%20.pdf", "a/deep/er/x.PDF"]),
        ("?.txt", ["c.txt"]),
        ("[ab].*", ["a.pdf"]),
        ("[!a].*", ["c.txt"]),
        ("nothing*", []),
    ],
)
def test_globs_select_keys(filled: Store, glob: str, expected: list[str]) -> None:
    assert sorted(keys(filled, glob=glob)) == expected


def test_since_is_inclusive_and_until_exclusive(filled: Store) -> None:
    [info] = filled.list(Selection(prefix="c.txt"))
    assert keys(filled, prefix="c.txt", since=info.modified_at) == ["c.txt"]
    assert keys(filled, prefix="c.txt", until=info.modified_at) == []
    assert keys(filled, since=datetime.now(UTC) + timedelta(hours=1)) == []


def test_fetching_gives_the_bytes_and_their_hash(filled: Store, tmp_path: Path) -> None:
    for info in filled.list(Selection()):
        fetched = filled.fetch(info, tmp_path / "object", max_bytes=1_000)
        assert fetched.path.read_bytes() == info.key.encode()
        assert fetched.id == hashlib.sha256(info.key.encode()).hexdigest()
        assert fetched.size_bytes == info.size_bytes == len(info.key.encode())


def test_an_empty_object_can_be_fetched(store: Store, tmp_path: Path) -> None:
    fetched = store.fetch(store.put("empty", b""), tmp_path / "object", max_bytes=10)
    assert fetched.size_bytes == 0


def test_an_object_over_the_cap_is_refused_and_leaves_no_file(store: Store, tmp_path: Path) -> None:
    info = store.put("big", b"x" * 1_001)
    with pytest.raises(DocumentTooLarge, match="limit 1,000"):
        store.fetch(info, tmp_path / "object", max_bytes=1_000)
    assert not (tmp_path / "object").exists()


def test_an_object_overwritten_after_listing_is_noticed(store: Store, tmp_path: Path) -> None:
    listed = store.put("k", b"first")
    store.put("k", b"second, longer")
    with pytest.raises(ObjectChanged):
        store.fetch(listed, tmp_path / "object", max_bytes=1_000)
    assert not (tmp_path / "object").exists()


def test_the_etag_changes_with_the_bytes(store: Store) -> None:
    first = store.put("k", b"first")
    assert store.head("k").etag == first.etag
    assert store.put("k", b"other").etag != first.etag


def test_a_missing_object_is_not_found(filled: Store, tmp_path: Path) -> None:
    info = filled.head("c.txt")
    with pytest.raises(ObjectNotFound):
        filled.head("missing")
    with pytest.raises(ObjectNotFound):
        filled.fetch(type(info)("x", "missing", 1, "etag", info.modified_at), tmp_path / "o", max_bytes=10)


def test_times_are_aware(filled: Store) -> None:
    assert all(info.modified_at.tzinfo is not None for info in filled.list(Selection()))
