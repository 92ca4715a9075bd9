"""Linear layers in 8 bits."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from llava_ocr.models.load import LoadedModel, load
from llava_ocr.models.quantized import Fp8Linear, Int8Linear, quantize
from tests.tiny.models import save_tiny, tiny_model

KINDS = [Int8Linear, Fp8Linear]


@pytest.mark.parametrize(("kind", "slack"), [(Int8Linear, 0.02), (Fp8Linear, 0.08)])
@pytest.mark.parametrize("has_bias", [False, True])
def test_products_are_nearly_those_of_whole_weights(
    kind: type[Int8Linear] | type[Fp8Linear], slack: float, has_bias: bool
) -> None:
    torch.manual_seed(1)
    linear = nn.Linear(64, 48, bias=has_bias)
    given = torch.randn(2, 5, 64)
    wanted, found = linear(given), kind(linear)(given)
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert (found - wanted).norm() / wanted.norm() < slack


@given(st.lists(st.floats(1e-6, 1e4), min_size=2, max_size=5), st.sampled_from(KINDS))
@settings(deadline=None, max_examples=25)
def test_a_row_does_not_depend_on_its_company(scales: list[float], kind: type[Int8Linear] | type[Fp8Linear]) -> None:
    torch.manual_seed(2)
    layer = kind(nn.Linear(32, 16, bias=False))
    rows = torch.randn(len(scales), 32) * torch.tensor(scales)[:, None]
    together = layer(rows)
    for index, row in enumerate(rows):
        torch.testing.assert_close(layer(row[None])[0], together[index])


def test_a_row_of_zeros_stays_one() -> None:
    assert not Int8Linear(nn.Linear(32, 16, bias=False))(torch.zeros(1, 32)).any()


def test_only_the_language_models_layers_are_put_in_8_bits(llama: LoadedModel) -> None:
    network = tiny_model("llama", llama.tokenizer).network
    quantize(network, Int8Linear)
    kinds = {name: type(module) for name, module in network.named_modules()}
    inside = [kind for name, kind in kinds.items() if "language_model" in name]
    assert Int8Linear in inside and nn.Linear not in inside
    assert kinds["lm_head"] is nn.Linear
    assert Int8Linear not in [kind for name, kind in kinds.items() if "vision_tower" in name]


def test_an_int8_model_loads_and_answers_on_a_cpu(tmp_path: Path, llama: LoadedModel) -> None:
    folder = save_tiny(llama, tmp_path / "vicuna")
    network = load(str(folder), precision="int8", device="cpu").network
    ids = torch.tensor([[1, 5, 9, 12]])
    with torch.inference_mode():
        whole, small = llama.network(input_ids=ids).logits, network(input_ids=ids).logits
    assert torch.nn.functional.cosine_similarity(whole.flatten(), small.flatten(), dim=0) > 0.98
