"""One content at a time."""

from __future__ import annotations

from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.ledger.leases import Lease


def held_one(ledger: Ledger, lease: Lease, document_id: str, *, is_forced: bool) -> Hold:
    """What the ledger says of a single content."""
    [answer] = ledger.hold(lease, [document_id], is_forced=is_forced).values()
    return answer
