"""Contents that end together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.holdings import Contents, Holdings
from llava_ocr.ledger.leases import Lease
from llava_ocr.records import Document, DocumentOutcome, PageOutcome, PageState


class Generous(Ledger):
    """Lets everybody read everything."""

    def __init__(self) -> None:
        pass

    def hold(self, lease: Lease, document_ids: Sequence[str], *, is_forced: bool) -> dict[str, Hold]:
        return dict.fromkeys(document_ids, Hold.MINE)


@pytest.fixture
def contents() -> Contents:
    return Contents(Generous(), Holdings(), is_forced=False)


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
