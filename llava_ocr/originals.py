"""From a document's id to its bytes on this disk, from wherever runs found it. Only places that runs read are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from llava_ocr.db.documents import places_of
from llava_ocr.db.session import Database
from llava_ocr.errors import ExtractionError, ObjectChanged, ObjectNotFound
from llava_ocr.settings import Settings
from llava_ocr.store.base import Store
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
            store, key = _place(uri, settings)
            fetched = store.fetch(store.head(key), into, max_bytes=settings.max_bytes)
        except ExtractionError as error:
            fault = error
            continue
        if fetched.id == document_id:
            return into
        fault = ObjectChanged("the document was overwritten after it was read")
    assert fault is not None, uris
    raise fault


def _place(uri: str, settings: Settings) -> tuple[Store, str]:
    if uri.startswith("s3://"):
        from llava_ocr.store.s3 import open_bucket

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return open_bucket(bucket, settings), key
    path = Path(uri)
    return LocalStore(path.parent), path.name
