"""From a document's id to its bytes on this disk, from wherever runs found it. Only places that runs read are asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from llava_ocr.db.documents import places_of
from llava_ocr.db.session import Database
from llava_ocr.errors import ExtractionError, ObjectChanged, ObjectNotFound
from llava_ocr.raster.unpacking import unpack_one
from llava_ocr.services import read_limits, read_passwords
from llava_ocr.settings import Settings
from llava_ocr.store.base import Store
from llava_ocr.store.embedded import container_of
from llava_ocr.store.local import LocalStore


@contextmanager
def original(db: Database, document_id: str, settings: Settings) -> Iterator[Path]:
    """Fetch a document for the length of a `with` block. Raises ObjectNotFound, ObjectChanged, StoreError."""
    with db.reading() as connection:
        uris = places_of(connection, document_id)
    if not uris:
        raise ObjectNotFound("nobody knows where this document lies")
    with TemporaryDirectory(prefix="llava-ocr-page-") as folder:
        yield _fetched(uris, document_id, Path(folder) / "document", settings)


def _fetched(uris: list[str], document_id: str, into: Path, settings: Settings) -> Path:
    """Fetch from the first place that still has these very bytes."""
    fault: ExtractionError | None = None
    for uri in uris:
        try:
            path = _at(uri, into, settings)
        except ExtractionError as error:
            fault = error
            continue
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == document_id:
                return path
        fault = ObjectChanged("the document was overwritten after it was read")
    assert fault is not None, uris
    raise fault


def _at(uri: str, into: Path, settings: Settings) -> Path:
    """Fetch what lies at an address; what lies inside of another document is unpacked from there."""
    store, key = _place(uri, settings)
    try:
        info = store.head(key)
    except ObjectNotFound:
        around = container_of(uri)
        if around is None:
            raise
        outer, name = around
        folder = into.with_name(f"{into.name}-inside")
        folder.mkdir(exist_ok=True)
        passwords, limits = read_passwords(settings.password_file), read_limits(settings)
        path = _at(outer, folder / "outer", settings)
        return unpack_one(path, name, folder, passwords=passwords, pdf=settings.pdf, limits=limits)
    return store.fetch(info, into, max_bytes=settings.max_bytes).path


def _place(uri: str, settings: Settings) -> tuple[Store, str]:
    if uri.startswith("s3://"):
        from llava_ocr.store.s3 import open_bucket

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return open_bucket(bucket, settings), key
    path = Path(uri)
    return LocalStore(path.parent), path.name
