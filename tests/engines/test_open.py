import json

import pytest

from llava_ocr.engines.local import open_local
from llava_ocr.errors import ModelNotFound
from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.models.load import LoadedModel
from llava_ocr.settings import Settings
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
