"""PDFs inside of PDFs are documents of their own: read, accounted for, fetched and erased under `x.pdf#name.pdf`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.db.erase import documents_named
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import CorruptDocument, DocumentTooLarge, EngineUnavailable, ExtractionError
from llava_ocr.originals import original
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.question import Question
from llava_ocr.raster.base import Limits, PageRead, PdfLibrary
from llava_ocr.raster.sandbox import Sandbox
from llava_ocr.raster.unpacking import unpack
from llava_ocr.records import DocumentOutcome
from llava_ocr.run import ExtractOrder, RunEnd, begin, breaking_off, end, listed
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import ObjectInfo, Selection
from llava_ocr.store.embedded import container_of, inside, names_inside
from llava_ocr.store.memory import MemoryStore
from llava_ocr.work import read
from schemas.receipt import Receipt
from tests.fakes import JsonReader
from tests.raster.papers import options
from tests.runs import CountingStore, FakeServices, FlakyEngine, start

Inside = dict[str, "Inside | str"]


def box(text: str, **inside_of: Any) -> dict[str, Any]:
    """A document for `BoxReader`: a page, and others inside."""
    return {"pages": [text], "inside": inside_of}


class BoxReader(JsonReader):
    """Reads JSON papers that hold others."""

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        held = json.loads(path.read_bytes()).get("inside", {})
        for page in super().read(path, passwords):
            yield replace(page, embedded=tuple(held)) if page.outcome.page_index == 0 else page


def unpack_json(path: Path, names: Sequence[str], folder: Path) -> dict[str, Path | ExtractionError]:
    held, found = json.loads(path.read_bytes())["inside"], dict[str, Path | ExtractionError]()
    for number, name in enumerate(names):
        (folder / str(number)).write_text(json.dumps(held[name]))
        found[name] = folder / str(number) if held[name] else CorruptDocument("nothing in it")
    return found


def read_all(document: dict[str, Any], **changes: Any) -> dict[str, DocumentOutcome]:
    store = MemoryStore()
    store.put("x", json.dumps(document).encode())
    line = Line(
        store=store,
        reader=BoxReader(),
        engine=ScriptedEngine(),
        question=Question.about(Receipt, max_new_tokens=64),
        is_done=lambda _: False,
        max_bytes=100_000,
        passwords=(),
        num_fetchers=2,
        batch_size=4,
        unpack=unpack_json,
    )
    outcomes = list(extract_all(store.list(Selection()), replace(line, **changes)))
    assert len({one.uri for one in outcomes}) == len(outcomes)
    return {one.uri.removeprefix("memory://"): one for one in outcomes}


def test_what_lies_inside_is_read_by_itself() -> None:
    found = read_all(box("cover", **{"a.pdf": box("one"), "b.pdf": box("two", **{"c.pdf": box("three")})}))
    assert sorted(found) == ["x", "x#a.pdf", "x#b.pdf", "x#b.pdf#c.pdf"]
    assert all(one.is_ok and one.num_pages == 1 for one in found.values())
    assert len({one.document.id for one in found.values() if one.document}) == 4


def test_one_that_is_broken_costs_itself_alone() -> None:
    found = read_all(box("cover", **{"a.pdf": {}, "b.pdf": box("two")}))
    assert {uri: one.reason for uri, one in found.items()} == {"x": "", "x#a.pdf": "CorruptDocument", "x#b.pdf": ""}


def test_what_lies_too_deep_is_refused_and_said() -> None:
    found = read_all(box("0", a=box("1", b=box("2", c=box("3", d=box("4"))))))
    assert {uri: one.reason for uri, one in found.items()} == {
        "x": "",
        "x#a": "",
        "x#a#b": "",
        "x#a#b#c": "TooManyEmbedded",
    }


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 6), st.integers(0, 3))
def test_no_more_are_read_than_allowed_and_the_rest_is_said_once(num_outer: int, num_inner: int) -> None:
    inner = {f"i{n}": box(f"inner {n}") for n in range(num_inner)}
    outer = {f"o{n}": box(f"outer {n}", **inner) for n in range(num_outer)}
    found = read_all(box("cover", **outer), max_embedded=5)
    refused = [uri for uri, one in found.items() if one.reason]
    num_read = len(found) - 1 - len(refused)
    assert num_read == min(5, num_outer * (1 + num_inner))
    assert all(found[uri].reason == "TooManyEmbedded" for uri in refused)
    assert bool(refused) == (num_outer * (1 + num_inner) > 5)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = opened(tmp_path, ScriptedEngine())
    yield services
    services.close()


def opened(folder: Path, engine: ScriptedEngine) -> FakeServices:
    services = FakeServices(f"sqlite:///{folder / 'records.db'}", engine=engine, batch_size=1)
    services.__dict__["reader"], services.__dict__["unpack"] = BoxReader(), unpack_json
    return services


def order_of(folder: Path) -> ExtractOrder:
    return ExtractOrder(source=str(folder), schema_name="receipt")


def run(services: FakeServices, store: MemoryStore, folder: Path) -> RunEnd:
    started = start(order_of(folder), services, store)
    with breaking_off(started):
        read(started, listed(started.order, started.source))
    return end(started, seconds=0.0)


TWO = box("cover", **{"a.pdf": box("one"), "b.pdf": box("two"), "again.pdf": box("one")})


def test_the_accounts_of_a_run_hold_what_came_up_on_the_way(services: FakeServices, tmp_path: Path) -> None:
    store = CountingStore()
    store.put("x.pdf", json.dumps(TWO).encode())
    first = run(services, store, tmp_path)
    assert first.balance.is_balanced
    # One content under two names is read once.
    assert (first.balance.documents_expected, first.balance.documents_ok, first.num_records) == (4, 3, 3)
    later = run(services, store, tmp_path)
    assert (later.balance.documents_expected, later.balance.documents_skipped, store.fetched["x.pdf"]) == (1, 1, 1)


def test_a_run_that_broke_off_inside_goes_on_there(services: FakeServices, tmp_path: Path) -> None:
    store = CountingStore()
    store.put("x.pdf", json.dumps(TWO).encode())
    broken = opened(tmp_path, FlakyEngine(EngineUnavailable("gone"), num_good=1, for_ever=True))
    with pytest.raises(EngineUnavailable):
        run(broken, store, tmp_path)
    broken.close()
    ended = run(services, store, tmp_path)
    assert ended.balance.is_balanced
    assert (ended.balance.documents_expected, ended.balance.documents_ok) == (4, 3)


def attached(name: str, data: bytes, path: Path) -> Path:
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 72), f"Cover of {name}")
        pdf.embfile_add(name, data, filename=name)
        pdf.save(str(path))
    return path


@pytest.mark.parametrize("library", PdfLibrary)
def test_a_page_of_a_document_inside_is_found_again(tmp_path: Path, library: PdfLibrary) -> None:
    source = tmp_path / "source"
    source.mkdir()
    innermost = attached("note.txt", b"left alone", tmp_path / "innermost")
    middle = attached("in#most 100%.pdf", innermost.read_bytes(), tmp_path / "middle")
    attached("middle.pdf", middle.read_bytes(), source / "x#1.pdf")
    settings = override(
        Settings(), db=f"sqlite:///{tmp_path / 'r.db'}", engine="scripted", workers=1, pdf=library, ocr="never"
    )
    services = FakeServices(settings.db)
    services.settings = settings
    services.__dict__["reader"] = Sandbox(options(pdf=library), num_children=1)
    started = begin(order_of(source), services)
    read(started, listed(started.order, started.source))
    assert end(started, seconds=0.0).balance.documents_ok == 3
    container = source / "x#1.pdf"
    found = documents_named(services.database, "x#1.pdf")
    # Who erases a document erases what lies inside of it.
    assert sorted(found.values()) == [
        f"{container}",
        f"{container}#middle.pdf",
        f"{container}#middle.pdf#in%23most 100%25.pdf",
    ]
    by_uri = {uri: document_id for document_id, uri in found.items()}
    with original(services.database, by_uri[f"{container}#middle.pdf#in%23most 100%25.pdf"], settings) as path:
        assert path.read_bytes() == innermost.read_bytes()
    services.close()


@pytest.mark.parametrize("library", PdfLibrary)
def test_what_is_too_large_when_unpacked_is_not(tmp_path: Path, library: PdfLibrary) -> None:
    path = attached("bomb.pdf", b"%PDF-1.7" + bytes(3_000_000), tmp_path / "x.pdf")
    assert path.stat().st_size < 100_000
    (tmp_path / "out").mkdir()
    limits = replace(Limits(), max_bytes=1_000_000)
    found = unpack(path, ["bomb.pdf"], tmp_path / "out", passwords=(), pdf=library, limits=limits)
    assert isinstance(found["bomb.pdf"], DocumentTooLarge)
    assert list((tmp_path / "out").iterdir()) == []


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
keys = st.from_regex(r"[a-z#%]{1,5}(/[a-z#%]{1,5}){0,2}", fullmatch=True)


@given(keys, st.lists(names, max_size=3))
def test_addresses_say_where_a_document_lies(key: str, inner: list[str]) -> None:
    info = ObjectInfo(f"s3://bucket/{key}", key, 1, "e", datetime.now(UTC))
    for name in inner:
        around, info = info, inside(info, name)
        assert container_of(info.uri) == (around.uri, name)
    assert names_inside(info) == tuple(inner)
