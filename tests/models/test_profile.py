import json
from pathlib import Path
from typing import Any

import pytest

from llava_ocr.errors import ConfigError, ModelNotFound
from llava_ocr.geometry import OVERVIEW_ONLY, Grid
from llava_ocr.models.chat import MISTRAL, PLAIN
from llava_ocr.models.fingerprint import fingerprint
from llava_ocr.models.profile import read_card
from llava_ocr.tiles.grid import DOCUMENT_GRIDS

CONFIG = {
    "model_type": "llava_next",
    "text_config": {"model_type": "mistral", "max_position_embeddings": 32768},
    "vision_config": {"image_size": 336, "patch_size": 14},
}
PROFILE = {
    "name": "small",
    "chat": "plain",
    "tile_px": 384,
    "patches_per_side": 24,
    "context_tokens": 4096,
    "grids": [[3, 2]],
    "anchored_grids": [[0, 0]],
    "takes_grammar": True,
    "takes_words": True,
}


def written(folder: Path, **files: Any) -> Path:
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def test_a_profile_file_is_believed(tmp_path: Path) -> None:
    card = read_card(written(tmp_path, config=CONFIG, profile=PROFILE), name="x", fingerprint="f")
    assert card.chat is PLAIN
    assert (card.profile.name, card.profile.fingerprint, card.profile.tile_px) == ("small", "f", 384)
    assert (card.profile.grids, card.profile.anchored_grids) == ((Grid(3, 2),), (OVERVIEW_ONLY,))


def test_without_one_the_configuration_tells(tmp_path: Path) -> None:
    card = read_card(written(tmp_path, config=CONFIG), name="x", fingerprint="f")
    assert card.chat is MISTRAL
    assert (card.profile.tile_px, card.profile.patches_per_side, card.profile.context_tokens) == (336, 24, 32768)
    assert card.profile.grids == DOCUMENT_GRIDS
    assert Grid(2, 2) in card.profile.anchored_grids


def test_what_a_published_configuration_leaves_out_is_the_default(tmp_path: Path) -> None:
    bare = {"model_type": "llava_next", "text_config": {"model_type": "mistral"}}
    card = read_card(written(tmp_path, config=bare), name="x", fingerprint="f")
    assert (card.profile.tile_px, card.profile.patches_per_side) == (336, 24)


@pytest.mark.parametrize("fault", [{"tile": 1}, {"grids": [[1]]}, {"chat": "latin"}, {"context_tokens": "many"}])
def test_a_wrong_profile_is_a_config_error(tmp_path: Path, fault: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read_card(written(tmp_path, config=CONFIG, profile=PROFILE | fault), name="x", fingerprint="f")


def test_a_folder_without_a_llava_next_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"config\.json"):
        read_card(tmp_path, name="x", fingerprint="f")
    with pytest.raises(ModelNotFound, match="'bert'"):
        read_card(written(tmp_path, config={"model_type": "bert"}), name="x", fingerprint="f")


def test_fingerprints_tell_weights_apart_and_copies_not(tmp_path: Path) -> None:
    first, copy, other = (tmp_path / name for name in ("a", "b", "c"))
    for folder, weights in ((first, b"1"), (copy, b"1"), (other, b"2")):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(weights)
        (folder / "README.md").write_text(folder.name)
    assert fingerprint(first, "fp32") == fingerprint(copy, "fp32") != fingerprint(other, "fp32")
    assert fingerprint(first, "fp32") != fingerprint(first, "bf16")


def test_large_files_are_told_apart_by_samples(tmp_path: Path) -> None:
    made = []
    for name, byte in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "model.safetensors").open("wb") as file:
            file.truncate(65 * 2**20)
            file.seek(-1, 2)
            file.write(bytes([byte]))
        made.append(fingerprint(tmp_path / name))
    assert made[0] != made[1]


@pytest.mark.parametrize(("context_tokens", "max_pages"), [(4_096, 1), (32_768, 4)])
def test_a_long_context_takes_several_pages(tmp_path: Path, context_tokens: int, max_pages: int) -> None:
    text_config = {"model_type": "mistral", "max_position_embeddings": context_tokens}
    config = CONFIG | {"text_config": text_config}
    assert read_card(written(tmp_path, config=config), name="x", fingerprint="f").profile.max_pages == max_pages
