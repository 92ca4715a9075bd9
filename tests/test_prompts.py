import pytest

from llava_ocr.geometry import Box
from llava_ocr.prompts import IMAGE_MARK, PromptForm, ask_for_record, empty_answer, fold
from llava_ocr.records import Word
from llava_ocr.schema import DocumentSchema, Money, Text, read, tree
from llava_ocr.words.layout import Layout, lay_out


class Slip(DocumentSchema):
    """A slip."""

    shop: Text | None = read("The shop", labels=("Shop", "Geschäft"))
    total: Money | None = read("Amount paid", labels=("Total", "Summe"))


@pytest.fixture
def layout() -> Layout:
    words = [Word("Geschäft:", Box(0.1, 0.1, 0.3, 0.12)), Word("Ahoi", Box(0.35, 0.1, 0.45, 0.12))]
    return lay_out(words, aspect=0.7)


def test_the_image_comes_first_and_the_fields_last(layout: Layout) -> None:
    user = ask_for_record(tree(Slip), layout).user
    assert user.startswith(IMAGE_MARK)
    assert user.index("Ahoi") < user.index("total amount:")


def test_only_labels_that_stand_on_the_page_are_named(layout: Layout) -> None:
    user = ask_for_record(tree(Slip), layout).user
    assert "shop text: Geschäft" in user
    assert "Shop" not in user


def test_a_field_without_a_printed_label_shows_its_hint(layout: Layout) -> None:
    assert "total amount: Amount paid" in ask_for_record(tree(Slip), layout).user


def test_what_rules_read_stands_last_in_the_answers_own_form(layout: Layout) -> None:
    user = ask_for_record(tree(Slip), layout, guesses={"shop": "Ahoi", "other": "no field"}).user
    assert user.endswith('Rules read, right or wrong:\n{"shop":"Ahoi","total":null}')


def test_where_rules_read_nothing_nothing_is_told(layout: Layout) -> None:
    assert ask_for_record(tree(Slip), layout, guesses={"other": "no field"}).user.endswith("Amount paid")


def test_without_words_all_labels_are_named() -> None:
    user = ask_for_record(tree(Slip), None).user
    assert "shop text: Shop, Geschäft" in user
    assert "Words on the page" not in user


def test_a_model_that_finds_gets_the_numbered_fields_before_the_words_in_columns(layout: Layout) -> None:
    user = ask_for_record(tree(Slip), layout, form=PromptForm.FIND).user
    assert user.index("00 shop text: Geschäft\n01 total amount:") < user.index("Ahoi")
    assert user.endswith(f"{' ' * 12}Geschäft:{' ' * 36}Ahoi")


def test_folding_forgets_case_accents_and_punctuation() -> None:
    assert fold("  Geschäft-Nr.: ") == fold("GESCHAFT NR")


def test_the_empty_answer_has_the_whole_shape() -> None:
    assert empty_answer(tree(Slip)) == {"shop": None, "total": None}
