"""Searchable copies of a source's scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.raster.base import OcrMode
from llava_ocr.searchable.documents import Desk, check_apart, make_searchable, open_reader
from llava_ocr.services import read_limits, read_passwords
from llava_ocr.settings import load_settings
from llava_ocr.store.open import open_source


class SearchableOrder(BaseModel):
    """Which documents get copies, and where these lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, description="A folder, a file, or s3://bucket/prefix")]
    out: Annotated[Path, Field(description="Folder for the copies, outside the source")]
    allow_empty: Annotated[bool, Field(description="A source without documents is no failure")] = False


@flow(name="searchable", flow_run_name="searchable copies of {order.source}", persist_result=False)
def searchable(order: SearchableOrder) -> State[str]:
    """Make what is not there yet; fails where a document did, after all the others are done."""
    settings = load_settings()
    opened, limits = open_source(order.source, settings), read_limits(settings)
    check_apart(opened, order.out)
    reader = open_reader(limits, pdf=settings.pdf, ocr=OcrMode.AUTO, num_children=1)
    num_documents = num_pages = num_failed = 0
    try:
        desk = Desk(opened, order.out, limits, reader, passwords=read_passwords(settings.password_file))
        for copy in make_searchable(opened.store.list(opened.select()), desk):
            num_documents += 1
            num_pages += copy.num_layered
            num_failed += not copy.is_ok
    finally:
        reader.close()
    told = f"{num_documents} documents, {num_pages} pages layered, {num_failed} documents with a fault"
    is_empty = not num_documents and not order.allow_empty
    return Failed(message=told) if num_failed or is_empty else Completed(message=told)
