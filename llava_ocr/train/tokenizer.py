"""The small model's tokenizer: made so that copying is easy.

A word has the same pieces wherever it stands, because nothing merges across the edge of a run of letters: spaces,
digits (in pairs) and punctuation are pieces of their own. A run of spaces is one piece, whose number is its width,
so the columns of a layout cost one piece a gap. Bytes are the fallback, so every text has pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from llava_ocr.prompts import IMAGE_MARK

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
SPECIALS = (PAD, BOS, EOS, IMAGE_MARK)
# The layout's text is 96 columns wide.
MAX_GAP = 96
_SPACE, _NEWLINE = "Ġ", "Ċ"
# Leaders and rules: runs of these are a few pieces, not one a dot.
_RUNS = ".-_=*"
MAX_RUN = 64
_PIECES = rf"\p{{L}}+|\p{{N}}{{1,2}}| +|\s|([{re.escape(_RUNS)}])\1+|[^\s\p{{L}}\p{{N}}]"


def train_tokenizer(texts: Iterable[str], *, num_pieces: int) -> PreTrainedTokenizerFast:
    """Learn letter merges from `texts`; the vocabulary is `num_pieces` long, specials and gaps included."""
    pairs = [f"{tens}{ones}" for tens in range(10) for ones in range(10)]
    runs = [*_gap_merges(), *_run_merges()]
    letters = _learn(texts, num_pieces=num_pieces - len(SPECIALS) - len(pairs) - len(runs))
    vocab = {token: index for index, token in enumerate(SPECIALS)}
    merges = [*letters, *((pair[0], pair[1]) for pair in pairs), *runs]
    for piece in [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(merge) for merge in merges)]:
        vocab.setdefault(piece, len(vocab))
    return _wrapped(_with_splitting(Tokenizer(models.BPE(vocab=vocab, merges=merges))))


def _learn(texts: Iterable[str], *, num_pieces: int) -> list[tuple[str, str]]:
    """Merges inside words that have a letter, in order of frequency."""
    learner = _with_splitting(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(
        vocab_size=num_pieces, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    words = (" ".join(re.findall(r"[^\W\d_]+|[^\x00-\x7f]", text)) for text in texts)
    learner.train_from_iterator((re.sub(" +", " ", text) for text in words), trainer)
    return [(str(a), str(b)) for a, b in json.loads(learner.to_str())["model"]["merges"]]


def _gap_merges() -> list[tuple[str, str]]:
    """Merges that turn a run of up to `MAX_GAP` spaces into one piece: powers of two, then power + rest."""
    powers = [2**n for n in range(1, 7)]
    merges = [(_SPACE * (power // 2), _SPACE * (power // 2)) for power in powers]
    for length in range(3, MAX_GAP + 1):
        power = max(p for p in (1, *powers) if p <= length)
        if power != length:
            merges.append((_SPACE * power, _SPACE * (length - power)))
    return merges


def _run_merges() -> list[tuple[str, str]]:
    """Merges that double a run of one sign, up to `MAX_RUN`."""
    return [(sign * length, sign * length) for sign in _RUNS for length in (1, 2, 4, 8, 16, 32)]


def _with_splitting(tokenizer: Tokenizer) -> Tokenizer:
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        extra_special_tokens={"image_token": IMAGE_MARK},
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def character_tokenizer() -> PreTrainedTokenizerFast:
    """Make the tokenizer of models that read pixels: a Latin character is one piece, as it is one thing to see.

    Letters of other scripts are bytes; runs of spaces or of one sign are one piece.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [*_latin_merges(), *_gap_merges(), *_run_merges()]
    pieces = [*SPECIALS, *alphabet, *("".join(merge) for merge in merges)]
    vocab = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return _wrapped(_with_splitting(Tokenizer(models.BPE(vocab=vocab, merges=merges))))


def _latin_merges() -> list[tuple[str, str]]:
    """Merges that make one piece of each character from U+00A1 to U+017F, which has two bytes."""
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    shown = (splitter.pre_tokenize_str(chr(number))[0][0] for number in range(0xA1, 0x180))
    return [(two[0], two[1]) for two in shown]
