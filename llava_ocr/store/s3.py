"""A bucket as a store: AWS or any S3-compatible server. The only door to boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from llava_ocr.errors import (
    ConfigError,
    ObjectChanged,
    ObjectNotFound,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from llava_ocr.settings import Settings
from llava_ocr.store.base import Fetched, ObjectInfo, Selection
from llava_ocr.store.matching import selected
from llava_ocr.store.streaming import CHUNK_BYTES, partial_file, refuse_larger, stream_to

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound", "NoSuchVersion"}
_DENIED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
_CHANGED = {"412", "PreconditionFailed"}
_BUSY = {"429", "500", "502", "503", "504", "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"}


def open_bucket(bucket: str, settings: Settings) -> S3Store:
    """Open a bucket with the settings' endpoint, profile and authority; asks nothing yet. Raises ConfigError."""
    if settings.s3_ca_bundle is not None and not settings.s3_ca_bundle.is_file():
        raise ConfigError(f"LLAVA_OCR_S3_CA_BUNDLE: no file {settings.s3_ca_bundle}")
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 4},
        max_pool_connections=32,
        signature_version=UNSIGNED if settings.s3_anonymous else None,
        # Servers other than AWS know neither bucket host names nor the newer checksums.
        s3={"addressing_style": "path"} if settings.s3_endpoint else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.Session(profile_name=settings.s3_profile or None, region_name=settings.s3_region or None)
        client = session.client(
            "s3",
            endpoint_url=settings.s3_endpoint or None,
            region_name=settings.s3_region or session.region_name or "us-east-1",
            verify=str(settings.s3_ca_bundle) if settings.s3_ca_bundle else None,
            config=config,
        )
    except ProfileNotFound:
        raise ConfigError(f"no profile {settings.s3_profile!r} in the AWS configuration") from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"S3 can't be set up: {type(error).__name__}; check LLAVA_OCR_S3_ENDPOINT") from None
    return S3Store(client, bucket)


class S3Store:
    """Objects of one bucket. `page_size` is how many keys one listing request asks for."""

    def __init__(self, client: S3Client, bucket: str, *, page_size: int = 1_000) -> None:
        self._client = client
        self._bucket = bucket
        self._page_size = page_size

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        """Yield the selected objects in key order, a page of the listing in memory at a time."""
        return selected(self._below, selection)

    def _below(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects whose keys begin with a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": self._page_size}
        )
        with self._translated(prefix):
            for page in pages:
                for entry in page.get("Contents", ()):
                    # Consoles make "folders" as empty objects whose key ends with a slash.
                    if entry["Size"] or not entry["Key"].endswith("/"):
                        yield self._info(entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])

    def head(self, key: str) -> ObjectInfo:
        """Look one object up."""
        with self._translated(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        version = found.get("VersionId", "")
        return self._info(key, found["ContentLength"], found["ETag"], found["LastModified"], version)

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        """Stream the object to a file; the server refuses one whose ETag is no longer the listed one."""
        refuse_larger(info.size_bytes, uri=info.uri, max_bytes=max_bytes)
        chosen: dict[str, Any] = {"VersionId": info.version} if info.version else {}
        with self._translated(info.key):
            found = self._client.get_object(Bucket=self._bucket, Key=info.key, IfMatch=f'"{info.etag}"', **chosen)
            with closing(found["Body"]) as body, partial_file(into) as stream:
                chunks = body.iter_chunks(CHUNK_BYTES)
                digest, size_bytes = stream_to(stream, chunks, uri=info.uri, max_bytes=max_bytes)
                if found["ETag"].strip('"') != info.etag or size_bytes != info.size_bytes:
                    raise ObjectChanged(f"{info.uri}: was overwritten after it was listed")
        return Fetched(info, into, digest, size_bytes)

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write an object."""
        with self._translated(key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
        return self.head(key)

    def _info(self, key: str, size_bytes: int, etag: str, modified_at: Any, version: str = "") -> ObjectInfo:
        kept = "" if version == "null" else version
        return ObjectInfo(f"s3://{self._bucket}/{key}", key, size_bytes, etag.strip('"'), modified_at, kept)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Turn boto's errors into ours; their texts can hold credentials and signed addresses, so they are left out."""
        where = f"s3://{self._bucket}/{key}"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
            raise _error_for(code, status)(f"{where}: {code or status}") from None
        except _NO_CREDENTIALS as error:
            name = type(error).__name__
            raise StoreDenied(f"{where}: no credentials ({name}); set a profile, or LLAVA_OCR_S3_ANONYMOUS") from None
        except ParamValidationError:
            raise ConfigError(f"{where}: no name that a bucket or object can have") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"{where}: {type(error).__name__}") from None


def _error_for(code: str, status: str) -> type[StoreError]:
    """The class of our error for a code of S3, or for an HTTP status where a server gives no code."""
    for codes, error in ((_CHANGED, ObjectChanged), (_MISSING, ObjectNotFound), (_DENIED, StoreDenied)):
        if code in codes:
            return error
    if code in _BUSY or status in _BUSY:
        return StoreUnavailable
    return StoreDenied if status in _DENIED else StoreError
