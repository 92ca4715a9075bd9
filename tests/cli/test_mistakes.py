"""What goes wrong at the command line ends with one line that names the thing, a hint, and a documented exit code."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import typer
from sqlalchemy import exc, make_url

from llava_ocr.cli.app import app, guarded
from llava_ocr.db.connection import translated
from llava_ocr.db.session import open_database
from llava_ocr.errors import CantListen, DatabaseUnavailable
from llava_ocr.metrics import Metrics
from llava_ocr.worker import reporting
from tests.db.made import ORDER, document, outcome, record
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, S3Server

Run = Callable[..., tuple[int, str]]
USAGE, INPUT, ENGINE, STORE = 2, 3, 4, 5


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a database of one record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    for name in [name for name in os.environ if name.startswith("LLAVA_OCR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLAVA_OCR_ENGINE", "scripted")
    with open_database("sqlite:///llava_ocr.db") as db:
        db.upgrade()
        paper = document("a.pdf")
        db.save(db.start_run(ORDER), [outcome(paper, record(paper))])
    return tmp_path


@pytest.fixture
def run(here: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str]:
        code = guarded(app, [str(argument) for argument in arguments])
        return code, capfd.readouterr().err

    return call


def said_once(code: int, err: str, *, expected: int, words: str) -> None:
    """The reason is one line; a hint may follow, indented."""
    lines = err.strip().splitlines()
    assert code == expected, err
    assert words in lines[0], err
    assert len(lines) <= 2 and all(line.startswith("  ") for line in lines[1:]), err


READING = [
    ("show", "a.pdf"),
    ("export", "-s", "invoice"),
    ("export", "-s", "invoice", "-o", "x.xlsx"),
    ("query", "SELECT 1"),
    ("runs", "list"),
    ("runs", "show", "r"),
    ("runs", "failures", "r"),
    ("crop", "a.pdf", "total", "-o", "x.png"),
    ("truth", "export", "-s", "invoice", "-o", "truth"),
    ("calibrate",),
    ("erase", "--document", "a.pdf"),
    ("cache", "show"),
    ("user", "list"),
    ("db", "check"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_what_reads_makes_no_database(run: Run, here: Path, arguments: tuple[str, ...]) -> None:
    (here / "llava_ocr.db").unlink()
    said_once(*run(*arguments), expected=STORE, words="no database at llava_ocr.db")
    assert list(here.iterdir()) == []


WRONG_USES: dict[str, tuple[tuple[object, ...], int, str]] = {
    "two formats": (("export", "-s", "invoice", "-f", "csv", "-o", "x.xlsx"), USAGE, "x.xlsx: the name says xlsx"),
    "two formats of a query": (("query", "SELECT 1", "-f", "jsonl", "-o", "x.csv"), USAGE, "x.csv: the name says csv"),
    "no format": (("export", "-s", "invoice", "-o", "x.docx"), USAGE, "x.docx: .docx is no format"),
    "a sheet on the screen": (("export", "-s", "invoice", "-f", "xlsx"), USAGE, "--out FILE.xlsx"),
    "excel without csv": (("export", "-s", "invoice", "-f", "jsonl", "--excel"), USAGE, "--excel goes with csv"),
    "evidence without csv": (("export", "-s", "invoice", "--evidence"), USAGE, "--evidence goes with csv"),
    "no such folder": (("export", "-s", "invoice", "-o", "gone/x.csv"), USAGE, "gone/x.csv: there is no folder gone"),
    "a folder as a file": (("query", "SELECT 1", "-f", "csv", "-o", "folder"), USAGE, "folder: is a folder"),
    "a picture nowhere": (("crop", "a.pdf", "total", "-o", "gone/x.png"), USAGE, "gone/x.png: there is no folder"),
    "a report nowhere": (
        ("erase", "--subject", "item", "--yes", "--reason", "r", "--report", "gone/r.json"),
        USAGE,
        "gone/r.json",
    ),
    "truth into a file": (("truth", "export", "-s", "invoice", "-o", "note.txt"), USAGE, "note.txt"),
    "no such type": (("export", "-s", "invioce"), USAGE, "'invioce'"),
    "no schema folder": (("export", "-s", "invoice", "--schemas", "gone"), USAGE, "gone: no such folder"),
    "no schema file": (("schema", "check", "gone.py"), USAGE, "gone.py"),
    "a broken schema": (("schema", "list", "--schemas", "broken"), USAGE, "own.py, line 1"),
    "no such document": (("show", "b.pdf"), USAGE, "'b.pdf'"),
    "no such run": (("runs", "show", "r-1"), STORE, "r-1"),
    "no SELECT": (("query", "DROP TABLE records"), USAGE, "only SELECT"),
    "no such column": (("query", "SELECT nonsense FROM records"), USAGE, "nonsense"),
    "nothing to read": (("extract", "folder", "-s", "invoice"), INPUT, "folder: no object"),
    "no such source": (("extract", "gone", "-s", "invoice"), STORE, "gone: no such file or folder"),
    "no such engine": (("extract", "note.txt", "-s", "invoice", "--engine", "gone/model"), ENGINE, "gone/model"),
    "no database's folder": (("query", "SELECT 1", "--db", "sqlite:///gone/a.db"), STORE, "gone/a.db"),
    "no database file": (
        ("query", "SELECT 1", "--db", "sqlite:///note.txt"),
        STORE,
        "note.txt: DatabaseError: file is not",
    ),
    "no URL": (("query", "SELECT 1", "--db", "a.db"), USAGE, "the database URL can't be read"),
    "nobody listens": (
        ("query", "SELECT 1", "--db", "postgresql://ann:hunter2@127.0.0.1:9/x"),
        STORE,
        "nothing listens there",
    ),
    "no such host": (
        ("query", "SELECT 1", "--db", "postgresql://ann:hunter2@no-such-host.invalid/x"),
        STORE,
        "there is no host of that name",
    ),
    "pages at a taken port": (("serve", "--port", "TAKEN"), USAGE, "Address already in use"),
    "pages nowhere": (("serve", "--host", "no-such-host.invalid"), USAGE, "no-such-host.invalid"),
}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", WRONG_USES)
def test_a_wrong_use_is_one_line_that_names_the_thing(run: Run, here: Path, taken: int, name: str) -> None:
    (here / "folder").mkdir()
    (here / "note.txt").write_text("Nothing but words, as no database begins.\n" * 9)
    (here / "broken").mkdir()
    (here / "broken" / "own.py").write_text("import no_such_module\n")
    arguments, code, words = WRONG_USES[name]
    found, err = run(*(taken if one == "TAKEN" else one for one in arguments))
    said_once(found, err, expected=code, words=words)
    assert "hunter2" not in err and "ann" not in err
    assert not list(here.rglob("*.part"))


def test_a_worker_says_that_its_port_is_taken(taken: int) -> None:
    wanted = reporting(Metrics(), threading.Event(), host="127.0.0.1", port=taken)
    with pytest.raises(CantListen, match=rf"127\.0\.0\.1, port {taken}: Address already in use"), wanted:
        pass


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"LLAVA_OCR_EGINE=small\n", "LLAVA_OCR_EGINE is no setting; do you mean LLAVA_OCR_ENGINE?"),
        (b"llava_ocr_egine=small\n", "llava_ocr_egine is no setting"),
        (b"LLAVA_OCR_BATCH_SIZE=many\n", "LLAVA_OCR_BATCH_SIZE: "),
        (b"PATH=ok\nthis is no line of one\n", ".env, line 2"),
        (b"LLAVA_OCR_DB=\xff\xfe\n", ".env: is no UTF-8 text"),
    ],
)
def test_a_bad_env_file_names_the_line_or_the_variable(run: Run, here: Path, content: bytes, words: str) -> None:
    (here / ".env").write_bytes(content)
    said_once(*run("schema", "list"), expected=USAGE, words=words)


def test_a_secret_in_a_bad_setting_is_not_repeated(run: Run, here: Path) -> None:
    (here / ".env").write_text("LLAVA_OCR_ENDPOINT_CONCURRENCY=hunter2\n")
    assert "hunter2" not in run("schema", "list")[1]


def test_other_programs_may_have_variables_in_the_env_file(run: Run, here: Path) -> None:
    (here / ".env").write_text(
        "COMPOSE_PROJECT_NAME=office\nexport DATABASE_URL='x'\nLLAVA_OCR_DB=sqlite:///llava_ocr.db\n"
    )
    assert run("runs", "list") == (0, "")


def test_a_missing_database_of_a_server_is_named(run: Run, postgres_url: str) -> None:
    url = make_url(postgres_url).set(database="no_such_base").render_as_string(hide_password=False)
    said_once(*run("query", "SELECT 1", "--db", url), expected=STORE, words="no_such_base")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            'connection to server at "h", port 5432 failed: FATAL:  password authentication failed for user "ann"',
            "refuses",
        ),
        ('connection to server at "h" failed: FATAL:  database "x" does not exist', "no such database"),
        ('connection to server at "h" failed: FATAL:  role "ann" does not exist', "no such user"),
        ("connection timeout expired", "no answer in time"),
        ("something of a newer server", "can't connect"),
    ],
)
def test_why_a_server_lets_nobody_in_is_said_without_names(said: str, words: str) -> None:
    error = exc.OperationalError("", {}, psycopg.OperationalError(said))
    with pytest.raises(DatabaseUnavailable, match=words) as caught, translated(make_url("postgresql://ann@h/x")):
        raise error
    assert "ann" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_named(run: Run, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAVA_OCR_S3_ENDPOINT", s3_server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    for command in (("store", "ls"), ("extract", "-s", "invoice")):
        said_once(*run(*command, "s3://no-such-bucket/x"), expected=STORE, words="s3://no-such-bucket")


def test_a_mistake_of_the_program_is_one_line_with_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    program = typer.Typer(pretty_exceptions_enable=False)

    @program.command()
    def divide() -> None:
        raise ZeroDivisionError("the text of a document")

    code, err = guarded(program, []), capfd.readouterr().err
    said_once(code, err, expected=1, words="ZeroDivisionError at test_mistakes.py")
    assert "the text of a document" not in err
