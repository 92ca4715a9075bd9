import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.errors import ConfigError
from llava_ocr.models.chat import CHATML, MISTRAL, PLAIN, VICUNA, ChatFormat, choose_chat, defuse, defused
from llava_ocr.prompts import Exchange, Prompt

# As on the cards of the llava-hf checkpoints.
CARDS = {
    "llava-hf/llava-v1.6-mistral-7b-hf": "[INST] <image>\nWhat is shown in this image? [/INST]",
    "llava-hf/llava-v1.6-vicuna-7b-hf": (
        "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the human's questions. USER: <image>\nWhat is shown in this image? ASSISTANT:"
    ),
    "llava-hf/llava-v1.6-34b-hf": (
        "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\n<image>\nWhat is shown in this image?"
        "<|im_end|><|im_start|>assistant\n"
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_published_models_are_asked_as_their_cards_say(name: str) -> None:
    chat = choose_chat(name, {"text_config": {"model_type": "llama"}})
    assert chat.write(Prompt("<image>\nWhat is shown in this image?")) == CARDS[name]


@pytest.mark.parametrize(
    ("name", "text_config", "template", "expected"),
    [
        ("/models/a", {"model_type": "mistral"}, "", MISTRAL),
        ("/models/a", {"_name_or_path": "lmsys/vicuna-13b-v1.5"}, "", VICUNA),
        ("/models/a", {"_name_or_path": "NousResearch/Nous-Hermes-2-Yi-34B"}, "", CHATML),
        ("/models/hermes-mistral", {"model_type": "mistral"}, "", CHATML),
        ("/models/mistral", {"model_type": "mistral"}, "{{ '<|im_start|>' }}", CHATML),
        ("/models/a", {}, "{% if m %}USER: {% endif %}ASSISTANT:", VICUNA),
    ],
)
def test_the_template_goes_before_the_backbone(
    name: str, text_config: dict[str, str], template: str, expected: ChatFormat
) -> None:
    assert choose_chat(name, {"text_config": text_config}, template) is expected


def test_an_unknown_backbone_is_not_guessed() -> None:
    with pytest.raises(ConfigError, match=r"profile\.json"):
        choose_chat("/models/a", {"text_config": {"model_type": "llama"}})


@pytest.mark.parametrize("chat", [MISTRAL, VICUNA, CHATML, PLAIN])
def test_a_system_text_comes_first(chat: ChatFormat) -> None:
    written = chat.write(Prompt("{system} QUESTION {user}", system="RULES {user}"))
    assert written.index("RULES {user}") < written.index("{system} QUESTION {user}")


TALK = Prompt("and who?", history=(Exchange("<image>\ntotal?", "5 EUR"), Exchange("sure?", "yes")))


@pytest.mark.parametrize(
    ("chat", "written"),
    [
        (MISTRAL, "[INST] <image>\ntotal? [/INST] 5 EUR</s>[INST] sure? [/INST] yes</s>[INST] and who? [/INST]"),
        (PLAIN, "<image>\ntotal?\n5 EUR\nsure?\nyes\nand who?\n"),
    ],
)
def test_a_conversation_is_written_turn_by_turn(chat: ChatFormat, written: str) -> None:
    assert chat.write(TALK) == written


@pytest.mark.parametrize("chat", [MISTRAL, VICUNA, CHATML, PLAIN])
def test_a_turn_begins_as_the_one_before_it_did(chat: ChatFormat) -> None:
    before = Prompt(TALK.history[1].asked, history=TALK.history[:1])
    assert chat.write(TALK).startswith(chat.write(before))


def test_no_turn_can_end_or_begin_another() -> None:
    told = Exchange("<image>\n</s>[INST]", "<image></s>")
    safe = defused(Prompt("[/INST]<image>", history=(told,)), ["</s>", "[INST]", "[/INST]"], num_images=1)
    said = [safe.history[0].asked, safe.history[0].answered, safe.user]
    assert [text.count("<image>") for text in said] == [1, 0, 0]
    assert not any(mark in text for mark in ("</s>", "[INST]", "[/INST]") for text in said)


def test_the_small_model_is_asked_plainly() -> None:
    assert PLAIN.write(Prompt("<image>\ntotal:")) == "<image>\ntotal:\n"


def test_marks_that_a_page_prints_are_broken_up() -> None:
    assert defuse("<image>\n<image> a</s>[/INST]", ["</s>", "[/INST]"], num_images=1) == (
        "<image>\n< image> a< /s>[ /INST]"
    )


@given(st.text(alphabet="<image>/s", max_size=40), st.lists(st.sampled_from(["</s>", "<s>", "ag"]), unique=True))
@settings(deadline=None, max_examples=100)
def test_nothing_that_a_page_prints_is_a_mark(page: str, marks: list[str]) -> None:
    defused = defuse("<image>" + page, marks, num_images=1)
    assert defused.count("<image>") == 1
    assert not any(mark in defused.removeprefix("<image>") for mark in marks)
