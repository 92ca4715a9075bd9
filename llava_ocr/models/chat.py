"""How each backbone wants a conversation written. Pure text; which format a model takes comes from its folder.

The texts are those of the llava-hf model cards; a model trained on another wording answers worse, silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llava_ocr.errors import ConfigError
from llava_ocr.prompts import IMAGE_MARK, Exchange, Prompt

_VICUNA_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)


@dataclass(frozen=True)
class ChatFormat:
    """What stands before and after the user's turn. `{system}` and `{user}` are the places of the two texts.

    `with_system` writes a conversation that has a system text, `without_system` one that has none. `markers` are turn
    marks that the tokenizer may not know as special. `starts_with_bos` says that the first token must be the
    tokenizer's beginning-of-text whatever its own rule is. `gap` stands before an answer that is told
    again, `between` between it and the user's next turn.
    """

    name: str
    with_system: str
    without_system: str
    markers: tuple[str, ...] = ()
    starts_with_bos: bool = False
    gap: str = ""
    between: str = "\n"

    def write(self, prompt: Prompt) -> str:
        """Write the conversation up to where the answer begins."""
        pattern = self.with_system if prompt.system else self.without_system
        before, after = pattern.split("{user}")
        written = before.replace("{system}", prompt.system) + prompt.opening + after
        questions = (*(turn.asked for turn in prompt.history[1:]), prompt.user)
        for turn, question in zip(prompt.history, questions, strict=False):
            written += self.gap + turn.answered + self.between + question + after
        return written


MISTRAL = ChatFormat(
    "mistral",
    "[INST] {system}\n{user} [/INST]",
    "[INST] {user} [/INST]",
    markers=("[INST]", "[/INST]"),
    gap=" ",
    between="</s>[INST] ",
)
VICUNA = ChatFormat(
    "vicuna",
    "{system} USER: {user} ASSISTANT:",
    f"{_VICUNA_SYSTEM} USER: {{user}} ASSISTANT:",
    gap=" ",
    between="</s>USER: ",
)
_CHATML_TURNS = "<|im_start|>user\n{user}<|im_end|><|im_start|>assistant\n"
CHATML = ChatFormat(
    "chatml",
    "<|im_start|>system\n{system}<|im_end|>" + _CHATML_TURNS,
    "<|im_start|>system\nAnswer the questions.<|im_end|>" + _CHATML_TURNS,
    markers=("<|im_start|>", "<|im_end|>"),
    between="<|im_end|><|im_start|>user\n",
)
# The small model's own: the question, a line's end, the answer.
PLAIN = ChatFormat("plain", "{system}\n{user}\n", "{user}\n", starts_with_bos=True)

CHAT_FORMATS: Mapping[str, ChatFormat] = {chat.name: chat for chat in (MISTRAL, VICUNA, CHATML, PLAIN)}


# What opens or closes a turn, or the text, in any of these families.
TURN_MARKS = ("<s>", "</s>", "<unk>", "<pad>", "<|endoftext|>", "<|startoftext|>", *MISTRAL.markers, *CHATML.markers)


def chat_named(name: str) -> ChatFormat:
    """Return the format of that name. Raises ConfigError."""
    if name not in CHAT_FORMATS:
        raise ConfigError(f"no chat format is called {name!r}; there are {', '.join(CHAT_FORMATS)}")
    return CHAT_FORMATS[name]


def choose_chat(model_name: str, config: Mapping[str, Any], chat_template: str = "") -> ChatFormat:
    """Pick the format of a LLaVA-NeXT model by its chat template, else its backbone, else its name.

    Raises ConfigError where none of them tells: a wrong format would go unnoticed.
    """
    if found := _by_words(_TEMPLATE_WORDS, chat_template):
        return found
    text_config = config.get("text_config") or {}
    names = " ".join(str(name) for name in (model_name, text_config.get("_name_or_path", "")))
    if found := _by_words(_NAME_WORDS, names.lower()):
        return found
    if text_config.get("model_type") == "mistral":
        return MISTRAL
    raise ConfigError(
        f"can't tell the chat format of {model_name}: put a profile.json with "
        f'"chat": one of {", ".join(CHAT_FORMATS)} into its folder'
    )


def defuse(text: str, marks: Iterable[str], *, num_images: int) -> str:
    """Break up what would read as one of `marks` (special tokens, turns); the first `num_images` image marks stay.

    A page may print "</s>", "<image>" or "<|im_end|>". Its words must not end or extend the conversation.
    """
    parts = text.split(IMAGE_MARK)
    assert len(parts) > num_images, f"{len(parts) - 1} image marks for {num_images} images"
    broken = IMAGE_MARK[0] + " " + IMAGE_MARK[1:]
    kept = [*parts[:num_images], broken.join(parts[num_images:])]
    for token in marks:
        if len(token) > 1 and token != IMAGE_MARK:
            kept = [part.replace(token, f"{token[0]} {token[1:]}") for part in kept]
    return IMAGE_MARK.join(kept)


def defused(prompt: Prompt, marks: Sequence[str], *, num_images: int) -> Prompt:
    """Defuse every turn of a prompt; the image marks of the first stay."""
    later = [defuse(text, marks, num_images=0) for text in (*(turn.asked for turn in prompt.history[1:]), prompt.user)]
    opening = defuse(prompt.opening, marks, num_images=num_images)
    asked = [opening, *later] if prompt.history else [opening]
    history = [
        Exchange(question, defuse(turn.answered, marks, num_images=0))
        for question, turn in zip(asked, prompt.history, strict=False)
    ]
    return Prompt(asked[-1], defuse(prompt.system, marks, num_images=0), tuple(history))


# Turn markers that only one family writes.
_TEMPLATE_WORDS = {"<|im_start|>": CHATML, "[INST]": MISTRAL, "ASSISTANT:": VICUNA}
# Hermes and Yi are ChatML though their backbones are Mistral and Llama: they come first.
_NAME_WORDS = {"hermes": CHATML, "yi-34b": CHATML, "34b": CHATML, "vicuna": VICUNA, "mistral": MISTRAL}


def _by_words(words: Mapping[str, ChatFormat], text: str) -> ChatFormat | None:
    return next((chat for word, chat in words.items() if word in text), None)
