import json

import numpy as np
import pytest

from llava_ocr.train.data import A4_ASPECT
from llava_ocr.train.drills import paint_drill
from llava_ocr.train.examples import CHOSEN_WEIGHT, Encoder
from llava_ocr.train.questions import Question, Value, converse, pattern_of, word_starts
from llava_ocr.train.recipes import Look
from llava_ocr.words.layout import lay_out


def question_of(seed, size=0.6):
    drill = paint_drill(seed, size=size)
    values = {value.path: Value(value.text, (value.words,)) for value in drill.printed}
    return Question(lay_out(drill.page.words, aspect=A4_ASPECT), drill.root, values)


def encoded(seed, tokenizer):
    return Encoder(tokenizer, num_visual=2).encode(converse(question_of(seed)), np.zeros((2, 2, 3), np.uint8))


def pairs(example, look):
    looks = example.looks[look]
    return set(zip(looks.query.tolist(), looks.source.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_words_stand_where_the_layout_prints_them(seed):
    layout = question_of(seed).layout
    for word, start in word_starts(layout).items():
        assert layout.column_text[start:].startswith(layout.words[word].text)


@pytest.mark.parametrize("seed", range(20))
def test_answer_is_compact_json_of_the_whole_shape(seed):
    question = question_of(seed)
    answer = converse(question).answer
    parsed = json.loads(answer)
    assert json.dumps(parsed, ensure_ascii=False, separators=(",", ":")) == answer
    assert list(parsed) == [child.name for child in question.root.children]


@pytest.mark.parametrize("seed", range(20))
def test_copying_looks_at_the_token_to_be_said(seed, tokenizer):
    example = encoded(seed, tokenizer)
    deciding = pairs(example, Look.POINT)
    for query, source in pairs(example, Look.COPY) - deciding:
        assert example.tokens[query + 1] == example.tokens[source]
        assert source < example.start
    assert deciding <= pairs(example, Look.COPY)


@pytest.mark.parametrize("seed", range(20))
def test_pointing_looks_at_the_first_token_of_all_for_null(seed, tokenizer):
    example = encoded(seed, tokenizer)
    looks = example.looks[Look.POINT]
    says_null = example.tokens[looks.query + 1] == tokenizer.convert_tokens_to_ids("null")
    assert ((looks.source == 0) == says_null).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_question_looks_at_its_lines_numbers_and_words_of_no_value_at_the_first_token(seed, tokenizer):
    example = encoded(seed, tokenizer)
    looked_at = {source for _, source in pairs(example, Look.LINE)} - {0}
    newline = tokenizer.convert_tokens_to_ids("Ċ")
    assert [tokenizer.decode(example.tokens[source]) for source in sorted(looked_at)] == [
        f"{number:02}" for number in range(len(looked_at))
    ]
    assert all(example.tokens[source - 1] == newline for source in looked_at)


@pytest.mark.parametrize("seed", range(20))
def test_tagged_words_begin_values_of_the_field_whose_line_they_look_at(seed, tokenizer):
    question = question_of(seed)
    dialogue = converse(question)
    begins = {place[0] for value in question.values.values() for place in value.places}
    assert {word for word, number in dialogue.owners.items() if number is not None} == begins
    for word, number in dialogue.owners.items():
        if number is not None:
            path = dialogue.user[dialogue.fields[number].start :].split()[1]
            texts = [v.text for p, v in question.values.items() if pattern_of(p) == path]
            assert any(text.startswith(question.layout.words[word].text) for text in texts)


def test_what_the_grammar_forces_counts_little(tokenizer):
    example = encoded(3, tokenizer)
    answer = example.tokens[example.start :]
    forced = [tokenizer.convert_tokens_to_ids(token) for token in ("{", ":", "}")]
    assert (example.weights[np.isin(answer, forced)] < CHOSEN_WEIGHT).any()
    assert (example.weights[answer == tokenizer.convert_tokens_to_ids("null")] == CHOSEN_WEIGHT).all()
