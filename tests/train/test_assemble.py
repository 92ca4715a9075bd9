import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    CLIPVisionConfig,
    CLIPVisionModel,
    GPT2Config,
    LlavaNextForConditionalGeneration,
)

from llava_ocr.errors import ConfigError
from llava_ocr.models.load import load
from llava_ocr.train.assemble import ProjectorKind, assemble, fresh
from tests.tiny.models import BACKBONES
from tests.tiny.tokenizers import tiny_sentencepiece


@pytest.fixture
def tower(tmp_path):
    config = CLIPVisionConfig(image_size=28, patch_size=7, hidden_size=24, intermediate_size=32, num_hidden_layers=2,
                              num_attention_heads=2)  # fmt: skip
    CLIPVisionModel(config).save_pretrained(tmp_path / "vision")
    return tmp_path / "vision"


def language_folder(folder, backbone):
    tokenizer = tiny_sentencepiece()
    config = BACKBONES[backbone](vocab_size=len(tokenizer), bos_token_id=2, eos_token_id=3, pad_token_id=1)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


@pytest.mark.parametrize("backbone", ["llama", "mistral", "yi"])
@pytest.mark.parametrize("kind", ProjectorKind)
def test_two_models_are_joined_with_their_weights_and_load_in_stock(backbone, kind, tower, tmp_path):
    language = language_folder(tmp_path / "language", backbone)
    assemble(tower, tmp_path / "language", projector=kind, chat="vicuna", folder=tmp_path / "joined")
    joined = LlavaNextForConditionalGeneration.from_pretrained(tmp_path / "joined")
    tokens = torch.arange(5, 40)[None]
    expected = language.eval()(input_ids=tokens).logits
    assert torch.allclose(joined(input_ids=tokens).logits[..., : expected.shape[-1]], expected, atol=1e-5)
    assert load(str(tmp_path / "joined")).chat.name == "vicuna"


def test_a_linear_projector_is_linear_after_loading(tower, tmp_path):
    language_folder(tmp_path / "language", "llama")
    assemble(tower, tmp_path / "language", projector="linear", chat="plain", folder=tmp_path / "joined")
    project = load(str(tmp_path / "joined")).network.model.multi_modal_projector
    a, b = torch.randn(2, 3, 24)
    nothing = project(torch.zeros(3, 24))
    assert torch.allclose(project(a + 2 * b) - nothing, project(a) + 2 * project(b) - 3 * nothing, atol=1e-5)


def test_another_backbone_is_refused():
    with pytest.raises(ConfigError, match="gpt2"):
        fresh(CLIPVisionConfig(), GPT2Config(), kind=ProjectorKind.LINEAR, tokenizer=tiny_sentencepiece())
