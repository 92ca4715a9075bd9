"""Writing outcomes down with all that hangs on them: erased documents stay away, people's words and the list follow."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from llava_ocr.db import addresses, links, listings, planning, saving
from llava_ocr.db.tombstones import part_erased
from llava_ocr.records import DocumentOutcome


def keep(connection: Connection, run_id: str, outcomes: Sequence[DocumentOutcome]) -> None:
    """Write what came of documents inside the caller's transaction. Raises DatabaseError when there is no such run.

    Documents that were erased are not kept again; the run skips them.
    """
    kept, erased = part_erased(connection, outcomes)
    written = saving.save(connection, run_id, kept)
    links.link_pixels(connection, kept)
    listings.renew(connection, written)
    planning.skip(connection, run_id, erased)
    addresses.follow(connection, run_id, written.moved)
