import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import TokenTrace
from llava_ocr.engines.logprobs import trace


def token(text: str, **more: object) -> dict[str, object]:
    return {"token": text, "logprob": -0.5, **more}


def test_a_stop_token_after_the_text_is_left_out() -> None:
    assert trace([token("{"), token("}"), token("</s>")], "{}").ends == (1, 2)


def test_a_space_before_the_text_belongs_to_no_character() -> None:
    assert trace([token(" "), token(" {"), token("}")], "{}").ends == (0, 1, 2)


def test_a_character_of_several_tokens_ends_with_the_last() -> None:
    euro = "€".encode()
    halves = [token("\ufffd", bytes=list(euro[:1])), token("\ufffd", bytes=list(euro[1:])), token("5")]
    assert trace(halves, "€5").ends == (0, 1, 2)


@pytest.mark.parametrize(
    "tokens",
    [None, [], "x", ["{"], [None], [{}], [token("["), token("]")], [{"token": "{}", "logprob": None}],
     [{"token": "{}", "logprob": float("nan")}], [token("{")], [token("", bytes=[999])]],
)  # fmt: skip
def test_tokens_that_are_not_the_text_tell_nothing(tokens: object) -> None:
    assert trace(tokens, "{}") == TokenTrace()


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.data())
def test_however_bytes_are_cut_the_ends_rise_to_the_end_of_the_text(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw)), max_size=8)) | {len(raw)})
    starts = [0, *cuts[:-1]]
    tokens = [token("?", bytes=list(raw[start:end])) for start, end in zip(starts, cuts, strict=True)]
    found = trace([*tokens, token("</s>")], text)
    assert list(found.ends) == sorted(found.ends)
    assert found.ends[-1] == len(text)
    assert len(found.logprobs) == len(found.forced) == len(found.ends) == len(tokens)
