from __future__ import annotations

import json

import pytest
from llguidance import LLTokenizer
from llguidance.hf import from_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from llava_ocr.constrain.decoder import GrammarCompiler

CORPUS = [
    'Invoice No. 4711 Date 03.04.2025 Total 1.234,56 EUR {"invoice_number":"4711","issue_date":null,"lines":[]}',
    "Acme & Sons Ltd, 12 High Street, Größe Straße Müller café Rechnung Betrag netto brutto MwSt",
] * 20


@pytest.fixture(scope="session")
def byte_compiler() -> GrammarCompiler:
    """One token a byte: the grammar alone."""
    return GrammarCompiler(LLTokenizer("byte"), num_tokens=257)


@pytest.fixture(scope="session")
def byte_level_bpe() -> PreTrainedTokenizerFast:
    """Merges over bytes, as GPT-2 and Llama 3 have them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="session")
def metaspace_bpe() -> PreTrainedTokenizerFast:
    """Merges over characters with byte fallback, as Llama 2, Vicuna and Mistral have them."""
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<unk>", "<s>", "</s>", *fallback], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # The trainer can only add them as special tokens, which real tokenizers of this family do not have them as.
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in fallback]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="session", params=["byte_level_bpe", "metaspace_bpe"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """A real tokenizer, of each of the two families."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, PreTrainedTokenizerFast)
    return found


@pytest.fixture(scope="session")
def compiler(tokenizer: PreTrainedTokenizerFast) -> GrammarCompiler:
    return GrammarCompiler.for_tokenizer(tokenizer)


@pytest.fixture(scope="session")
def token_bytes(tokenizer: PreTrainedTokenizerFast) -> list[bytes]:
    """What each token stands for."""
    known = from_tokenizer(tokenizer)
    return [known.decode_bytes([token]) for token in range(len(tokenizer))]
