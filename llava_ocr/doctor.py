"""What works on this machine, and what to do about what does not. Every check really tries the thing."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llava_ocr.errors import ExtractionError, GrammarIgnored
from llava_ocr.settings import Settings


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True)
class Checked:
    """One thing looked at: `detail` says what was found, `remedy` what to do about it."""

    name: str
    health: Health
    detail: str
    remedy: str = ""


Check = Callable[[Settings], Checked]


def examine(settings: Settings, *, source: str | None) -> Iterator[Checked]:
    """Yield each check as it is done; a check that fails does not stop the others."""
    for name, check in CHECKS.items():
        yield _tried(name, check, settings)
    if source is not None:
        yield _tried("source", lambda given: _source(given, source), settings)


def _tried(name: str, check: Check, settings: Settings) -> Checked:
    try:
        return check(settings)
    except ExtractionError as error:
        return Checked(name, Health.FAULT, f"{error.reason}: {error}", error.hint)


def _python(_: Settings) -> Checked:
    return Checked("python", Health.OK, f"{platform.python_version()} on {sys.platform} {platform.machine()}")


def _packages(_: Settings) -> Checked:
    names = ("torch", "transformers", "llguidance", "prefect", "fastapi", "pymupdf", "pypdfium2", "sqlmodel")
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Checked("packages", Health.FAULT, f"missing: {', '.join(missing)}", "Run `make setup`.")
    fastapi = tuple(int(part) for part in version("fastapi").split(".")[:2])
    if fastapi >= (0, 155):
        return Checked("packages", Health.FAULT, ", ".join(found), "Install fastapi<0.155: Prefect 3.8 dies on newer.")
    return Checked("packages", Health.OK, ", ".join(found))


def _device(settings: Settings) -> Checked:
    if settings.engine == "rules":
        return Checked("device", Health.OK, "none needed: rules run no model")
    from llava_ocr.models.load import choose_device, choose_precision, usable_precisions, usual_precision

    device = choose_device(settings.device)
    usable = [precision for precision, fault in usable_precisions(device).items() if not fault]
    detail = f"{device}, {choose_precision(settings.precision, device)} of {', '.join(usable)}"
    if settings.precision == "auto":
        detail += f" ({usual_precision(device)[1]})"
    if device.type == "cpu":
        remedy = "The 7B models want a GPU; the shipped `small` model is made for the CPU."
        return Checked("device", Health.NOTE, detail, remedy)
    return Checked("device", Health.OK, detail)


def _engine(settings: Settings) -> Checked:
    from llava_ocr.engines.open import open_engine

    if settings.engine == "endpoint":
        return _endpoint(settings)
    engine = open_engine(settings)
    try:
        profile = engine.profile
        detail = f"{profile.name} ({profile.fingerprint}), {profile.context_tokens:,} tokens of context"
        if profile.answers_by_rules:
            return Checked("engine", Health.OK, f"{profile.name} ({profile.fingerprint}): no model, words alone")
        if not profile.takes_grammar:
            return Checked("engine", Health.NOTE, detail + "; takes no grammar: answers are checked after the fact")
        return Checked("engine", Health.OK, detail)
    finally:
        engine.close()


def _endpoint(settings: Settings) -> Checked:
    """Ask the server what it is, and put one small question to it."""
    from llava_ocr.engines.endpoint_check import look_over

    found, trial = look_over(settings)
    context = f" ({found.context_tokens:,} tokens of context)" if found.context_tokens else ""
    detail = (
        f"{found.title} speaks {settings.endpoint_dialect}, has {settings.endpoint_model}{context}: {trial.summary}"
    )
    is_guided = settings.endpoint_dialect == "vllm-guidance"
    if not trial.obeys and is_guided:
        return Checked("engine", Health.FAULT, detail, GrammarIgnored.hint)
    if not trial.obeys:
        return Checked("engine", Health.NOTE, detail, "Answers of another shape will fail; see docs/serving.md.")
    if not is_guided:
        remedy = "The page's words are checked afterwards; vLLM with the vllm-guidance dialect is held to them."
        return Checked("engine", Health.NOTE, detail, remedy)
    return Checked("engine", Health.OK, detail)


def _ocr(_: Settings) -> Checked:
    from llava_ocr.words.ocr import read_sample

    words = read_sample()
    if not words:
        return Checked("OCR reader", Health.FAULT, "reads nothing from its own sample", "Reinstall rapidocr.")
    return Checked("OCR reader", Health.OK, f"rapidocr {version('rapidocr')} read its sample: {len(words)} words")


def _database(settings: Settings) -> Checked:
    from llava_ocr.db.session import open_database

    with open_database(settings.db) as database:
        health, place = database.check(), database.place
    if health.revision is None:
        return Checked("database", Health.OK, f"{place}: is new, its tables are made by the first run")
    if not health.is_ok:
        return Checked(
            "database", Health.FAULT, f"{place}: {'; '.join(health.problems)}", "Run `llava-ocr db upgrade`."
        )
    return Checked("database", Health.OK, f"{place}: at revision {health.revision}")


def _pages(settings: Settings) -> Checked:
    """Read a page that is made on the spot, through the real child process."""
    from llava_ocr.engines.scripted import ScriptedEngine
    from llava_ocr.raster.sandbox import open_page_reader
    from llava_ocr.services import read_options
    from llava_ocr.synth.paint import paint
    from llava_ocr.synth.pdf import paint_pdf

    reader = open_page_reader(read_options(settings, ScriptedEngine()), num_children=1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.pdf"
            path.write_bytes(paint_pdf(paint("receipt", 0)))
            [page] = reader.read(path)
    finally:
        reader.close()
    num_words = len(page.layout.words) if page.layout else 0
    health = Health.OK if num_words else Health.FAULT
    return Checked("page reader", health, f"{settings.pdf.value} drew a page with {num_words} words in a child process")


def _formats(_: Settings) -> Checked:
    try:
        return Checked(
            "image formats", Health.OK, f"PNG, JPEG, TIFF, WebP, HEIC (pillow-heif {version('pillow-heif')})"
        )
    except PackageNotFoundError:
        remedy = "For HEIC photos: pip install 'llava-ocr[heic]'."
        return Checked("image formats", Health.NOTE, "PNG, JPEG, TIFF, WebP; no HEIC", remedy)


def _source(settings: Settings, source: str) -> Checked:
    from llava_ocr.store.open import open_source

    opened = open_source(source, settings)
    first = next(iter(opened.store.list(opened.select())), None)
    if first is None:
        return Checked("source", Health.NOTE, f"{source}: can be listed, holds nothing that matches")
    return Checked("source", Health.OK, f"{source}: can be listed, first object {first.uri}")


CHECKS: dict[str, Check] = {
    "python": _python,
    "packages": _packages,
    "device": _device,
    "engine": _engine,
    "page reader": _pages,
    "OCR reader": _ocr,
    "image formats": _formats,
    "database": _database,
}
