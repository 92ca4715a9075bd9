"""The end of a run's accounts: counting what came of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import Connection, Subquery, func, select, update

from llava_ocr.db.planning import get_run
from llava_ocr.db.rows import PAGES, READS, RUNS
from llava_ocr.ledger.balance import Balance, PageGap, end_state
from llava_ocr.ledger.order import ReadState, RunState
from llava_ocr.records import PageState


def finish_run(connection: Connection, run_id: str) -> Balance:
    """Close a run's accounts, COMPLETE or FAILED by what its order allows. May be called again after more was saved.

    A cancelled run stays so.
    """
    balance = balance_of(connection, run_id)
    arguments = json.loads(get_run(connection, run_id).order_json).get("arguments") or {}
    state = end_state(
        balance,
        max_failed_share=arguments.get("max_failed_share", 0.0),
        # A run over what is new may find nothing new to read.
        allow_empty=arguments.get("allow_empty", False) or arguments.get("is_incremental", False),
    )
    closed = update(RUNS).where(RUNS.c.id == run_id, RUNS.c.state != RunState.CANCELLED)
    connection.execute(closed.values(state=state, finished_at=datetime.now(UTC)))
    return balance


def balance_of(connection: Connection, run_id: str) -> Balance:
    """Count a run's objects and pages as they stand now. Raises DatabaseError when there is no such run."""
    get_run(connection, run_id)
    reads, read_reasons = _count_reads(connection, run_id)
    pages, page_reasons = _count_pages(connection, run_id)
    unended = select(READS.c.uri).where(READS.c.run_id == run_id, READS.c.state == ReadState.PLANNED)
    return Balance(
        expected=_expected_pages(connection, run_id),
        ok=pages[PageState.OK],
        failed=pages[PageState.FAILED],
        skipped=pages[PageState.SKIPPED],
        documents_expected=reads.total(),
        documents_ok=reads[ReadState.OK],
        documents_failed=reads[ReadState.FAILED],
        documents_skipped=reads[ReadState.SKIPPED],
        by_reason=page_reasons,
        documents_by_reason=read_reasons,
        open_uris=tuple(connection.execute(unended.order_by(READS.c.uri)).scalars()),
        gaps=_gaps(connection, run_id),
    )


def _count_reads(connection: Connection, run_id: str) -> tuple[Counter[ReadState], dict[str, int]]:
    counted = select(READS.c.state, READS.c.reason, func.count()).where(READS.c.run_id == run_id)
    states: Counter[ReadState] = Counter()
    reasons: Counter[str] = Counter()
    for state, reason, count in connection.execute(counted.group_by(READS.c.state, READS.c.reason)):
        states[state] += count
        reasons.update({reason: count} if reason else {})
    return states, dict(reasons)


def _opened(run_id: str) -> Subquery:
    """Select the documents that a run opened, each once, with what it said of its pages."""
    opened = select(
        READS.c.document_id, func.max(READS.c.num_pages).label("num_pages"), func.min(READS.c.uri).label("uri")
    )
    ended = READS.c.state.in_([ReadState.OK, ReadState.FAILED])
    return (
        opened.where(READS.c.run_id == run_id, READS.c.document_id.is_not(None), ended)
        .group_by(READS.c.document_id)
        .subquery("opened")
    )


def _expected_pages(connection: Connection, run_id: str) -> int:
    opened = _opened(run_id)
    return int(connection.execute(select(func.coalesce(func.sum(opened.c.num_pages), 0))).scalar_one())


def _count_pages(connection: Connection, run_id: str) -> tuple[Counter[PageState], dict[str, int]]:
    opened = _opened(run_id)
    counted = (
        select(PAGES.c.state, PAGES.c.reason, func.count())
        .join(opened, opened.c.document_id == PAGES.c.document_id)
        .where(PAGES.c.run_id == run_id)
        .group_by(PAGES.c.state, PAGES.c.reason)
    )
    states: Counter[PageState] = Counter()
    reasons: Counter[str] = Counter()
    for state, reason, count in connection.execute(counted):
        states[state] += count
        reasons.update({reason: count} if reason else {})
    return states, dict(reasons)


def _gaps(connection: Connection, run_id: str) -> tuple[PageGap, ...]:
    opened = _opened(run_id)
    ended = (
        select(PAGES.c.document_id, func.count().label("num"), func.max(PAGES.c.page_index).label("last"))
        .where(PAGES.c.run_id == run_id)
        .group_by(PAGES.c.document_id)
        .subquery("ended")
    )
    num_ended = func.coalesce(ended.c.num, 0)
    found = (
        select(opened.c.uri, opened.c.num_pages, num_ended)
        .outerjoin_from(opened, ended, ended.c.document_id == opened.c.document_id)
        .where((num_ended != opened.c.num_pages) | (ended.c.last >= opened.c.num_pages))
        .order_by(opened.c.uri)
    )
    return tuple(PageGap(uri, expected, num) for uri, expected, num in connection.execute(found))
