import json
from pathlib import Path

import pytest

from llava_ocr.catalog import Catalog
from llava_ocr.errors import BadTrainingData
from llava_ocr.schema import leaves, tree
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.synth.truth_file import visible_facts
from llava_ocr.train.finding import questions_about
from llava_ocr.train.questions import pattern_of
from llava_ocr.train.truth import read_truth, truth_of
from llava_ocr.words.layout import lay_out


def asked(document, schemas):
    layouts = [lay_out(page.words, aspect=page.width_pt / page.height_pt) for page in document.pages]
    line = {"fields": document.truth, "visible": visible_facts(document)}
    root = document.root or tree(schemas.get(document.schema))
    return questions_about(truth_of(root, line["fields"], line["visible"], where="test"), layouts)


@pytest.fixture(scope="module")
def schemas():
    return Catalog()


@pytest.mark.parametrize("schema", PAINTERS)
def test_values_are_said_as_they_were_printed(schema, schemas):
    """What is found from words and truth alone is, nearly always, what the painter knows that it printed."""
    right = wrong = printed = 0
    for seed in range(12):
        document = paint(schema, seed)
        known: dict[tuple[int, str], set[str]] = {}
        for value in document.printed:
            known.setdefault((value.page_index, value.path), set()).add(value.text)
        printed += len({path for _, path in known})
        for question in filter(None, asked(document, schemas)):
            for path, value in question.values.items():
                texts = known.get((question.page_index, path), set())
                is_right = any(value.text in text or text in value.text for text in texts)
                right, wrong = right + is_right, wrong + (not is_right)
    assert wrong <= 0.03 * right
    assert right >= 0.8 * printed


def test_null_is_asked_where_the_truth_says_so_and_nowhere_else(schemas):
    document = paint("invoice", 3)
    line = {"fields": document.truth, "visible": visible_facts(document)}
    fields = dict(line["fields"])
    del fields["due_date"]
    fields["iban"], fields["invoice_number"] = None, "not-on-this-page-77"
    root = tree(schemas.get("invoice"))
    layouts = [lay_out(page.words, aspect=0.7) for page in document.pages]
    [question, *_] = questions_about(truth_of(root, fields, {}, where="test"), layouts)
    paths = {leaf.path for leaf in leaves(question.root)}
    assert "iban" in paths
    assert "iban" not in question.values
    assert not paths & {"due_date", "invoice_number"}


def test_a_value_that_does_not_stand_on_the_page_is_not_asked_for(schemas):
    document = paint("invoice", 3)
    fields = document.truth
    truth = truth_of(tree(schemas.get("invoice")), fields, {"seller": False, "lines": False}, where="test")
    [question, *_] = questions_about(truth, [lay_out(document.pages[0].words, aspect=0.7)])
    said = {pattern_of(leaf.path).split(".")[0].removesuffix("[]") for leaf in leaves(question.root)}
    known = {name for name, value in fields["seller"].items() if value is not None}
    assert "lines" not in said
    assert not {f"seller.{name}" for name in known} & {leaf.path for leaf in leaves(question.root)}


@pytest.mark.parametrize(
    "item",
    [
        {"file": "a.pdf", "type": "invoice", "fields": {"secret_name": "secret"}},
        {"file": "a.pdf", "type": "invoice", "fields": {"seller": "secret"}},
        {"file": "a.pdf", "type": "invoice", "fields": {"lines": {"secret": 1}}},
        {"file": "a.pdf", "type": "invoice", "fields": {"issue_date": ["secret"]}},
        {"file": "a.pdf", "type": "no_such_type", "fields": {}},
        {"file": "gone.pdf", "type": "invoice", "fields": {}},
        {"file": "a.pdf", "type": "invoice"},
        ["secret"][0],
    ],
)
def test_a_bad_line_is_named_and_never_quoted(tmp_path: Path, schemas, item):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    good = json.dumps({"file": "a.pdf", "type": "invoice", "fields": {}})
    (tmp_path / "truth.jsonl").write_text(f"{good}\n{json.dumps(item)}\n")
    with pytest.raises(BadTrainingData, match=r"truth\.jsonl, line 2: ") as caught:
        read_truth(tmp_path / "truth.jsonl", schemas)
    assert "secret" not in str(caught.value)
