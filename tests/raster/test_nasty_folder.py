"""Every file of the nasty folder is read to its end: no crash, no hang, every page accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llava_ocr.errors import ExtractionError, MissingExtra
from llava_ocr.raster.base import Limits, PageReader
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.records import PageState
from tests.raster.papers import options

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "nasty"
LIMITS = Limits(page_timeout_s=6.0, memory_bytes=2**30, max_pages=200)


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    opened = open_page_reader(options(LIMITS), num_children=2)
    yield opened
    opened.close()


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not here")
def test_all_nasty_files_are_accounted_for(reader: PageReader) -> None:
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.name != "manifest.csv")
    with ThreadPoolExecutor(2) as pool:
        ends = Counter(end for file_ends in pool.map(lambda path: account(reader, path), paths) for end in file_ends)
    assert len(paths) == 733
    assert ends["RasterCrash"] == 0, ends
    assert ends["RasterTimeout"] <= 4, ends
    assert ends["ok"] > 600, ends


def account(reader: PageReader, path: Path) -> list[str]:
    """Read a document; one reason for each of its pages, or the one it is refused for."""
    try:
        num_pages = reader.num_pages(path)
        outcomes = [page.outcome for page in reader.read(path)]
    except ExtractionError as error:
        assert error.exit_code == 3 or isinstance(error, MissingExtra), path
        return [error.reason]
    assert [outcome.page_index for outcome in outcomes] == list(range(num_pages)), path
    assert all(bool(outcome.reason) == (outcome.state is not PageState.OK) for outcome in outcomes), path
    return [outcome.reason or outcome.state.value for outcome in outcomes]
