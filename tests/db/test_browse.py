"""Lists of records: every record once, whatever the order and the page size; corrections, search, erasure."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text

from llava_ocr.db.browse import ORDERS, Filter, list_page, next_to_review
from llava_ocr.db.counts import count_cells, facets_of, num_waiting, sampled_facet, totals_of
from llava_ocr.db.erase import documents_about, erase_document, erase_subject
from llava_ocr.db.mentions import mentions_of
from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.db.reviewing import approve_record, correct_field, undo
from llava_ocr.db.rows import READS
from llava_ocr.db.saved_filters import save_filter
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.truth import reviewed_records, truth_line
from llava_ocr.ledger.order import ReadState, Stage
from llava_ocr.records import PageOutcome, PageState, Word, WordReader
from llava_ocr.schema import tree
from tests.db.made import EVIDENCE, ORDER, Bill, document, fields, outcome, reading, record

PAPERS = [document(f"{number}.pdf") for number in range(7)]


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(Bill)
        run_id = database.start_run(ORDER)
        for number, paper in enumerate(PAPERS):
            values = fields(f"Rés-{number}", total=f"{number % 3}.50")
            page = PageOutcome(0, PageState.OK, reader=WordReader.OCR, words=(Word("Überweisung", EVIDENCE.boxes[0]),))
            made = replace(outcome(paper, record(paper, values=values)), pages=(page,))
            database.save(run_id, [made])
        yield database


def ids(db: Database, q: str = "", **wanted: str) -> list[int]:
    with db.reading() as connection:
        return [row.record_id for row in list_page(connection, Filter(q=q, **wanted)).rows]


@pytest.mark.parametrize("order", list(ORDERS))
def test_paging_shows_every_record_once(db: Database, order: str) -> None:
    seen: list[int] = []
    after = ""
    with db.reading() as connection:
        while True:
            found = list_page(connection, Filter(), order=order, after=after, size=2)
            seen += [row.record_id for row in found.rows]
            after = found.after
            if not after:
                break
    assert sorted(seen) == sorted(set(seen)) and len(seen) == 7


def test_search_finds_values_and_words_of_pages(db: Database) -> None:
    assert len(ids(db, "res-3")) == 1 and len(ids(db, "uberweis")) == 7 and ids(db, "zzz") == []
    for odd in ('"', "' OR 1=1 --", "a & b | c:*", "NEAR(x)", "*", "-"):
        ids(db, odd)


def test_totals_and_facets_agree_with_the_list(db: Database) -> None:
    with db.reading() as connection:
        cells = count_cells(connection, Filter())
        runs = sampled_facet(connection, Filter(), "run")
    found, counted = totals_of(cells, Filter()), facets_of(cells, Filter(schema="bill"))
    assert (found.count, found.amounts) == (7, (("", Decimal("9.5000")),))
    assert counted["schema"].values == (("bill", 7),) and sum(count for _, count in counted["month"].values) == 7
    assert sum(count for _, count in runs.values) == 7 and num_waiting(cells) == len(ids(db, status="to_check"))
    assert totals_of(cells, Filter(schema="other")).count == 0


def test_cells_are_those_of_the_search_and_the_name(db: Database) -> None:
    with db.reading() as connection:
        [party] = [row.party for row in list_page(connection, Filter(q="res-3")).rows]
        for wanted in (Filter(q="res-3"), Filter(party=party, status="to_check")):
            count = totals_of(count_cells(connection, wanted), wanted).count
            assert count == len(list_page(connection, wanted).rows)


def test_corrections_reach_the_views_and_the_list(db: Database) -> None:
    [wanted] = ids(db, "res-3")
    correct_field(db, wanted, Bill, reading("number", "NEW-9"), who="ann")
    assert ids(db, "new-9") == [wanted] and ids(db, "res-3") == []
    with db.reading() as connection:
        shown = connection.execute(text("SELECT number FROM bill WHERE record_id = :id"), {"id": wanted}).scalar_one()
    assert shown == "NEW-9"
    undo(db, wanted, Bill, who="ann")
    assert ids(db, "res-3") == [wanted]


def test_a_repeated_save_keeps_a_correction(db: Database) -> None:
    [wanted] = ids(db, "res-3")
    correct_field(db, wanted, Bill, reading("number", "NEW-9"), who="ann")
    db.save(db.start_run(ORDER), [outcome(PAPERS[3], record(PAPERS[3], values=fields("Rés-3")))])
    assert ids(db, "new-9") == [wanted]


def test_approved_records_leave_the_queue_and_become_truth(db: Database) -> None:
    [wanted] = ids(db, "res-3")
    approve_record(db, wanted, Bill, who="ann")
    with db.reading() as connection:
        assert next_to_review(connection, Filter()) != wanted
        [found] = reviewed_records(connection, "bill")
    line = truth_line(found, tree(Bill), file="a.pdf")
    assert line["fields"]["number"] == "Rés-3" and line["fields"]["total"] == "0.50" and line["complete"]
    assert line["visible"]["lines"] and {one["path"] for one in line["printed"]} >= {"number", "lines[0].line_total"}


def test_erasing_leaves_a_tombstone_and_nothing_else(db: Database) -> None:
    [document_id] = documents_about(db, "res-3")
    report = erase_document(db, document_id, who="ann", reason="asked to")
    assert report.left == {} and report.counts["fields"] > 0 and report.places
    assert ids(db, "res-3") == [] and documents_about(db, "") == {}
    with db.reading() as connection:
        assert all("3.pdf" not in uri for uri in connection.execute(select(READS.c.uri)).scalars())
        assert connection.execute(text("SELECT reason FROM tombstones")).scalar_one() == "asked to"


def test_an_erased_document_is_not_kept_again(db: Database) -> None:
    erase_document(db, PAPERS[3].id, who="ann", reason="asked to")
    run_id = db.start_run(ORDER)
    db.save(run_id, [outcome(PAPERS[3], record(PAPERS[3]))])
    assert ids(db, "res-3") == []
    with db.reading() as connection:
        states = connection.execute(select(READS.c.state).where(READS.c.run_id == run_id)).scalars().all()
        assert states == [ReadState.SKIPPED]
        assert connection.execute(select(LISTINGS.c.record_id)).all()


def test_erased_text_is_not_left_in_the_file(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/a.db") as db:
        db.upgrade()
        db.refresh_views(Bill)
        db.save(db.start_run(ORDER), [outcome(PAPERS[0], record(PAPERS[0], values=fields("SECRETNUMBER")))])
        erase_document(db, PAPERS[0].id, who="ann", reason="asked to")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir()).lower()
    assert b"secretnumber" not in left and b"0.pdf" not in left


def test_erasing_a_subject_reads_everything_and_proves_it(db: Database) -> None:
    staged = db.start_run(replace(ORDER, stage=Stage.STAGED))
    db.save(staged, [outcome(PAPERS[2], record(PAPERS[2], values=fields("Zoë Überall")))])
    with db.writing() as connection:
        save_filter(connection, "ann", "hers", "q=zo%C3%AB+%C3%BCberall")
    assert list(documents_about(db, "zoe uberall")) == [PAPERS[2].id]
    proof = erase_subject(db, "Zoë Überall", who="ann", reason="asked to")
    assert proof.is_proved and proof.num_filters_dropped == 1 and proof.num_texts_read > 100
    assert proof.before["staged_records.payload_json"] == 1 and not proof.after
    assert [one.document_id for one in proof.documents] == [PAPERS[2].id]
    assert "Zo" not in repr(proof)


def test_a_copy_beside_the_database_is_named_and_the_proof_stands(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/a.db") as db:
        db.upgrade()
        db.refresh_views(Bill)
        db.save(db.start_run(ORDER), [outcome(PAPERS[0], record(PAPERS[0], values=fields("SECRETNUMBER")))])
        with (tmp_path / "a.db.bak").open("wb") as backup:
            # Long, mostly a hole, and the name lies across the border of two pieces.
            backup.seek((256 << 20) - 5)
            backup.write(b"secretnumber")
        (tmp_path / "a.db.old").write_bytes(b"nothing of the kind")
        tracemalloc.start()
        proof = erase_subject(db, "SECRETNUMBER", who="ann", reason="asked to")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert proof.is_proved and proof.untouched == ("a.db.bak",)
    assert peak < 32 << 20


def test_a_run_ordered_for_one_document_forgets_its_name(db: Database) -> None:
    run_id = db.start_run(replace(ORDER, source=PAPERS[4].uri))
    db.save(run_id, [outcome(PAPERS[4], record(PAPERS[4]))])
    erase_document(db, PAPERS[4].id, who="ann", reason="asked to")
    with db.reading() as connection:
        assert mentions_of(connection, "4.pdf").found == {}
