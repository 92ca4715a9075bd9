import json

import numpy as np
import pytest

from llava_ocr.train.data import A4_ASPECT
from llava_ocr.train.drills import paint_drill
from llava_ocr.train.examples import CHOSEN_WEIGHT, Encoder
from llava_ocr.train.questions import Question, Value, converse, word_starts
from llava_ocr.words.layout import lay_out


def question_of(seed, size=0.6):
    drill = paint_drill(seed, size=size)
    values = {value.path: Value(value.text, (value.words,)) for value in drill.printed}
    return Question(lay_out(drill.page.words, aspect=A4_ASPECT), drill.root, values)


@pytest.mark.parametrize("seed", range(20))
def test_words_stand_where_the_layout_prints_them(seed):
    layout = question_of(seed).layout
    for word, start in word_starts(layout).items():
        assert layout.text[start:].startswith(layout.words[word].text)


@pytest.mark.parametrize("seed", range(20))
def test_answer_is_compact_json_of_the_whole_shape(seed):
    question = question_of(seed)
    answer = converse(question).answer
    parsed = json.loads(answer)
    assert json.dumps(parsed, ensure_ascii=False, separators=(",", ":")) == answer
    assert list(parsed) == [child.name for child in question.root.children]


@pytest.mark.parametrize("seed", range(20))
def test_every_look_points_at_the_token_to_be_said(seed, tokenizer):
    example = Encoder(tokenizer, num_visual=2).encode(converse(question_of(seed)), np.zeros((2, 2, 3), np.uint8))
    says_null = example.copy.source == 0
    said = example.tokens[example.copy.query + 1]
    quote, null = tokenizer.convert_tokens_to_ids('"'), tokenizer.convert_tokens_to_ids("null")
    wanted = example.tokens[example.copy.source]
    assert (said[says_null] == null).all()
    assert ((said == wanted) | (said == quote))[~says_null].all()


def test_what_the_grammar_forces_counts_little(tokenizer):
    example = Encoder(tokenizer, num_visual=2).encode(converse(question_of(3)), np.zeros((2, 2, 3), np.uint8))
    chosen = example.tokens[example.start :][example.weights == CHOSEN_WEIGHT]
    assert tokenizer.convert_tokens_to_ids("{") not in chosen
    assert tokenizer.convert_tokens_to_ids(":") not in example.tokens[example.start :][example.weights == 1][:1]
