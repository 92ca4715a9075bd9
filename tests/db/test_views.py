"""The typed views: what an analyst queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import text

from llava_ocr.db.session import Database, open_database
from llava_ocr.db.views import views_of
from llava_ocr.errors import BadSchema, DatabaseError
from llava_ocr.records import FieldState
from llava_ocr.schema import DocumentSchema, Money, Text, group, read
from tests.db.made import HUGE, ORDER, Bill, Seller, document, fields, outcome, reading, record


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(Bill)
        yield database


def query(db: Database, sql: str) -> list[tuple[object, ...]]:
    with db.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def save_totals(db: Database, *totals: str) -> None:
    documents = [document(f"{number}.pdf") for number in range(len(totals))]
    values = [fields(number=f"R-{number}", total=total) for number, total in enumerate(totals)]
    db.save(db.start_run(ORDER), [outcome(d, record(d, values=v)) for d, v in zip(documents, values, strict=True)])


def test_view_has_a_typed_row_a_record(db: Database) -> None:
    save_totals(db, "-12.50")
    [row] = query(db, "SELECT number, issue_date, seller_name, seller_name_state, total, total_page_index FROM bill")
    is_sqlite = db.engine.dialect.name == "sqlite"
    assert row == (
        "R-0",
        "2026-01-31" if is_sqlite else date(2026, 1, 31),
        None,
        "absent",
        -12.5 if is_sqlite else Decimal("-12.50"),
        0,
    )


def test_sums_and_order_are_exact(db: Database) -> None:
    save_totals(db, "9.10", "100.20", "-0.30", str(HUGE))
    [(total,)] = query(db, "SELECT SUM(total_x10000) FROM bill")
    assert Decimal(int(total)) / 10_000 == HUGE + Decimal("109.00")
    ordered = query(db, "SELECT total_exact FROM bill ORDER BY total_x10000")
    assert ordered == [("-0.30",), ("9.10",), ("100.20",), (str(HUGE),)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT total_exact FROM bill WHERE total = (SELECT MAX(total) FROM bill)", ["1000.00"]),
        ("SELECT total_exact FROM bill WHERE total = (SELECT MIN(total) FROM bill)", ["-20.00"]),
        ("SELECT total_exact FROM bill ORDER BY total DESC", ["1000.00", "200.50", "99.90", "9.10", "-20.00"]),
        ("SELECT total_exact FROM bill WHERE total > 100 ORDER BY total", ["200.50", "1000.00"]),
        ("SELECT total_exact FROM bill WHERE total = 9.1", ["9.10"]),
        ("SELECT total_exact FROM bill WHERE total BETWEEN 9 AND 99.9 ORDER BY total", ["9.10", "99.90"]),
        ("SELECT COUNT(*) FROM bill WHERE total / 2 = 500", [1]),
        ("SELECT line_total_exact FROM bill_lines WHERE line_total > 3 ORDER BY line_total", ["12.50"] * 5),
        ("SELECT COUNT(*) FROM bill_lines WHERE quantity = 1", [5]),
    ],
)
def test_amounts_are_numbers_to_sql(db: Database, sql: str, expected: list[object]) -> None:
    save_totals(db, "99.90", "1000.00", "9.10", "-20.00", "200.50")
    assert [value for (value,) in query(db, sql)] == expected


def test_lines_view_has_a_row_a_line(db: Database) -> None:
    one = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(one, record(one, values=fields(lines=("1.00", "2.00", "10.00"))))])
    rows = query(db, "SELECT row_index, description, line_total_x10000 FROM bill_lines ORDER BY row_index")
    assert rows == [(0, "item 0", 10_000), (1, "item 1", 20_000), (2, "item 2", 100_000)]


def test_lines_join_their_record(db: Database) -> None:
    save_totals(db, "1.00", "2.00")
    joined = "SELECT COUNT(*) FROM bill JOIN bill_lines ON bill_lines.record_id = bill.record_id"
    assert query(db, joined) == [(2,)]


def test_only_current_records_are_shown(db: Database) -> None:
    save_totals(db, "1.00")
    one = document("0.pdf")
    newer = record(one, engine="engine-2", values=fields(total="2.00"))
    db.save(db.start_run(replace(ORDER, engine_fingerprint="engine-2")), [outcome(one, newer)])
    assert query(db, "SELECT total_x10000 FROM bill") == [(20_000,)]


def test_record_without_fields_is_a_row(db: Database) -> None:
    one = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(one, record(one, values=(reading("total", None),)))])
    assert query(db, "SELECT uri, total, number_state FROM bill") == [(one.uri, None, None)]


def test_value_of_another_type_is_left_out_of_a_typed_column(db: Database) -> None:
    one = document("a.pdf")
    odd = replace(reading("total", "twelve"), state=FieldState.UNGROUNDED)
    db.save(db.start_run(ORDER), [outcome(one, record(one, values=(odd,)))])
    assert query(db, "SELECT total, total_text, total_state FROM bill") == [(None, "twelve", "ungrounded")]


def test_view_follows_the_schema(db: Database) -> None:
    class Wider(DocumentSchema):
        """A bill, one field more."""

        number: Text | None = read("Number")
        note: Text | None = read("Note")

    Wider.__name__ = "Bill"
    db.refresh_views(Wider)
    assert query(db, "SELECT number, note FROM bill") == []


def test_refreshing_an_unchanged_view_keeps_it(db: Database) -> None:
    with db.writing() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT number FROM bill"))
    db.refresh_views(Bill)
    assert query(db, "SELECT * FROM mine") == []


def test_view_that_others_build_on_is_not_torn_away(postgres_url: str) -> None:
    class Changed(DocumentSchema):
        number: Text | None = read("Number")

    Changed.__name__ = "Bill"
    with open_database(postgres_url) as db:
        db.upgrade()
        db.refresh_views(Bill)
        with db.writing() as connection:
            connection.execute(text("CREATE VIEW mine AS SELECT number FROM bill"))
        with pytest.raises(DatabaseError, match="depend on it"):
            db.refresh_views(Changed)
        assert query(db, "SELECT total FROM bill") == []


def test_view_that_is_gone_is_noticed_and_made_again(db: Database) -> None:
    with db.writing() as connection:
        connection.execute(text("DROP VIEW bill"))
    assert db.check().problems == ("the view bill is gone; it comes back with the next run of schema bill",)
    db.refresh_views(Bill)
    assert db.check().is_ok


def test_views_of_others_are_left_alone(db: Database) -> None:
    class Payslip(DocumentSchema):
        total: Money | None = read("Total")

    with db.writing() as connection:
        connection.execute(text("CREATE VIEW payslip AS SELECT 1 AS one"))
    with pytest.raises(DatabaseError, match="not ours"):
        db.refresh_views(Payslip)
    assert query(db, "SELECT one FROM payslip") == [(1,)]


def test_clashing_columns_are_a_bad_schema() -> None:
    class Twice(DocumentSchema):
        schema_version: ClassVar[int] = 1
        seller: Seller = group(Seller, "Seller")
        seller_name: Text | None = read("Seller's name")

    with pytest.raises(BadSchema, match="two columns seller_name"):
        views_of(Twice)


def test_schema_named_like_a_table_is_refused() -> None:
    class Records(DocumentSchema):
        total: Money | None = read("Total")

    with pytest.raises(BadSchema, match="choose another name"):
        views_of(Records)
