from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llava_ocr.errors import ConfigError, ObjectChanged, ObjectNotFound, StoreDenied, StoreError, StoreUnavailable
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import ObjectInfo, Selection
from llava_ocr.store.open import open_source
from llava_ocr.store.s3 import S3Store, open_bucket
from tests.servers.s3_faulty import ETAG, Fault, faulty_s3
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, S3Server


@pytest.fixture
def settings(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return override(Settings(), s3_endpoint=s3_server.endpoint)


def test_a_listing_of_more_than_a_thousand_keys_is_whole(s3_server: S3Server, settings: Settings) -> None:
    client = s3_server.client()
    client.create_bucket(Bucket="many")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.put_object(Bucket="many", Key=f"k{n:05}", Body=b"x"), range(1_203)))
    source = open_source("s3://many/k*", settings)
    assert [info.key for info in source.store.list(source.select())] == [f"k{n:05}" for n in range(1_203)]


def test_wrong_credentials_are_denied_and_not_shown(s3_server: S3Server) -> None:
    store = S3Store(s3_server.client(access_key="someone-else"), "ready")
    with pytest.raises(StoreDenied) as denied:
        list(store.list(Selection()))
    assert "someone-else" not in str(denied.value)


def test_a_missing_bucket_is_not_found(settings: Settings) -> None:
    with pytest.raises(ObjectNotFound, match="s3://no-such-bucket"):
        list(open_bucket("no-such-bucket", settings).list(Selection()))


def test_anonymous_access_sends_no_credentials(settings: Settings) -> None:
    store = open_bucket("ready", override(settings, s3_anonymous=True))
    with pytest.raises(StoreDenied):
        store.head("ready")


def test_a_server_that_is_not_there_is_unavailable_soon() -> None:
    started = time.monotonic()
    store = open_bucket("b-b-b", override(Settings(), s3_endpoint="http://127.0.0.1:9", s3_anonymous=True))
    with pytest.raises(StoreUnavailable):
        store.head("k")
    assert time.monotonic() - started < 30


def test_an_unknown_profile_is_a_setting_that_is_wrong() -> None:
    with pytest.raises(ConfigError, match="no-such-profile"):
        open_bucket("b-b-b", override(Settings(), s3_profile="no-such-profile"))


def test_an_authority_file_that_is_not_there_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.pem"):
        open_bucket("b-b-b", override(Settings(), s3_ca_bundle=tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(503, "SlowDown"), StoreUnavailable),
        (Fault(500, "InternalError"), StoreUnavailable),
        (Fault(403, "AccessDenied"), StoreDenied),
        (Fault(403, "RequestTimeTooSkewed"), StoreDenied),
        (Fault(404, "NoSuchKey"), ObjectNotFound),
        (Fault(412, "PreconditionFailed"), ObjectChanged),
        (Fault(400, "Odd"), StoreError),
        (Fault(), StoreUnavailable),
        (Fault(hangs=True), StoreUnavailable),
    ],
)
def test_a_fault_of_the_server_is_ours_by_name_and_leaves_no_file(
    fault: Fault, error: type[StoreError], tmp_path: Path
) -> None:
    info = ObjectInfo("s3://bucket/key", "key", 1_000, ETAG, datetime.now(UTC))
    with faulty_s3(fault) as client, pytest.raises(StoreError) as raised:
        S3Store(client, "bucket").fetch(info, tmp_path / "object", max_bytes=1_000)
    assert raised.type is error
    assert "s3://bucket/key" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "object").exists()


def test_folders_made_by_consoles_are_no_documents(s3_server: S3Server, settings: Settings) -> None:
    client = s3_server.client()
    client.create_bucket(Bucket="folders")
    client.put_object(Bucket="folders", Key="in/", Body=b"")
    client.put_object(Bucket="folders", Key="in/a.pdf", Body=b"%PDF")
    source = open_source("s3://folders/in/", settings)
    assert [info.key for info in source.store.list(source.select())] == ["in/a.pdf"]


def test_a_version_that_was_listed_is_the_one_fetched(s3_server: S3Server, settings: Settings, tmp_path: Path) -> None:
    client = s3_server.client()
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    store = open_bucket("versions", settings)
    first = store.put("k", b"first")
    store.put("k", b"second")
    assert first.version
    assert store.fetch(first, tmp_path / "o", max_bytes=100).path.read_bytes() == b"first"
