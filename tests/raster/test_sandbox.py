"""The pool of child processes: what a page does to its child, and what the parent says of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llava_ocr.errors import (
    ConfigError,
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    RasterCrash,
    RasterOutOfMemory,
    RasterTimeout,
    UnknownFormat,
)
from llava_ocr.raster.base import Limits
from llava_ocr.raster.channel import Channel, UnreadableMessage
from llava_ocr.raster.sandbox import Sandbox, open_page_reader
from llava_ocr.records import PageState
from tests.raster.papers import options, write_pdf

TIGHT = Limits(page_timeout_s=3.0, memory_bytes=300 * 2**20, max_bytes=100_000, max_pages=50)


@pytest.fixture(scope="module")
def odd() -> Iterator[Sandbox]:
    sandbox = Sandbox(options(TIGHT), num_children=1, child_program=("-m", "tests.raster.odd_child"))
    yield sandbox
    sandbox.close()


def odd_paper(folder: Path, *deeds: str, opening: str = "-") -> Path:
    path = folder / "odd"
    path.write_text(f"%PDF-odd\n{opening}\n{' '.join(deeds)}\n")
    return path


def ends(sandbox: Sandbox, path: Path) -> list[str]:
    return [page.outcome.reason or page.outcome.state.value for page in sandbox.read(path)]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("hang", "RasterTimeout"),
        ("spin", "RasterTimeout"),
        ("SIGXCPU", "RasterTimeout"),
        ("SIGKILL", "RasterOutOfMemory"),
        ("eat", "RasterOutOfMemory"),
        ("SIGSEGV", "RasterCrash"),
        ("SIGABRT", "RasterCrash"),
        ("exit", "RasterCrash"),
        ("raise", "RasterCrash"),
    ],
)
def test_a_page_that_ends_its_child_costs_that_page_alone(odd: Sandbox, tmp_path: Path, deed: str, reason: str) -> None:
    assert ends(odd, odd_paper(tmp_path, "draw", deed, "draw")) == ["ok", reason, "ok"]


def test_pages_keep_their_numbers_after_a_death(odd: Sandbox, tmp_path: Path) -> None:
    pages = list(odd.read(odd_paper(tmp_path, "SIGSEGV", "draw", "SIGSEGV", "draw")))
    assert [page.outcome.page_index for page in pages] == [0, 1, 2, 3]
    assert pages[2].outcome.message.startswith("page 3: ")


def test_a_document_that_kills_page_after_page_is_given_up(odd: Sandbox, tmp_path: Path) -> None:
    pages = list(odd.read(odd_paper(tmp_path, *["SIGSEGV"] * 20)))
    assert [page.outcome.reason for page in pages] == ["RasterCrash"] * 20
    assert "not tried" in pages[-1].outcome.message


def test_what_a_fault_says_stays_in_the_child(odd: Sandbox, tmp_path: Path) -> None:
    [page] = odd.read(odd_paper(tmp_path, "raise"))
    assert "secret" not in page.outcome.message
    assert "LookupError" in page.outcome.message


@pytest.mark.parametrize(
    ("deed", "error"), [("hang", RasterTimeout), ("SIGSEGV", RasterCrash), ("eat", RasterOutOfMemory)]
)
def test_a_death_on_opening_is_the_documents(odd: Sandbox, tmp_path: Path, deed: str, error: type[Exception]) -> None:
    path = odd_paper(tmp_path, "draw", opening=deed)
    with pytest.raises(error):
        odd.num_pages(path)
    with pytest.raises(error):
        list(odd.read(path))


def test_a_reading_left_half_way_frees_its_child(odd: Sandbox, tmp_path: Path) -> None:
    path = odd_paper(tmp_path, *["draw"] * 9)
    reading = odd.read(path)
    next(reading)
    reading.close()
    assert ends(odd, path) == ["ok"] * 9


def test_threads_share_the_children(tmp_path: Path) -> None:
    paths = [write_pdf(tmp_path / str(n), 1 + n % 3) for n in range(12)]
    sandbox = open_page_reader(options(), num_children=2)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda path: (sandbox.num_pages(path), len(list(sandbox.read(path)))), paths))
    sandbox.close()
    assert counts == [(1 + n % 3,) * 2 for n in range(12)]


def test_closing_leaves_no_process_behind(tmp_path: Path) -> None:
    sandbox = Sandbox(options(), num_children=1)
    sandbox.num_pages(write_pdf(tmp_path / "a"))
    [child] = sandbox._alive
    sandbox.close()
    assert not child.is_alive


def test_what_needs_no_child_starts_none(tmp_path: Path) -> None:
    sandbox = Sandbox(options(TIGHT), num_children=1, child_program=("-c", "raise SystemExit(9)"))
    cases = {b"": EmptyDocument, b"%PDF-" + bytes(200_000): DocumentTooLarge, b"hello": UnknownFormat}
    for content, error in cases.items():
        path = tmp_path / "case"
        path.write_bytes(content)
        with pytest.raises(error):
            sandbox.num_pages(path)


def test_a_child_that_can_not_start_is_no_documents_fault(tmp_path: Path) -> None:
    sandbox = Sandbox(options(), num_children=1, child_program=("-c", "raise SystemExit(9)"))
    with pytest.raises(ConfigError, match="exit 9"):
        sandbox.num_pages(write_pdf(tmp_path / "a"))
    sandbox.close()


def test_a_document_that_shrinks_between_children_is_accounted_for(odd: Sandbox, tmp_path: Path) -> None:
    path = odd_paper(tmp_path, "draw", "SIGSEGV", "draw", "draw")
    reading = odd.read(path)
    next(reading)
    odd_paper(tmp_path, "draw")
    assert [page.outcome.reason for page in reading] == ["RasterCrash", "CorruptDocument", "CorruptDocument"]


def test_a_refusal_keeps_its_class(tmp_path: Path) -> None:
    sandbox = Sandbox(options(), num_children=1)
    path = tmp_path / "broken"
    path.write_bytes(b"%PDF-1.4\nnothing")
    with pytest.raises(CorruptDocument):
        sandbox.num_pages(path)
    sandbox.close()


def test_the_parent_unpickles_nothing_but_pages() -> None:
    ours, theirs = (Channel(end) for end in socket.socketpair())
    theirs.send(threading.Timer)
    with pytest.raises(UnreadableMessage):
        ours.receive_page(timeout_s=1)
    ours.close()
    theirs.close()


def test_silence_is_a_timeout() -> None:
    ours, theirs = (Channel(end) for end in socket.socketpair())
    with pytest.raises(TimeoutError):
        ours.receive_page(timeout_s=0.05)
    ours.close()
    theirs.close()


def test_the_child_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'prefect', 'transformers', 'rapidocr', 'sqlalchemy', 'boto3'}"
    program = f"import sys, llava_ocr.raster.child as c; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("taken", [(PageState, "OK"), (int, "__subclasses__")])
def test_of_attributes_only_members_of_enumerations_are_unpickled(taken: tuple[type, str]) -> None:
    """Python before 3.11.4 pickles a member as an attribute of its class."""

    class Attribute:
        def __reduce__(self) -> tuple[object, tuple[type, str]]:
            return getattr, taken

    ours, theirs = (Channel(end) for end in socket.socketpair())
    theirs.send(Attribute())
    if taken[0] is PageState:
        assert ours.receive_page(timeout_s=1) is PageState.OK
    else:
        with pytest.raises(UnreadableMessage):
            ours.receive_page(timeout_s=1)
    ours.close()
    theirs.close()
