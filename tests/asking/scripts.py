"""Pages, and engines that speak by script, for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.prompts import PromptForm
from llava_ocr.raster.base import PageRead
from tests.fakes import JsonReader, paper

FILLING = replace(PROFILE, name="filling", prompt_form=PromptForm.FIND, reads_lists=False)
INVOICE = """\
Invoice

Invoice No: 4711
Date: 2026-03-05

Description       Qty   Price    Amount
Widget large        2   10.00     20.00
Gadget              1    5.00      5.00

Total                             25.00"""


def pages_of(folder: Path, *texts: str) -> list[PageRead]:
    """A document's pages as a reader gives them."""
    path = folder / "pages.json"
    path.write_bytes(paper(*texts))
    return list(JsonReader().read(path))


def saying(answers: Mapping[str, str | None]) -> ScriptedEngine:
    """An engine that answers a question by the words it holds, and null to all others."""

    def script(request: Request) -> str:
        said = next((said for words, said in answers.items() if words in request.prompt.user), None)
        return json.dumps({"answer": said})

    return ScriptedEngine(script)


def speaking(script: Callable[[Request], str]) -> ScriptedEngine:
    """An engine that says what a script says."""
    return ScriptedEngine(script)
