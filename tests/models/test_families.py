"""The published families load from folders like theirs, are spoken to in their own format, and answer as `generate`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlavaNextForConditionalGeneration, LlavaNextProcessor

from llava_ocr.engines.base import StopReason
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.errors import ConfigError
from llava_ocr.models.load import LoadedModel, Precision, load, quantization
from tests.tiny.families import FAMILIES, HERMES_YI, VICUNA, Family, save_family
from tests.tiny.models import ask, page

PAGE = page(60, 40, 3)
CHATS = {"vicuna": "vicuna", "mistral": "mistral", "hermes-yi": "chatml"}


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture(scope="module")
def folder(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_family(family, tmp_path_factory.mktemp(family.name) / "checkpoint")


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return load(str(folder), device="cpu")


@pytest.fixture(scope="module")
def processor(folder: Path) -> Any:
    return LlavaNextProcessor.from_pretrained(folder, local_files_only=True)


def as_published(family: Family, processor: Any, text: str) -> str:
    """The conversation as the checkpoint's own template writes it, opened as its card does."""
    system = [{"role": "system", "content": [{"type": "text", "text": family.system}]}] if family.system else []
    user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}
    return str(processor.apply_chat_template([*system, user], add_generation_prompt=True))


def test_the_chat_format_is_told_by_the_folder(family: Family, model: LoadedModel) -> None:
    assert model.chat.name == CHATS[family.name]
    assert model.profile.context_tokens == family.context_tokens


def test_prompts_are_the_tokens_of_the_checkpoint_s_own_template(
    family: Family, model: LoadedModel, processor: Any
) -> None:
    request = ask("total 12.50", PAGE)
    written = as_published(family, processor, "total 12.50")
    expected = processor(text=written, images=[PAGE], return_tensors="pt")["input_ids"][0].tolist()
    assert PromptEncoder(model).encode(request) == expected
    assert (expected[0] == model.tokenizer.bos_token_id) is family.adds_bos


def generated(network: Any, written: str, processor: Any) -> list[int]:
    """What stock transformers says after a written conversation."""
    inputs = processor(text=written, images=[PAGE], return_tensors="pt")
    inputs.pop("token_type_ids", None)
    said: list[int] = network.generate(**inputs, do_sample=False, max_new_tokens=16)[0].tolist()
    return said[inputs["input_ids"].shape[1] :]


def test_answers_are_those_of_generate_up_to_the_family_s_end(
    family: Family, folder: Path, model: LoadedModel, processor: Any
) -> None:
    stock = LlavaNextForConditionalGeneration.from_pretrained(folder, local_files_only=True)
    new = generated(stock, as_published(family, processor, "date"), processor)
    end = model.tokenizer.convert_tokens_to_ids(family.end)
    [completion] = engine_of(model).complete([ask("date", PAGE, max_new_tokens=16)])
    assert completion.num_new_tokens == (new.index(end) if end in new else 16)
    assert completion.text == model.tokenizer.decode(new[: completion.num_new_tokens])


def test_the_family_s_own_end_ends_an_answer(family: Family, folder: Path, processor: Any) -> None:
    model = load(str(folder), device="cpu")
    said = generated(model.network, as_published(family, processor, "date"), processor)[0]
    head = model.network.lm_head.weight.data
    # The end now points where the first word does, only farther.
    head[model.tokenizer.convert_tokens_to_ids(family.end)] = 2 * head[said]
    [completion] = engine_of(model).complete([ask("date", PAGE, max_new_tokens=16)])
    assert (completion.stop_reason, completion.num_new_tokens) == (StopReason.END, 0)


def quantized(folder: Path, order: Precision) -> Any:
    """A network held as on a GPU: bitsandbytes has kernels for the CPU, too, if slow ones."""
    dtype = torch.float16 if order is Precision.INT8 else torch.bfloat16
    return LlavaNextForConditionalGeneration.from_pretrained(
        folder,
        local_files_only=True,
        dtype=dtype,
        device_map={"": "cpu"},
        quantization_config=quantization(order, dtype),
    ).eval()


@pytest.mark.parametrize("order", [Precision.INT8, Precision.NF4])
def test_a_quantized_decoder_leaves_eyes_and_head_whole(folder: Path, order: Precision) -> None:
    network = quantized(folder, order)
    kinds = {name: type(part).__name__ for name, part in network.named_modules() if "Linear" in type(part).__name__}
    held = {"int8": "Linear8bitLt", "nf4": "Linear4bit"}[order]
    assert {kinds[name] for name in kinds if ".language_model." in name} == {held}
    assert {kinds[name] for name in kinds if ".language_model." not in name} == {"Linear"}
    assert network.model.multi_modal_projector.linear_1.weight.dtype == network.dtype


@pytest.mark.parametrize("order", [Precision.INT8, Precision.NF4])
def test_a_quantized_decoder_answers(folder: Path, model: LoadedModel, order: Precision) -> None:
    engine = engine_of(replace(model, network=quantized(folder, order)))
    completions = engine.complete([ask(text, PAGE, max_new_tokens=4) for text in ("date", "total")])
    assert [(completion.error, completion.num_new_tokens > 0) for completion in completions] == [(None, True)] * 2


@pytest.mark.parametrize("order", ["fp8", "nf4"])
def test_quantized_weights_are_refused_on_a_cpu_with_the_reason(folder: Path, order: str) -> None:
    with pytest.raises(ConfigError, match=f"precision {order} needs a CUDA device and this engine runs on cpu"):
        load(str(folder), precision=order, device="cpu")


def test_nf4_is_computed_in_what_the_card_multiplies() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        told = quantization(Precision.NF4, dtype)
        assert (told.load_in_4bit, told.bnb_4bit_quant_type, told.bnb_4bit_compute_dtype) == (True, "nf4", dtype)
    assert quantization(Precision.INT8, torch.float16).load_in_8bit
    assert quantization(Precision.BF16, torch.bfloat16) is None


def test_a_vicuna_that_says_nothing_of_its_context_has_the_two_thousand_of_its_class(tmp_path: Path) -> None:
    saved = save_family(VICUNA, tmp_path / "checkpoint")
    path = saved / "config.json"
    path.write_text(path.read_text().replace('"max_position_embeddings": 4096,', ""))
    assert load(str(saved), device="cpu").profile.context_tokens == 2048


def test_a_page_can_t_end_a_chatml_turn(tmp_path: Path) -> None:
    model = load(str(save_family(HERMES_YI, tmp_path / "checkpoint")), device="cpu")
    end = model.tokenizer.convert_tokens_to_ids("<|im_end|>")
    plain, printed = (PromptEncoder(model).encode(ask(text, PAGE)) for text in ("total", "total <|im_end|>"))
    assert plain.count(end) == printed.count(end) == 2


def engine_of(model: LoadedModel) -> LocalEngine:
    def no_grammar(_: Any) -> Any:
        raise AssertionError("no request has a grammar")

    return LocalEngine(model, compile_grammar=no_grammar)
