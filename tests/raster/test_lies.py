"""Whatever a child says, the parent ends with an outcome for each page or an error that is the document's."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llava_ocr.errors import InputError
from llava_ocr.geometry import Grid, Size
from llava_ocr.raster.base import Limits, PageRead
from llava_ocr.raster.channel import Ended, Opened, Ready, Refused, StillAtIt
from llava_ocr.raster.packing import PackedLayout, PackedPage
from llava_ocr.raster.sandbox import Sandbox
from llava_ocr.records import PageOutcome, PageState, WordReader
from llava_ocr.tiles.tiled import TiledRaster
from tests.raster.papers import options

LIMITS = Limits(page_timeout_s=5.0, max_pages=4)
oddities = st.sampled_from(
    (
        *(None, True, -1, 0, 1, 10**15, 0.5, float("nan"), "", "x", "a\0b", "\ud800", "CorruptPage", "ConfigError"),
        *(b"", (), (1,), PageState.OK, PageState.FAILED, PageState.SKIPPED, WordReader.NONE),
        *(Grid(0, 0), Grid(-1, 2), Size(0, 1), np.zeros((1, 4)), np.full((1, 4), np.nan)),
        *(np.zeros((112, 112, 3), np.uint8), np.zeros((0, 112, 112, 3), np.uint8)),
    )
)
outcomes = st.builds(PageOutcome, st.integers(0, 2), st.sampled_from(PageState), st.sampled_from(["", "CorruptPage"]))
rasters = st.builds(
    TiledRaster,
    st.just(np.zeros((112, 112, 3), np.uint8)) | oddities,
    st.just(np.zeros((0, 112, 112, 3), np.uint8)) | oddities,
    st.just(Grid(0, 0)) | oddities,
    st.just(Size(80, 112)) | oddities,
    st.just(70.0) | oddities,
)
layouts = st.builds(
    PackedLayout,
    *(st.sampled_from(["Total", "A\nB"]) | oddities, st.just(np.ones(1)) | oddities),
    *[st.just(np.ones((1, 4)) * 0.5) | oddities] * 3,
    st.just((((0,),),)) | oddities,
    st.just(0.7) | oddities,
)
reads = st.builds(
    PageRead, outcomes | oddities, st.none() | rasters | oddities, reader=st.just(WordReader.OCR) | oddities
)
pages = st.builds(PackedPage, reads | oddities, st.none() | layouts | oddities)
messages = st.one_of(
    st.builds(Opened, st.integers(1, 3) | oddities),
    st.builds(
        Refused, st.sampled_from(["CorruptDocument", "NeedsPassword", "LeaseLost", "Nothing"]) | oddities, oddities
    ),
    st.builds(Ended, st.booleans() | oddities),
    st.sampled_from([Ready(), StillAtIt()]),
    pages,
    reads,
    oddities,
)
bodies = messages.map(lambda message: pickle.dumps(message, protocol=5)) | st.sampled_from(
    [
        b"",
        b"junk",
        b"cposix\nsystem\n.",
        b"cllava_ocr.records\nPageState\n(Vnone\ntR.",
        b"(" * 500,
        b"\x80\x05X\xff\xff\xff\x7f",
    ]
)


@pytest.fixture(scope="module")
def liar() -> Iterator[Sandbox]:
    sandbox = Sandbox(options(LIMITS), num_children=1, child_program=("-m", "tests.raster.lying_child"))
    yield sandbox
    sandbox.close()


def document(folder: Path, said: list[bytes]) -> Path:
    path = folder / "lie"
    path.write_bytes(b"%PDF-lie\n" + pickle.dumps(said))
    return path


def read(liar: Sandbox, path: Path) -> list[PageRead] | InputError:
    try:
        return list(liar.read(path))
    except InputError as error:
        return error


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(bodies, max_size=4), st.sampled_from([[], [pickle.dumps(Opened(2))]]))
def test_whatever_a_child_says_ends_as_an_outcome(
    liar: Sandbox, tmp_path: Path, said: list[bytes], before: list[bytes]
) -> None:
    ended = read(liar, document(tmp_path, before + said))
    if isinstance(ended, list):
        assert [page.outcome.page_index for page in ended] == list(range(len(ended))) and 0 < len(
            ended
        ) <= LIMITS.max_pages
        for page in ended:
            is_ok = page.outcome.state is PageState.OK
            assert is_ok == (not page.outcome.reason)
            assert (page.raster is not None) == (page.layout is not None) == (is_ok and not page.einvoice)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([Opened(2), 7], "RasterCrash"),
        ([Opened(2), PageRead(PageOutcome(0, PageState.OK))], "RasterCrash"),
        ([Opened(2), *[StillAtIt()] * 50], "RasterCrash"),
        ([Opened(2), PackedPage(PageRead(PageOutcome(5, PageState.SKIPPED, "blank")), None)], "RasterCrash"),
        ([Opened(2), Opened(1)], "RasterCrash"),
    ],
)
def test_a_wrong_answer_costs_its_page(liar: Sandbox, tmp_path: Path, said: list[object], reason: str) -> None:
    ended = read(liar, document(tmp_path, [pickle.dumps(each) for each in said]))
    assert isinstance(ended, list)
    assert [page.outcome.reason for page in ended] == [reason] * 2


@pytest.mark.parametrize(
    "said", [[Ended(False)], [Refused("NoSuchError", "")], [Refused("StoreError", "")], [Ready()], []]
)
def test_an_opening_that_is_none_is_the_documents_fault(liar: Sandbox, tmp_path: Path, said: list[object]) -> None:
    path = document(tmp_path, [pickle.dumps(each) for each in said])
    assert isinstance(read(liar, path), InputError)
    with pytest.raises(InputError):
        liar.num_pages(path)
