from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from llava_ocr.train.block_decoder import BlockDecoder

WIDTH = 48


def network(*, is_adapted: bool) -> Any:
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=40,
        hidden_size=WIDTH,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
    )
    made: Any = LlamaForCausalLM(shape).requires_grad_(False)
    if is_adapted:
        targets = r".*layers\.(1|2)\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
        inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, target_modules=targets), made)
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, 0, 0.1)
    return made


def passed_apart(made: Any, embedded_ND: Tensor, lengths: list[int]) -> Tensor:
    """Each question by itself behind the page, by transformers' own layers."""
    page, *questions = embedded_ND.split(lengths)
    passes = [torch.cat([page, question]) for question in questions]
    read = [made.model(inputs_embeds=each[None], use_cache=False).last_hidden_state[0] for each in passes]
    return torch.cat([read[0][: len(page)], *(each[len(page) :] for each in read)])


@pytest.mark.parametrize("is_adapted", [False, True])
@pytest.mark.parametrize("lengths", [[11, 5, 7, 1], [1, 3], [4, 6, 6]])
def test_a_question_sees_the_page_and_itself_as_if_it_stood_there_alone(lengths: list[int], is_adapted: bool) -> None:
    made = network(is_adapted=is_adapted)
    embedded_ND = torch.randn(sum(lengths), WIDTH)
    torch.testing.assert_close(BlockDecoder(made.model)(embedded_ND, lengths), passed_apart(made, embedded_ND, lengths))


def test_gradients_are_those_of_separate_passes() -> None:
    made, lengths = network(is_adapted=True), [9, 5, 6]
    embedded_ND = torch.randn(sum(lengths), WIDTH, requires_grad=True)
    slope_ND = torch.randn(sum(lengths), WIDTH)

    def gradients(read: Tensor) -> list[Tensor]:
        trained = [weight for weight in made.parameters() if weight.requires_grad]
        return list(torch.autograd.grad((read * slope_ND).sum(), [embedded_ND, *trained]))

    together = gradients(BlockDecoder(made.model)(embedded_ND, lengths))
    torch.testing.assert_close(together, gradients(passed_apart(made, embedded_ND, lengths)))


def test_an_update_of_the_adapters_is_seen_by_the_next_pass() -> None:
    made = network(is_adapted=True)
    decoder, embedded_ND = BlockDecoder(made.model), torch.randn(6, WIDTH)
    before = decoder(embedded_ND, [4, 2])
    with torch.no_grad():
        made.get_parameter("model.layers.2.mlp.down_proj.lora_B.default.weight").add_(0.1)
    after = decoder(embedded_ND, [4, 2])
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, passed_apart(made, embedded_ND, [4, 2]))
