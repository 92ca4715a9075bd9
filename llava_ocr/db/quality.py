"""Figures for the quality page: what people's verdicts say of fields, sellers and months, and how fast reading goes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Subquery, func, select

from llava_ocr.db.calibrations import examples
from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.db.rows import FIELDS, READS
from llava_ocr.db.saving import split_path
from llava_ocr.ledger.order import ReadState
from llava_ocr.review.calibration import Example

# Records whose fields are counted; the newest, since older ones say little of how it reads now.
MAX_RECORDS = 2_000
MAX_MONTHS, MAX_PARTIES, MAX_DAYS = 24, 15, 60


@dataclass(frozen=True, slots=True)
class Quality:
    """One field, seller or month: how often its fields have a value, and how often people found that right."""

    name: str
    num_records: int
    coverage: float
    num_judged: int
    num_right: int

    @property
    def accuracy(self) -> float | None:
        """The share that is right, None where nobody judged it."""
        return self.num_right / self.num_judged if self.num_judged else None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The newest records of a schema by field, by name of the other party and by month."""

    num_records: int
    fields: tuple[Quality, ...]
    parties: tuple[Quality, ...]
    months: tuple[Quality, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """A month's records in one currency."""

    month: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """What was read on a day (UTC), and how long a page took on average, None where nobody took the time."""

    day: str
    num_documents: int
    num_pages: int
    seconds_per_page: float | None


def breakdown(connection: Connection, schema: str) -> Breakdown:
    """Tell how often the fields of the newest records are there, and how often they were right where judged."""
    newest = select(LISTINGS.c.record_id, LISTINGS.c.document_id, LISTINGS.c.party, LISTINGS.c.month)
    newest = newest.where(LISTINGS.c.schema_name == schema).order_by(LISTINGS.c.record_id.desc()).limit(MAX_RECORDS)
    found = newest.subquery()
    records = connection.execute(select(found)).all()
    place = {row.document_id: (row.party, row.month) for row in records}
    judged = [one for one in examples(connection, schema) if one.document_id in place]
    parties = Counter(row.party for row in records if row.party)
    months = Counter(row.month for row in records if row.month)
    return Breakdown(
        len(records),
        _by_field(connection, found, judged),
        _by_group(connection, found, "party", parties, [(place[one.document_id][0], one.is_right) for one in judged]),
        _by_group(connection, found, "month", months, [(place[one.document_id][1], one.is_right) for one in judged]),
    )


def amounts_by_month(connection: Connection, schema: str) -> dict[str, list[Month]]:
    """Count records and add up amounts by month, for each currency, the latest months only."""
    query = select(LISTINGS.c.currency, LISTINGS.c.month, func.count(), func.sum(LISTINGS.c.amount_x10000))
    query = query.where(LISTINGS.c.schema_name == schema, LISTINGS.c.month != "")
    found: defaultdict[str, list[Month]] = defaultdict(list)
    for currency, month, count, amount in connection.execute(query.group_by(LISTINGS.c.currency, LISTINGS.c.month)):
        found[currency].append(Month(month, count, Decimal(int(amount)) / 10_000))
    ranked = sorted(found.items(), key=lambda item: -sum(month.count for month in item[1]))
    return {name: sorted(listed, key=lambda one: one.month)[-MAX_MONTHS:] for name, listed in ranked}


def throughput(connection: Connection, *, now: datetime | None = None) -> list[Day]:
    """Count what was read by day, the latest days only; what was skipped does not count."""
    since = (now or datetime.now(UTC)) - timedelta(days=MAX_DAYS)
    day = func.date(READS.c.ended_at)
    query = select(day, func.count(), func.sum(READS.c.num_pages), func.sum(READS.c.seconds))
    query = query.where(READS.c.ended_at >= since, READS.c.state.in_([ReadState.OK, ReadState.FAILED]))
    rows = connection.execute(query.where(READS.c.num_pages > 0).group_by(day).order_by(day)).all()
    return [Day(str(at), count, int(pages), seconds / pages or None) for at, count, pages, seconds in rows]


def _by_field(connection: Connection, records: Subquery, judged: Sequence[Example]) -> tuple[Quality, ...]:
    # `count` of a column leaves its nulls out.
    counted = select(FIELDS.c.name, func.count(), func.count(FIELDS.c.value_text), func.min(FIELDS.c.field_index))
    counted = counted.where(FIELDS.c.record_id.in_(select(records.c.record_id))).group_by(FIELDS.c.name)
    verdicts: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for one in judged:
        verdicts[split_path(one.reading.path)[0]][one.is_right] += 1
    rows = sorted(connection.execute(counted).all(), key=lambda row: row[3])
    return tuple(
        Quality(name, count, with_value / count, verdicts[name].total(), verdicts[name][True])
        for name, count, with_value, _ in rows
    )


def _by_group(
    connection: Connection, records: Subquery, by: str, sizes: Counter[str], judged: Sequence[tuple[str, bool]]
) -> tuple[Quality, ...]:
    """Count fields outside lists by a column of the list of records: the largest names, all months."""
    column = records.c[by]
    counted = select(column, func.count(), func.count(FIELDS.c.value_text))
    counted = counted.join_from(FIELDS, records, records.c.record_id == FIELDS.c.record_id)
    rows = connection.execute(counted.where(FIELDS.c.row_index.is_(None)).group_by(column)).all()
    coverage = {row[0]: row[2] / row[1] for row in rows}
    verdicts: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for name, is_right in judged:
        verdicts[name][is_right] += 1
    shown = sorted(sizes)[-MAX_MONTHS:] if by == "month" else [name for name, _ in sizes.most_common(MAX_PARTIES)]
    return tuple(
        Quality(name, sizes[name], coverage.get(name, 0.0), verdicts[name].total(), verdicts[name][True])
        for name in shown
    )
