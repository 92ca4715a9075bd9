"""The engine without a model: it answers with what the rulebook reads of a page's words. Fast, and blind to pixels."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from llava_ocr.engines.base import EngineProfile, Request
from llava_ocr.engines.scripted import ScriptedEngine, say_nothing
from llava_ocr.geometry import OVERVIEW_ONLY

# The packages whose code decides what the rules read.
_RULES = ("llava_ocr.rulebook", "llava_ocr.grounding")


@cache
def rules_profile() -> EngineProfile:
    """What pages must look like for the rules: words, and a raster as small as can be. Another version of the rules
    has another fingerprint. Lists are read over all pages of a document at once."""
    return EngineProfile(
        name="rules",
        fingerprint=f"rules-{_version()}",
        tile_px=336,
        patches_per_side=24,
        # No text is too long for rules.
        context_tokens=1_000_000_000,
        grids=(OVERVIEW_ONLY,),
        anchored_grids=(OVERVIEW_ONLY,),
        takes_grammar=False,
        reads_lists=False,
        answers_by_rules=True,
    )


def open_rules() -> ScriptedEngine:
    """Open the engine that answers by rules."""
    return ScriptedEngine(say_guess, profile=rules_profile())


def say_guess(request: Request) -> str:
    """What the rules read when the request was made; nothing of a page without words."""
    return request.guess or say_nothing(request)


def _version() -> str:
    digest = hashlib.sha256()
    for package in _RULES:
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
