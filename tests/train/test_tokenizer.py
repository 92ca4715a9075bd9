import pytest
from transformers import AutoTokenizer

from llava_ocr.train.tokenizer import MAX_GAP, SPECIALS


def pieces(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize("text", ["Müller & Söhne 12.345,67 €", "漢字\t\u0000", '{"a":"1","b":null}', "  x\n   y  "])
def test_every_text_comes_back(tokenizer, text):
    assert tokenizer.decode(pieces(tokenizer, text)) == text


@pytest.mark.parametrize("word", ["Rechnung", "RE-2024/0017", "1.234,56", "müller@example.de", "2024-01-31"])
def test_a_word_has_the_same_pieces_on_the_page_and_in_the_answer(tokenizer, word):
    alone = pieces(tokenizer, word)
    for before, after in [('":"', '"'), (" ", " "), ("    ", "\n"), ("\n", "  "), (" ", '"')]:
        whole = pieces(tokenizer, before + word + after)
        edge = len(pieces(tokenizer, before))
        assert whole[edge : edge + len(alone)] == alone


@pytest.mark.parametrize("width", range(1, MAX_GAP + 1))
def test_a_gap_is_one_piece(tokenizer, width):
    assert len(pieces(tokenizer, "a" + " " * width + "b")) == 3


def test_specials_come_first_and_survive_saving(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.convert_tokens_to_ids(list(SPECIALS)) == [0, 1, 2, 3]
    assert loaded.encode("<s>a<image>") == tokenizer.encode("<s>a<image>")


def test_grammar_library_tokenizes_alike(tokenizer):
    llguidance_hf = pytest.importorskip("llguidance.hf")
    text = '{"invoice_number":"RE-12","total":null}'
    assert llguidance_hf.from_tokenizer(tokenizer).tokenize_str(text) == pieces(tokenizer, text)
