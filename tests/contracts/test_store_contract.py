"""What every store promises, asked of each of them; S3 is a real server."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llava_ocr.errors import ConfigError, DocumentTooLarge, ObjectChanged, ObjectNotFound
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import Selection, Store
from llava_ocr.store.local import LocalStore
from llava_ocr.store.matching import has_glob
from llava_ocr.store.memory import MemoryStore
from llava_ocr.store.open import open_source
from llava_ocr.store.s3 import S3Store
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, S3Server

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


# Names that look like something else, or like the beginning of another.
ODD = [
    "in/x.pdf", "inbox/x.pdf", "in.pdf", "a*b.pdf", "aXb.pdf", "q?.pdf", "qq.pdf", "[ab].pdf", "b.pdf", "[z-a].pdf",
    "sp ace.pdf", "per%20cent.pdf", "#1.pdf", "pl+us.pdf", "ü ñ.pdf", "~home.pdf", "s3:/b.pdf", "w*/c.pdf", "wx/c.pdf",
]  # fmt: skip
# What no folder can hold, and not every server: a key that is another's folder, empty names.
ONLY_KEYS = ["in", "x//y.pdf", "/lead.pdf", "new\nline.pdf"]


@pytest.fixture(params=[memory, local, s3], ids=["memory", "local", "s3"])
def odd(request: pytest.FixtureRequest) -> Store:
    store: Store = request.param(request)
    for key in [*ODD, *ONLY_KEYS] if isinstance(store, MemoryStore) else ODD:
        store.put(key, b"x")
    return store


def test_every_address_that_is_listed_selects_exactly_that_object(odd: Store) -> None:
    for info in list(odd.list(Selection())):
        glob = info.key if has_glob(info.key) else ""
        assert keys(odd, address=info.key, glob=glob) == [info.key]


@pytest.mark.parametrize("odd", [local, s3], ids=["local", "s3"], indirect=True)
def test_every_address_that_is_printed_opens_exactly_that_object(
    odd: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings()
    if isinstance(odd, S3Store):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        settings = override(settings, s3_endpoint=request.getfixturevalue("s3_server").endpoint)
    for info in list(odd.list(Selection())):
        opened = open_source(info.uri, settings)
        assert [one.uri for one in opened.store.list(opened.select())] == [info.uri]


def test_a_folder_ends_at_its_name(filled: Store) -> None:
    filled.put("a b/z.pdf", b"x")
    assert keys(filled, address="a") == keys(filled, address="a/") == ["a/b.pdf", "a/c d+e%20.pdf", "a/deep/er/x.PDF"]
    assert keys(filled, address="a/de") == keys(filled, address="nothing") == []


def test_wildcards_come_last(odd: Store) -> None:
    assert keys(odd, address="a*b.pdf", glob="a*b.pdf") == ["a*b.pdf"]
    assert keys(odd, address="w*", glob="w*") == ["w*/c.pdf"]
    assert sorted(keys(odd, address="?.pdf", glob="?.pdf")) == ["b.pdf"]
    with pytest.raises(ConfigError, match="z-a"):
        keys(odd, address="[z-a]*", glob="[z-a]*")


def test_an_address_keeps_to_its_window_of_time(filled: Store) -> None:
    assert keys(filled, address="c.txt", since=datetime.now(UTC) + timedelta(hours=1)) == []


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
