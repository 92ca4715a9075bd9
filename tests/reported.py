"""Read a folder of reported failures with the command line and count the right fields, by kind of fault.

    python -m tests.reported FOLDER [--engine NAME] [--pdf pdfium] [--only PART-OF-A-FILE-NAME] [--json]

FOLDER holds `truth.jsonl`, the documents, and `schemas/` with the document types of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

Truth = dict[str, Any]


def main() -> int:
    arguments = _arguments()
    folder: Path = arguments.folder
    truths = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    chosen = [truth for truth in truths if arguments.only in truth["file"]]
    outcomes = read(folder, chosen, environment(arguments))
    num_right = num_all = 0
    for truth in chosen:
        faults, num_fields = judge(truth, outcomes.get(truth["file"], []))
        num_right, num_all = num_right + num_fields - len(faults), num_all + num_fields
        if not arguments.json:
            say(f"{num_fields - len(faults):3} of {num_fields:2}  {truth['file']}  ({truth['about']})")
            for fault in faults:
                say(f"             {fault}")
    say(json.dumps({"right": num_right, "all": num_all}) if arguments.json else f"{num_right} of {num_all} right")
    return 0 if num_right == num_all else 1


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", help="the engine to read with; the default one if left out")
    parser.add_argument("--pdf", help="the PDF library: pymupdf or pdfium")
    parser.add_argument("--only", default="", help="documents with this in their name")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    return parser.parse_args()


def environment(arguments: argparse.Namespace) -> dict[str, str]:
    chosen = {"LLAVA_OCR_ENGINE": arguments.engine, "LLAVA_OCR_PDF": arguments.pdf}
    return os.environ | {name: value for name, value in chosen.items() if value}


def read(folder: Path, truths: list[Truth], env: dict[str, str]) -> dict[str, list[Any]]:
    """Run `extract` once for each document type; return the outcomes by file."""
    by_schema: dict[str, list[str]] = defaultdict(list)
    for truth in truths:
        by_schema[truth["schema"]].append(truth["file"])
    outcomes: dict[str, list[Any]] = defaultdict(list)
    for schema, files in by_schema.items():
        with tempfile.TemporaryDirectory(prefix="reported-") as scratch:
            source = Path(scratch) / "source"
            source.mkdir()
            for file in files:
                (source / file).symlink_to((folder / file).resolve())
            command = [
                sys.executable,
                "-c",
                "from llava_ocr.cli.app import main; main()",
                "extract",
                str(source),
                "--json",
            ]
            command += ["--schema", schema, "--schemas", str(folder / "schemas"), "--db", f"sqlite:///{scratch}/x.db"]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            if not done.stdout:
                raise SystemExit(done.stderr)
            for line in done.stdout.splitlines():
                outcome = json.loads(line)
                # `x.pdf#name.pdf` is a document inside of x.pdf.
                outcomes[outcome["uri"].rsplit("/", 1)[-1].split("#")[0]].append(outcome)
    return outcomes


def judge(truth: Truth, outcomes: list[Any]) -> tuple[list[str], int]:
    """Return what is wrong of a document, a line each, and how many things were looked at."""
    wanted = dict(truth["fields"])
    records = [record for outcome in outcomes for record in outcome.get("records", [])]
    faults = []
    read = {field["path"]: field for record in records for field in record["fields"]}
    for path, value in wanted.items():
        field = read.get(path) or {"state": "absent", "value": None}
        if not is_equal(field["value"], value):
            faults.append(f"{path}: wanted {value!r}, got {field['value']!r} ({field['state']})")
    num_fields = len(wanted)
    if "needs_review" in truth:
        num_fields += 1
        if len(outcomes) < 2 and not any(record["needs_review"] == truth["needs_review"] for record in records):
            faults.append("needs_review is not said")
    return faults, num_fields


def is_equal(got: object, wanted: object) -> bool:
    """Whether two values are the same: numbers by what they are worth, all else by its text."""
    if got is None or wanted is None:
        return got is wanted
    try:
        return Decimal(str(got)) == Decimal(str(wanted)) if "." in f"{got}{wanted}" else str(got) == str(wanted)
    except InvalidOperation:
        return str(got) == str(wanted)


if __name__ == "__main__":
    sys.exit(main())
