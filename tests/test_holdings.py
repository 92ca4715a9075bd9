"""Contents that end together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.holdings import Contents, Holdings
from llava_ocr.ledger.leases import Lease
from llava_ocr.records import Document, DocumentOutcome, PageOutcome, PageState
from llava_ocr.store.base import ObjectInfo


class Generous(Ledger):
    """Lets everybody read everything."""

    def __init__(self) -> None:
        pass

    def hold(self, lease: Lease, document_ids: Sequence[str], *, is_forced: bool) -> dict[str, Hold]:
        return dict.fromkeys(document_ids, Hold.MINE)


@pytest.fixture
def holdings() -> Holdings:
    return Holdings()


@pytest.fixture
def contents(holdings: Holdings) -> Contents:
    return Contents(Generous(), holdings, is_forced=False)


def kept(uri: str) -> DocumentOutcome:
    return DocumentOutcome(uri, Document("d1", uri, 9, "application/pdf"), 0, (), is_kept=True)


def read(uri: str) -> DocumentOutcome:
    pages = (PageOutcome(0, PageState.OK),)
    return DocumentOutcome(uri, Document("d1", uri, 9, "application/pdf"), 1, pages)


def test_a_twin_ends_as_its_document_does(contents: Contents) -> None:
    assert list(contents.settle(kept("b"))) == []
    assert [one.uri for one in contents.settle(read("a"))] == ["a", "b"]


def test_what_was_given_up_under_a_lost_lease_does_not_undo_the_second_reading(contents: Contents) -> None:
    assert list(contents.settle(kept("a"))) == []
    assert [(one.uri, one.is_kept) for one in contents.settle(read("a"))] == [("a", False)]
    assert [(one.uri, one.is_kept) for one in contents.settle(kept("b"))] == [("b", True)]


def test_what_ended_under_a_lease_that_is_claimed_again_here_is_read_again(
    contents: Contents, holdings: Holdings
) -> None:
    document, info = (
        Document("d1", "a", 9, "application/pdf"),
        ObjectInfo("a", "a", 9, "e1", datetime(2026, 1, 2, tzinfo=UTC)),
    )
    first = holdings.add(Lease("run", 0, 1, "here"), [info])
    assert not contents.is_done(document)
    # Ended, and about to be written, but nobody has told yet that the lease is gone.
    assert [one.uri for one in contents.settle(read("a"))] == ["a"]
    holdings.add(Lease("run", 0, 3, "here"), [info])
    assert first.is_lost
    assert not contents.is_done(document)
    assert list(contents.settle(kept("b"))) == []
    assert [one.uri for one in contents.settle(read("a"))] == ["a", "b"]


def test_other_shards_stay_held(holdings: Holdings) -> None:
    first = holdings.add(Lease("run", 0, 1, "here"), [])
    holdings.add(Lease("run", 1, 3, "here"), [])
    holdings.add(Lease("another", 0, 3, "here"), [])
    assert not first.is_lost
