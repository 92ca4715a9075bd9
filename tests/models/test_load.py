import json
from pathlib import Path

import pytest
import torch

from llava_ocr.errors import ConfigError, ModelNotFound
from llava_ocr.models.chat import PLAIN
from llava_ocr.models.load import LoadedModel, Precision, choose_device, choose_precision, load, usable_precisions
from tests.tiny.models import MEAN, STD, save_tiny, stock_processor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, llama: LoadedModel) -> Path:
    saved = save_tiny(llama, tmp_path_factory.mktemp("checkpoint"))
    profile = {
        "name": "tiny",
        "chat": "plain",
        "tile_px": 28,
        "patches_per_side": 4,
        "context_tokens": 1024,
        "grids": [[2, 2]],
        "anchored_grids": [[0, 0]],
    }
    (saved / "profile.json").write_text(json.dumps(profile))
    return saved


def test_a_saved_model_comes_back_whole(folder: Path, llama: LoadedModel) -> None:
    model = load(str(folder), device="cpu")
    assert (model.pixel_mean, model.pixel_std, model.chat) == (MEAN, STD, PLAIN)
    assert (model.profile.name, model.profile.context_tokens) == ("tiny", 1024)
    assert model.tokenizer.encode("total </s>") == llama.tokenizer.encode("total </s>")
    for name, weight in llama.network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], weight)


@pytest.mark.parametrize(("order", "dtype"), [("auto", torch.float32), ("bf16", torch.bfloat16)])
def test_weights_are_held_as_ordered(folder: Path, order: str, dtype: torch.dtype) -> None:
    assert load(str(folder), precision=order, device="cpu").network.dtype == dtype


def test_precision_is_part_of_the_fingerprint(folder: Path) -> None:
    prints = {load(str(folder), precision=order, device="cpu").profile.fingerprint for order in ("fp32", "bf16")}
    assert len(prints) == 2


@pytest.mark.parametrize("order", ["fp8", "nf4"])
def test_quantized_weights_are_refused_on_a_cpu(order: str) -> None:
    with pytest.raises(ConfigError, match="needs a CUDA device"):
        choose_precision(order, torch.device("cpu"))


def test_a_cpu_is_told_what_it_can_have_and_why_it_can_t_have_the_rest() -> None:
    found = usable_precisions(torch.device("cpu"))
    assert [precision for precision, fault in found.items() if not fault] == ["fp32", "bf16", "fp16", "int8"]
    assert all("CUDA" in found[precision] for precision in (Precision.FP8, Precision.NF4))


def test_the_log_says_why_a_precision_was_chosen(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="llava_ocr.models.load"):
        load(str(folder), device="cpu")
    assert "fp32: exact; on new CPUs bf16 and int8" in caplog.text


def test_unknown_precisions_and_devices_are_refused() -> None:
    with pytest.raises(ConfigError, match="fp7"):
        choose_precision("fp7", torch.device("cpu"))
    for order in ("gpu", "meta", "cuda:999"):
        with pytest.raises(ConfigError, match=order):
            choose_device(order)


def test_a_cpu_takes_full_precision_by_itself() -> None:
    assert choose_precision("auto", torch.device("cpu")) is Precision.FP32


def test_a_folder_without_weights_says_so(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "profile.json"):
        (tmp_path / name).write_text((folder / name).read_text())
    with pytest.raises(ModelNotFound, match="weights"):
        load(str(tmp_path), device="cpu")


def test_published_folders_state_pixels_in_a_file_of_their_own(
    folder: Path, llama: LoadedModel, tmp_path: Path
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "processor_config.json").unlink()
    stock_processor(llama.tokenizer).image_processor.save_pretrained(tmp_path)
    assert (tmp_path / "preprocessor_config.json").exists()
    assert load(str(tmp_path), device="cpu").pixel_mean == MEAN


def test_an_int8_model_loads_and_answers_on_a_cpu(folder: Path, llama: LoadedModel) -> None:
    network = load(str(folder), precision="int8", device="cpu").network
    ids = torch.tensor([[1, 5, 9, 12]])
    with torch.inference_mode():
        whole, small = llama.network(input_ids=ids).logits, network(input_ids=ids).logits
    assert torch.nn.functional.cosine_similarity(whole.flatten(), small.flatten(), dim=0) > 0.98
