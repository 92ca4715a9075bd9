import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llava_ocr.engines.local import open_local
from llava_ocr.errors import ModelNotFound
from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.models.load import LoadedModel
from llava_ocr.settings import Settings
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from tests.tiny.models import ask, page, save_tiny


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, llama: LoadedModel) -> Settings:
    folder = save_tiny(llama, tmp_path_factory.mktemp("checkpoint"))
    stated = {"name": "tiny", "chat": "plain", "tile_px": 28, "patches_per_side": 4, "context_tokens": 512}
    (folder / "profile.json").write_text(json.dumps(stated | {"grids": [[0, 0]], "anchored_grids": [[0, 0]]}))
    return Settings(engine=str(folder), device="cpu")


def test_the_engine_that_settings_name_answers(settings: Settings) -> None:
    engine = open_local(settings)
    assert engine.profile.anchored_grids == (OVERVIEW_ONLY,)
    [completion] = engine.complete([ask("total", page(40, 40), max_new_tokens=3)])
    assert completion.num_new_tokens == 3
    engine.close()
    engine.close()


def test_opening_prints_nothing(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    open_local(settings).close()
    assert capfd.readouterr() == ("", "")


def test_half_precision_answers(settings: Settings) -> None:
    engine = open_local(settings.model_copy(update={"precision": "bf16"}))
    [completion] = engine.complete([ask("total", page(40, 40), max_new_tokens=3)])
    assert completion.error is None
    assert completion.num_new_tokens == 3


def test_a_model_that_is_not_here_is_named() -> None:
    with pytest.raises(ModelNotFound, match="nowhere"):
        open_local(Settings(engine="./nowhere"))


def test_rules_read_a_page_and_load_no_model(tmp_path: Path) -> None:
    """The rules are for machines on which a model is too much: nothing of torch may be loaded for them."""
    (tmp_path / "receipt.pdf").write_bytes(paint_pdf(paint("receipt", 3)))
    command = f"""
import sys
from llava_ocr.cli.app import app
try:
    app(["extract", {f"{tmp_path}/*.pdf"!r}, "--schema", "receipt", "--engine", "rules", "--json"])
finally:
    assert not {{"torch", "transformers"}} & set(sys.modules)
"""
    env = os.environ | {"LLAVA_OCR_DB": f"sqlite:///{tmp_path}/records.db", "LLAVA_OCR_WORKERS": "1"}
    done = subprocess.run([sys.executable, "-c", command], env=env, capture_output=True, text=True, check=False)
    [record] = json.loads(done.stdout.splitlines()[0])["records"]
    assert record["values"]["total"] is not None, done.stderr
    assert done.returncode == 0, done.stderr
