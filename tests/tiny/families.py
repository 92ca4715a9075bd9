"""Tiny checkpoints in the shapes and with the files of the published families: Vicuna, Mistral, Hermes on Yi."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    MistralConfig,
)

from tests.tiny.models import PATCH_PX, PINPOINTS, TILE_PX, stock_processor
from tests.tiny.tokenizers import tiny_tokenizer

_PARTS = (
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>\n' }}{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
)
_SHAPE = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@dataclass(frozen=True)
class Family:
    """`template` writes conversations as the published one does; `system` is what the model's card begins with."""

    name: str
    backbone: Callable[..., Any]
    template: str
    system: str
    context_tokens: int
    adds_bos: bool
    marks: tuple[str, ...] = ()
    end: str = "</s>"


VICUNA = Family(
    name="vicuna",
    backbone=lambda **kwargs: LlamaConfig(**_SHAPE, **kwargs),
    template=(
        "{% for message in messages %}"
        "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
        + _PARTS
        + "{{ ' ' }}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    ),
    system=(
        "A chat between a curious human and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the human's questions."
    ),
    context_tokens=4096,
    adds_bos=True,
)
MISTRAL = Family(
    name="mistral",
    backbone=lambda **kwargs: MistralConfig(
        num_key_value_heads=2, sliding_window=None, rope_parameters=_rope(1e6), **_SHAPE, **kwargs
    ),
    template="{% for message in messages %}{{ '[INST] ' }}" + _PARTS + "{{ ' [/INST]' }}{% endfor %}",
    system="",
    context_tokens=32_768,
    adds_bos=True,
)
HERMES_YI = Family(
    name="hermes-yi",
    backbone=lambda **kwargs: LlamaConfig(
        num_key_value_heads=2, rope_parameters=_rope(5e6), rms_norm_eps=1e-5, **_SHAPE, **kwargs
    ),
    template=(
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
        + _PARTS
        + "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    system="Answer the questions.",
    context_tokens=4096,
    adds_bos=False,
    marks=("<|im_start|>", "<|im_end|>"),
    end="<|im_end|>",
)
FAMILIES = (VICUNA, MISTRAL, HERMES_YI)


def save_family(family: Family, folder: Path) -> Path:
    """Write a checkpoint as published: no card of ours, a chat template, a padded vocabulary, the family's end."""
    tokenizer = _tokenizer(family)
    torch.manual_seed(7)
    text = family.backbone(
        # Published heads are padded to a multiple of 64.
        vocab_size=-(-len(tokenizer) // 64) * 64,
        max_position_embeddings=family.context_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.convert_tokens_to_ids(family.end),
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    vision = CLIPVisionConfig(
        image_size=TILE_PX,
        patch_size=PATCH_PX,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaNextConfig(
        vision_config=vision, text_config=text, image_token_index=image_id, image_grid_pinpoints=PINPOINTS
    )
    LlavaNextForConditionalGeneration(config).eval().save_pretrained(folder)
    processor = stock_processor(tokenizer)
    processor.chat_template = family.template
    processor.save_pretrained(folder)
    return folder


def _tokenizer(family: Family) -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(list(family.marks), special_tokens=True)
    if family.adds_bos:
        begin = (tokenizer.bos_token, tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{begin[0]} $A", pair=f"{begin[0]} $A $B", special_tokens=[begin]
        )
    tokenizer.eos_token = family.end
    return tokenizer


def _rope(theta: float) -> dict[str, Any]:
    return {"rope_theta": theta, "rope_type": "default"}
