"""Questions out of a file: a line each, a CSV with a column `question`, or JSON. Pure but for reading the file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from llava_ocr.asking.order import MAX_QUESTIONS
from llava_ocr.errors import ConfigError

COLUMN = "question"


class BadQuestions(ConfigError):
    """A file of questions can't be read as one."""

    hint = 'Write a question a line; or CSV with a column "question"; or JSON: ["...", ...] or [{"question": "..."}].'


def read_questions(path: Path) -> tuple[str, ...]:
    """Return the file's questions in order, each once. Raises BadQuestions."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuestions(f"{path}: can't be read as UTF-8 text: {type(error).__name__}") from None
    read = {".json": _from_json, ".csv": _from_csv}.get(path.suffix.lower(), _from_lines)
    questions = tuple(dict.fromkeys(question.strip() for question in read(text, path) if question.strip()))
    if not questions:
        raise BadQuestions(f"{path}: holds no question")
    if len(questions) > MAX_QUESTIONS:
        raise BadQuestions(f"{path}: {len(questions):,} questions, {MAX_QUESTIONS:,} at most")
    return questions


def _from_lines(text: str, _: Path) -> list[str]:
    """A line each; one that begins with # is a remark."""
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def _from_csv(text: str, path: Path) -> list[str]:
    table = csv.DictReader(io.StringIO(text, newline=""))
    if COLUMN not in (table.fieldnames or ()):
        raise BadQuestions(f"{path}: has no column {COLUMN!r}")
    return [row[COLUMN] or "" for row in table]


def _from_json(text: str, path: Path) -> list[str]:
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise BadQuestions(f"{path}: is no JSON: {error}") from None
    if not isinstance(listed, list):
        raise BadQuestions(f"{path}: holds no list")
    questions = [one.get(COLUMN) if isinstance(one, dict) else one for one in listed]
    for number, question in enumerate(questions):
        if not isinstance(question, str):
            raise BadQuestions(f"{path}: entry {number} is no question")
    return [str(question) for question in questions]
