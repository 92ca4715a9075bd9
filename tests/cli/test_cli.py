"""The command line as people meet it: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text, update

from llava_ocr.cli.app import app, guarded
from llava_ocr.db.rows import VIEWS
from llava_ocr.db.session import open_database
from llava_ocr.synth.demo import write_demo

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "documents"
    write_demo(folder)
    return folder


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('cli-db') / 'records.db'}"


@pytest.fixture
def run(database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LLAVA_OCR_DB", database)
    monkeypatch.setenv("LLAVA_OCR_ENGINE", "scripted")
    monkeypatch.setenv("LLAVA_OCR_OCR", "never")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = guarded(app, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def extracted(run: Run, documents: Path) -> Run:
    run("extract", documents, "--schema", "invoice")
    return run


def test_some_failures_end_with_1_and_are_listed_with_a_remedy(run: Run, documents: Path) -> None:
    code, out, _ = run("extract", documents, "-s", "invoice", "--force")
    assert code == 1
    assert "upload-interrupted.pdf" in out
    assert "CorruptDocument" in out
    assert "5 documents: 4 ok, 1 failed" in out


def test_all_ok_ends_with_0(run: Run, documents: Path) -> None:
    assert run("extract", documents / "invoice-march.pdf", "-s", "invoice", "--force")[0] == 0


def test_when_the_input_is_all_at_fault_it_ends_with_3(run: Run, documents: Path) -> None:
    assert run("extract", documents / "upload-interrupted.pdf", "-s", "invoice")[0] == 3


def test_a_second_run_reads_nothing_again(extracted: Run, documents: Path) -> None:
    _, out, _ = extracted("extract", documents / "invoice-*.pdf", "-s", "invoice", "--json")
    assert [json.loads(line)["is_kept"] for line in out.splitlines()] == [True, True, True]


def test_json_gives_one_object_a_document(run: Run, documents: Path) -> None:
    _, out, _ = run("extract", documents, "-s", "invoice", "--force", "--json")
    by_name = {line["uri"].rsplit("/", 1)[-1]: line for line in map(json.loads, out.splitlines())}
    assert len(by_name) == 5
    assert by_name["upload-interrupted.pdf"]["reason"] == "CorruptDocument"
    assert by_name["invoice-two-pages.pdf"]["pages"][1]["state"] == "ok"


def test_a_dry_run_lists_and_reads_nothing(run: Run, documents: Path) -> None:
    code, out, _ = run("extract", documents, "-s", "invoice", "--dry-run")
    assert code == 0
    assert "5 objects" in out
    assert "nothing was read" in out


def test_limit_stops_early(run: Run, documents: Path) -> None:
    _, out, _ = run("extract", documents, "-s", "invoice", "--limit", "2", "--force", "--json")
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["extract"], 2, "Missing argument"),
        (["extract", ".", "-s", "invoice", "--since", "soon"], 2, "--since"),
        (["extract", ".", "-s", "invioce"], 2, "there are invoice, purchase_order, receipt"),
        (["extract", ".", "-s", "invoice", "--engine", "no-such"], 4, "ModelNotFound"),
        (["extract", "/no/such/folder", "-s", "invoice"], 5, "no such file or folder"),
        (["extract", "gopher://x/y", "-s", "invoice"], 2, "is no source"),
        (["extract", ".", "-s", "invoice", "--db", "mysql://u:hunter2@h/d"], 2, "use sqlite or postgresql"),
        (["extract", ".", "-s", "invoice", "--password-file", "/no/such"], 2, "password file"),
        (["show", "no-such-document"], 2, "no record"),
        (["export", "-s", "invoice", "-f", "parquet"], 2, "--out"),
        (["schema", "show", "nothing"], 2, "UnknownSchema"),
        (["bench", "nothing"], 2, "nothing"),
        (["bench", "tiles", "--pages", "3"], 2, "takes none of"),
        (["nothing"], 2, "nothing"),
    ],
)
def test_mistakes_are_told_in_words(run: Run, arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(*arguments)
    assert found == code
    assert words in err + out
    assert "Traceback" not in err + out
    assert "hunter2" not in err + out


def test_an_empty_source_is_an_input_error(run: Run, tmp_path: Path) -> None:
    code, _, err = run("extract", tmp_path, "-s", "invoice")
    assert code == 3
    assert "no object there matches" in err


def test_a_misspelt_setting_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAVA_OCR_EGINE", "small")
    code, _, err = run("schema", "list")
    assert code == 2
    assert "do you mean LLAVA_OCR_ENGINE?" in err


def test_a_database_without_tables_is_named_with_its_remedy(run: Run, tmp_path: Path) -> None:
    code, _, err = run("db", "check", "--db", f"sqlite:///{tmp_path / 'new.db'}")
    assert code == 5
    assert "llava-ocr db upgrade" in err


def test_upgrade_makes_a_database_that_checks_out(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert run("db", "upgrade", "--db", url)[0] == 0
    assert run("db", "check", "--db", url)[0] == 0


def test_upgrade_brings_the_views_to_this_version_too(extracted: Run, database: str) -> None:
    with open_database(database) as db, db.writing() as connection:
        connection.execute(text("DROP VIEW invoice"))
        connection.execute(text("CREATE VIEW invoice AS SELECT 1 AS of_another_version"))
        connection.execute(update(VIEWS).where(VIEWS.c.name == "invoice").values(fingerprint="older"))
    assert extracted("db", "upgrade")[0] == 0
    assert extracted("query", "SELECT MAX(grand_total), MAX(grand_total_exact) FROM invoice")[0] == 0


def test_show_finds_a_document_by_the_end_of_its_address(extracted: Run) -> None:
    code, out, _ = extracted("show", "invoice-march.pdf", "--absent")
    assert code == 0
    assert "grand_total" in out


def test_export_writes_one_record_a_line(extracted: Run) -> None:
    _, out, _ = extracted("export", "-s", "invoice")
    records = [json.loads(line) for line in out.splitlines()]
    assert {record["document"]["uri"].rsplit("/", 1)[-1] for record in records} >= {"invoice-march.pdf"}
    wanted = {"document", "schema", "record_index", "values", "fields", "needs_review", "run_id", "engine"}
    assert wanted <= records[0].keys()
    field = {"path", "state", "text", "value", "confidence", "page_index", "box", "reader"}
    assert field <= records[0]["fields"][0].keys()


def test_extract_and_export_write_records_alike(run: Run, documents: Path) -> None:
    _, out, _ = run("extract", documents / "invoice-march.pdf", "-s", "invoice", "--force", "--json")
    [told] = json.loads(out)["records"]
    _, out, _ = run("export", "-s", "invoice")
    kept = next(record for record in map(json.loads, out.splitlines()) if record["document"] == told["document"])
    assert {name: kept[name] for name in told} == told


def test_export_writes_csv_and_parquet_files(extracted: Run, tmp_path: Path) -> None:
    assert extracted("export", "-s", "invoice", "-f", "csv", "-o", tmp_path / "x.csv")[0] == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    assert "grand_total" in rows[0]
    assert extracted("export", "-s", "invoice", "-f", "parquet", "-o", tmp_path / "x.parquet")[0] == 0
    assert (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"


def test_schemas_are_listed_shown_and_checked(run: Run, tmp_path: Path) -> None:
    assert "statement" in run("schema", "list")[1]
    assert "Rechnungsnummer" in run("schema", "show", "invoice")[1]
    (tmp_path / "bad.py").write_text("x = 1\n")
    code, out, _ = run("schema", "check", tmp_path / "bad.py")
    assert code == 2
    assert "bad.py:1: defines no document type" in out


def test_store_ls_shows_sizes_and_addresses(run: Run, documents: Path) -> None:
    assert run("store", "ls", documents)[1].count(".pdf") == 4


def test_synth_paints_statements_of_so_many_rows(run: Run, tmp_path: Path) -> None:
    assert run("synth", "-s", "statement", "--rows", "80", "--count", "1", "-o", tmp_path)[0] == 0
    truth = json.loads((tmp_path / "truth.jsonl").read_text())
    assert len(truth["fields"]["entries"]) == 80 and truth["pages"] > 1


def test_only_statements_are_painted_by_rows(run: Run, tmp_path: Path) -> None:
    assert run("synth", "-s", "receipt", "--rows", "80", "-o", tmp_path)[0] == 2


def test_synth_writes_documents_with_their_truth(run: Run, tmp_path: Path) -> None:
    assert run("synth", "-s", "receipt", "--count", "2", "-o", tmp_path)[0] == 0
    assert len((tmp_path / "truth.jsonl").read_text().splitlines()) == 2


def test_doctor_tries_everything_and_says_so(run: Run, documents: Path) -> None:
    code, out, _ = run("doctor", "--json", "--source", documents)
    checks = {line["check"]: line["health"] for line in map(json.loads, out.splitlines())}
    assert code == 0
    assert checks["page reader"] == checks["OCR reader"] == checks["source"] == "ok"


def test_help_loads_no_heavy_library() -> None:
    """In a process of its own, because this one has them all."""
    heavy = ["torch", "prefect", "pymupdf", "polars", "boto3", "rapidocr"]
    code = f"import sys, llava_ocr.cli.app; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "[]"
