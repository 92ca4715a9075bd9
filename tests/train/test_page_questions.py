import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from llava_ocr.catalog import Catalog
from llava_ocr.constrain.check import violations
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import ask_for_record
from llava_ocr.schema import LeafNode, tree
from llava_ocr.train.choice_loss import choice_logits, choice_loss
from llava_ocr.train.page_maker import PageMaker
from llava_ocr.train.page_questions import AskedTokens, Choice, PageQuestions, QuestionEncoder
from llava_ocr.train.page_recipes import pages_learn
from llava_ocr.train.questions import Question
from tests.tiny.models import tiny_model
from tests.tiny.tokenizers import tiny_tokenizer

NUM_VISUAL = 17


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return tiny_model("llama", tiny_tokenizer(), context_tokens=8192)


class Kept(QuestionEncoder):
    """Remembers what it encoded."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        self.questions: list[Question] = []

    def encode(self, questions, *, num_visual, overview_HWC=None):  # type: ignore[no-untyped-def]
        self.questions = list(questions)
        return super().encode(questions, num_visual=num_visual, overview_HWC=overview_HWC)


@pytest.fixture(scope="module")
def made(model: LoadedModel) -> tuple[PageMaker, Kept]:
    mix = replace(pages_learn().mix, max_page_tokens=8000, max_tokens=50_000, overview_share=0.5)
    encoder = Kept(model)
    known = {name: tree(Catalog().get(name)) for name in ("invoice", "receipt", "statement")}
    return PageMaker(mix, encoder, known=known, tile_px=28, num_visual=NUM_VISUAL), encoder


def asked_apart(
    made: tuple[PageMaker, Kept], position: int, *, num_visual: int = 0
) -> list[tuple[Question, PageQuestions]]:
    """The questions of a page, each encoded by itself; what its grammar does not let through is left out."""
    maker, encoder = made
    maker.example(position)
    encoded = [(question, encoder.encode([question], num_visual=num_visual)) for question in encoder.questions]
    return [(question, example) for question, example in encoded if example is not None]


@pytest.mark.parametrize("position", range(5))
def test_every_answer_keeps_to_its_grammar_and_is_chosen_among_what_that_allows(
    position: int, made: tuple[PageMaker, Kept], model: LoadedModel
) -> None:
    asked = asked_apart(made, position)
    assert asked
    for question, example in asked:
        [one] = example.asked
        assert all(one.tokens[choice.place] == choice.allowed[choice.right] for choice in one.choices)
        assert all(len(choice.allowed) > 1 for choice in one.choices)
        # The answer's first character is forced, and no field's line ends with it.
        text = model.tokenizer.decode([*example.page, *one.tokens])
        answer = text[text.rindex("\n{") + 1 :]
        assert violations(answer, question.root, question.layout) == ()
        said = json.loads(answer)
        for leaf in question.root.children:
            if isinstance(leaf, LeafNode):
                value = question.values.get(leaf.path)
                assert said[leaf.name] == (None if value is None else value.text)


def test_page_and_question_are_the_prompt_that_the_engine_reads(
    made: tuple[PageMaker, Kept], model: LoadedModel
) -> None:
    for question, example in asked_apart(made, 3, num_visual=NUM_VISUAL):
        prompt = ask_for_record(
            question.root,
            question.layout,
            page_index=question.page_index,
            num_pages=question.num_pages,
            guesses=question.guesses,
        )
        whole = PromptEncoder(model).expand(prompt, [NUM_VISUAL])
        [one] = example.asked
        assert [*example.page, *one.tokens][: len(whole)] == whole
        assert min(choice.place for choice in one.choices) >= len(whole) - len(example.page)


def test_a_position_gives_the_same_page_again(made: tuple[PageMaker, Kept]) -> None:
    maker, _ = made
    first, again = maker.example(5), maker.example(5)
    assert np.array_equal(first.page, again.page)
    assert [one.tokens.tolist() for one in first.asked] == [one.tokens.tolist() for one in again.asked]


def free_choices(vocabulary: int) -> PageQuestions:
    """A page with one question, whose answer's tokens any token of the vocabulary could have been."""
    everything = np.arange(vocabulary, dtype=np.int32)
    tokens = np.array([7, 9, 11, 8, 12], np.int32)
    choices = tuple(Choice(place, everything, int(tokens[place])) for place in (3, 4))
    return PageQuestions(np.array([5, 6], np.int32), (AskedTokens(tokens, choices, num_fields=1),))


def test_where_the_grammar_allows_everything_the_loss_is_the_plain_one(model: LoadedModel) -> None:
    network = model.network
    vocabulary = network.lm_head.weight.shape[0]
    example = free_choices(vocabulary)
    tokens = torch.tensor([*example.page, *example.asked[0].tokens]).long()
    with torch.no_grad():
        logits = network(input_ids=tokens[None]).logits[0]
        plain = F.cross_entropy(logits[4:6], tokens[5:7], reduction="sum")
        total = choice_loss(model)(network, example, None).total
    torch.testing.assert_close(total, plain)


def test_what_the_grammar_does_not_allow_does_not_compete() -> None:
    example = free_choices(40)
    choices = [Choice(3, np.array([2, 8], np.int32), 1), Choice(4, np.array([12, 30], np.int32), 0)]
    example = replace(example, asked=(replace(example.asked[0], choices=tuple(choices)),))
    hidden, head = torch.eye(2, 40), torch.eye(40)
    logits, rights = choice_logits(head, hidden, example)
    assert torch.isfinite(logits).tolist() == [[True, True, False, False], [False, False, True, True]]
    assert rights.tolist() == [1, 2]
