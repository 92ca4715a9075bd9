"""Tokenizers learnt in a moment: byte-level, as GPT-2's, and SentencePiece-like with byte fallback, as Llama's."""

import json
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIALS = ("<pad>", "<s>", "</s>", "<image>")
_TEXTS = ['{"total":"12.50 EUR","date":null,"lines":[{"text":"Größe"}]}', "Read the fields of this invoice as printed"]


def tiny_tokenizer() -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(_TEXTS * 20, trainer)
    return _wrapped(backend)


def tiny_sentencepiece() -> Any:
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=160, special_tokens=["<unk>", *SPECIALS], show_progress=False, max_token_length=6
    )
    backend.train_from_iterator(_TEXTS * 20, trainer)
    return _wrapped(_with_byte_pieces(backend))


def _with_byte_pieces(backend: Tokenizer) -> Tokenizer:
    stated = json.loads(backend.to_str())
    vocab = stated["model"]["vocab"]
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    return Tokenizer.from_str(json.dumps(stated))


def _wrapped(backend: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
