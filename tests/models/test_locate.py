from pathlib import Path

import pytest

from llava_ocr.errors import ModelNotFound
from llava_ocr.models import locate as locating
from llava_ocr.models.locate import SHIPPED_FOLDER, locate


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert locate(str(tmp_path), may_download=False) == tmp_path


def test_small_is_the_shipped_folder() -> None:
    if not (SHIPPED_FOLDER / "config.json").exists():
        pytest.skip("this checkout has no shipped model")
    assert locate("small", may_download=False) == SHIPPED_FOLDER


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere", "a/b/c", "~/nowhere/x"])
def test_no_such_folder_says_so(name: str) -> None:
    with pytest.raises(ModelNotFound, match="no such folder"):
        locate(name, may_download=False)


def test_a_hub_name_that_is_not_here_says_how_to_fetch_it() -> None:
    with pytest.raises(ModelNotFound, match="hf download owner/no-such-model"):
        locate("owner/no-such-model", may_download=False)


def test_only_safetensors_are_fetched() -> None:
    assert not any(name.endswith((".bin", ".pt", ".pth")) for name in locating._HUB_FILES)
