"""Contents that end together."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock

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


def kept(uri: str, content: str = "d1") -> DocumentOutcome:
    return DocumentOutcome(uri, Document(content, uri, 9, "application/pdf"), 0, (), is_kept=True)


def read(uri: str, content: str = "d1") -> DocumentOutcome:
    pages = (PageOutcome(0, PageState.OK),)
    return DocumentOutcome(uri, Document(content, uri, 9, "application/pdf"), 1, pages)


def test_a_twin_ends_as_its_document_does(contents: Contents) -> None:
    assert contents.settle(kept("b")) == []
    assert [one.uri for one in contents.settle(read("a"))] == ["a", "b"]


def test_what_was_given_up_under_a_lost_lease_does_not_undo_the_second_reading(contents: Contents) -> None:
    assert contents.settle(kept("a")) == []
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
    assert contents.settle(kept("b")) == []
    assert [one.uri for one in contents.settle(read("a"))] == ["a", "b"]


def test_other_shards_stay_held(holdings: Holdings) -> None:
    first = holdings.add(Lease("run", 0, 1, "here"), [])
    holdings.add(Lease("run", 1, 3, "here"), [])
    holdings.add(Lease("another", 0, 3, "here"), [])
    assert not first.is_lost


class Guarded(UserDict[str, object]):
    """Says where it is touched without the lock."""

    def __init__(self, lock: Lock, make: Callable[[], object] | None = None) -> None:
        self.lock, self.make, self.num_touched, self.num_bare = lock, make, 0, 0
        super().__init__()

    def _touch(self) -> None:
        self.num_touched += 1
        self.num_bare += not self.lock.locked()

    def __contains__(self, key: object) -> bool:
        self._touch()
        return super().__contains__(key)

    def __setitem__(self, key: str, value: object) -> None:
        self._touch()
        super().__setitem__(key, value)

    def __getitem__(self, key: str) -> object:
        self._touch()
        return super().__getitem__(key)

    def __missing__(self, key: str) -> object:
        if self.make is None:
            raise KeyError(key)
        self[key] = self.make()
        return self[key]


def test_what_several_threads_share_is_touched_under_one_lock(contents: Contents, holdings: Holdings) -> None:
    shared = [Guarded(contents._lock), Guarded(contents._lock, list)]
    contents._ended, contents._twins = shared
    lease = Lease("run", 0, 1, "here")
    holdings.add(lease, [ObjectInfo("a", "a", 9, "e1", datetime(2026, 1, 2, tzinfo=UTC))])
    assert not contents.is_done(Document("d1", "a", 9, "application/pdf"))
    assert contents.settle(kept("b")) == []
    assert [one.uri for one in contents.settle(read("a"))] == ["a", "b"]
    contents.settle(kept("c", "d2"))
    assert [one.uri for one in contents.leave("d2")] == ["c"]
    assert contents.forget(lease) == []
    assert all(one.num_touched for one in shared) and not any(one.num_bare for one in shared)


def test_what_the_ledger_answers_to_a_lease_that_is_over_is_not_kept(holdings: Holdings) -> None:
    class Slow(Generous):
        """The lease is over before the answer is there."""

        def hold(self, lease: Lease, document_ids: Sequence[str], *, is_forced: bool) -> dict[str, Hold]:
            contents.forget(lease)
            return dict.fromkeys(document_ids, Hold.BUSY)

    contents = Contents(Slow(), holdings, is_forced=False)
    holdings.add(Lease("run", 0, 1, "here"), [ObjectInfo("a", "a", 9, "e1", datetime(2026, 1, 2, tzinfo=UTC))])
    assert contents.is_done(Document("d1", "a", 9, "application/pdf"))
    assert not contents.is_left(kept("a"))
