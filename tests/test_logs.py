"""Logs name runs, shards and documents, and nothing that stands in a document gets into them."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from llava_ocr.db.query import run_query
from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineTimeout, ExtractionError, InvalidAnswer, Unforeseen
from llava_ocr.logs import JsonFormatter, TextFormatter, set_up_logs, without_text
from llava_ocr.run import ExtractOrder, Run, begin, listed, plan
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings
from tests.fakes import paper
from tests.runs import CountingStore, FakeServices, run_all

ROOT = Path(__file__).parents[1]
# Stands in documents, answers and foreign errors, and nowhere else.
SECRET = "Zwackelmann"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that a process would log, at its most talkative."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def logged(log: Callable[[logging.Logger], None], *, name: str = "llava_ocr.test") -> dict[str, Any]:
    """What the JSON formatter makes of one line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        log(logger)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    return json.loads(stream.getvalue())


def fail(error: Exception) -> Callable[[logging.Logger], None]:
    def log(logger: logging.Logger) -> None:
        try:
            raise error
        except Exception:
            logger.exception("it failed")

    return log


def test_a_line_is_json_with_time_and_ids() -> None:
    ids = {"run_id": "r1", "shard_index": 2, "document_id": "d1"}
    told = logged(lambda logger: logger.warning("lease %s", "lost", extra=ids | {"else": "x"}))
    assert told.pop("at").endswith("+00:00")
    assert told == {"level": "WARNING", "logger": "llava_ocr.test", "message": "lease lost", **ids}


def test_an_error_of_ours_is_told_with_its_place() -> None:
    told = logged(fail(EngineTimeout("took longer than 300 s")))
    assert (told["error"], told["error_message"]) == ("EngineTimeout", "took longer than 300 s")
    assert told["where"][-1].startswith("test_logs.py:")


def test_of_foreign_errors_only_class_and_place_are_told() -> None:
    told = logged(fail(ValueError(f"not a number: {SECRET}")))
    assert told["error"] == "ValueError" and SECRET not in json.dumps(told)


def test_of_foreign_lines_only_the_template_is_told() -> None:
    with_arguments = logged(lambda logger: logger.warning("can't read %r", SECRET), name="foreign")
    assert with_arguments["message"].startswith("can't read %r at test_logs.py:")
    put_together = logged(lambda logger: logger.warning(f"can't read {SECRET}"), name="foreign")
    assert put_together["message"].startswith("(message withheld) at test_logs.py:")


def test_lines_for_people_say_the_same() -> None:
    record = logging.LogRecord("llava_ocr.x", logging.INFO, "x.py", 1, "shard begun", (), None)
    record.run_id = "r1"
    assert TextFormatter().format(record).endswith('INFO llava_ocr.x shard begun run_id="r1"')


def test_only_errors_of_ours_get_out_and_without_their_causes() -> None:
    with pytest.raises(Unforeseen, match=r"ValueError at test_logs\.py:\d+ ") as unforeseen, without_text():
        raise ValueError(SECRET)
    assert SECRET not in str(unforeseen.value) and unforeseen.value.__suppress_context__
    with pytest.raises(InvalidAnswer) as ours, without_text():
        raise InvalidAnswer("of no shape") from ValueError(SECRET)
    assert ours.value.__cause__ is None and isinstance(ours.value, ExtractionError)


def babble(request: Request) -> str:
    """An answer that can't be used, and quotes the page."""
    return f'{{"{SECRET}": {request.prompt.user}'


def break_down(request: Request) -> str:
    raise ValueError(f"could not convert to float: {request.prompt.user}")


@pytest.mark.parametrize("script", [babble, break_down])
def test_no_text_of_a_document_is_logged_whatever_the_engine_does(
    script: Callable[[Request], str], tmp_path: Path, written: io.StringIO
) -> None:
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", engine=ScriptedEngine(script))
    store = CountingStore()
    store.put(f"{SECRET}.json", paper(f"{SECRET} owes", SECRET))
    store.put("broken.json", SECRET.encode())
    try:
        run_all(services, store, tmp_path)
    except ValueError as error:
        logging.getLogger("llava_ocr").critical("a mistake of the program", exc_info=error)
    finally:
        services.close()
    told = lines(written.getvalue())
    assert SECRET not in written.getvalue()
    assert any(line["message"] == "shard handed back" and line["run_id"] for line in told)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Sound, encrypted, cut off, and no PDF at all; the secret is in all of them."""
    folder = tmp_path / "documents"
    folder.mkdir()
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 72), f"Invoice {SECRET}\nTotal 12.50 {SECRET}")
        pdf.set_metadata({"title": SECRET, "author": SECRET})
        sound = pdf.tobytes()
        (folder / "sound.pdf").write_bytes(sound)
        (folder / "locked.pdf").write_bytes(pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=SECRET))
    (folder / "cut.pdf").write_bytes(sound[: len(sound) // 2] + SECRET.encode())
    (folder / "text.pdf").write_bytes(f"{SECRET} is no PDF".encode())
    (folder / "page.png").write_bytes(b"\x89PNG\r\n\x1a\n" + SECRET.encode())
    return folder


def test_a_worker_s_whole_output_holds_no_text_of_its_documents(documents: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    run = planned(documents, url)
    worker = "import sys; from llava_ocr.cli.app import main; main()"
    arguments = ["worker", "--once", "--engine", "scripted", "--log", "json", "--port", "0", "--db", url]
    ended = subprocess.run(
        [sys.executable, "-c", worker, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, "LLAVA_OCR_OCR": "never", "LLAVA_OCR_WORKERS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    told = [line for line in lines(ended.stderr) if line["message"] == "document ended"]
    assert {(line["run_id"], line["shard_index"]) for line in told} == {(run, 0)}
    # What is cut off may be mended, or not.
    assert sorted(line["outcome"] for line in told) in (["failed"] * 3 + ["ok"] * 2, ["failed"] * 4 + ["ok"])
    assert all(line["reason"] and SECRET not in line["reason"] for line in told if line["outcome"] == "failed")
    assert any(len(line["document_id"]) == 64 for line in told)
    assert_no_message_quotes(url)


def planned(documents: Path, url: str) -> str:
    with open_services(load_settings(db=url, engine="scripted", workers=1)) as services:
        order = ExtractOrder(source=str(documents), schema_name="receipt")
        run: Run = begin(order, services)
        assert len(list(plan(run, listed(order, run.source)))) == 1
        return run.id


def assert_no_message_quotes(url: str) -> None:
    from llava_ocr.db.session import open_database

    with open_database(url) as database:
        told = "SELECT reason || message FROM reads UNION ALL SELECT reason || message FROM pages"
        assert SECRET not in repr(run_query(database, told, limit=100).rows)


def test_last_words_are_safe_too(tmp_path: Path) -> None:
    program = f"""
import threading
from llava_ocr.logs import LogFormat, set_up_logs
set_up_logs(LogFormat.JSON)
thread = threading.Thread(target=lambda: int("{SECRET[:5]}" + "{SECRET[5:]}"))
thread.start(); thread.join()
import warnings; warnings.warn("{SECRET[:5]}" + "{SECRET[5:]}")
float("{SECRET[:5]}" + "{SECRET[5:]}")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert ended.returncode == 1 and SECRET not in ended.stderr
    assert [line.get("error") for line in lines(ended.stderr)] == ["ValueError", None, "ValueError"]


def test_setting_up_leaves_one_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    import threading

    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    from llava_ocr.logs import LogFormat

    for _ in range(2):
        set_up_logs(LogFormat.TEXT, level=logging.WARNING)
    assert len(root.handlers) == 1
    logging.captureWarnings(False)
