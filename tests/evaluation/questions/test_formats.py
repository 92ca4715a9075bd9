"""Public data sets are read from folders as they are published; what is wrong with one is said, with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llava_ocr.evaluation.datasets import Generated
from llava_ocr.evaluation.questions.formats import QuestionFormat, load_questions
from llava_ocr.evaluation.questions.painted import SPLIT, write_questions
from llava_ocr.evaluation.truth import BadDataset


def put(path: Path, content: Any = b"picture") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def test_docvqa(tmp_path: Path) -> None:
    put(
        tmp_path / "val" / "val_v1.0.json",
        {
            "dataset_name": "docvqa",
            "data": [
                {
                    "questionId": 7,
                    "question": "Date?",
                    "image": "documents/a_1.png",
                    "answers": ["1/8/93", "Jan 8"],
                },
                {"questionId": 8, "question": "Who?", "image": "documents/gone.png", "answers": ["me"]},
                {"questionId": 9, "question": "What?", "image": "documents/b_1.png", "answers": ["it"]},
                {"questionId": 10, "question": "Number?", "image": "documents/a_1.png", "answers": []},
                {"questionId": 11, "question": "Test?", "image": "documents/a_1.png"},
            ],
        },
    )
    for name in ("a_1.png", "b_1.png"):
        put(tmp_path / "val" / "documents" / name)
    found = load_questions(tmp_path, QuestionFormat.DOCVQA, split="val")
    assert [(one.id, one.image.name, one.answers) for one in found.asked] == [
        ("7", "a_1.png", ("1/8/93", "Jan 8")),
        ("10", "a_1.png", ()),
        ("9", "b_1.png", ("it",)),
    ]
    assert len(found.notes) == 2


def test_textvqa(tmp_path: Path) -> None:
    entry = {"question_id": 1, "question": "what brand?", "image_id": "00a", "answers": ["nokia"] * 10}
    put(tmp_path / "TextVQA_0.5.1_val.json", {"data": [entry]})
    put(tmp_path / "train_images" / "00a.jpg")
    [one] = load_questions(tmp_path, QuestionFormat.TEXTVQA, split="val").asked
    assert (one.id, one.image.name, len(one.answers)) == ("1", "00a.jpg", 10)


def test_chartqa_keeps_its_two_parts_apart(tmp_path: Path) -> None:
    root = tmp_path / "ChartQA Dataset" / "test"
    put(root / "test_human.json", [{"imgname": "1.png", "query": "How many?", "label": "14"}])
    put(root / "test_augmented.json", [{"imgname": "1.png", "query": "Which?", "label": "Asia"}])
    put(root / "png" / "1.png")
    found = load_questions(tmp_path, QuestionFormat.CHARTQA, split="test").asked
    assert {(one.group, one.answers) for one in found} == {("human", ("14",)), ("augmented", ("Asia",))}


def test_scienceqa_leaves_out_what_has_no_image(tmp_path: Path) -> None:
    problem = {"question": "Which?", "choices": ["a", "b"], "answer": 1, "hint": "Look.", "subject": "natural science"}
    put(
        tmp_path / "problems.json",
        {"3": problem | {"image": "image.png", "split": "test"}, "4": problem | {"image": None}},
    )
    put(tmp_path / "pid_splits.json", {"test": ["3", "4"]})
    put(tmp_path / "images" / "test" / "3" / "image.png")
    found = load_questions(tmp_path, QuestionFormat.SCIENCEQA, split="test")
    [one] = found.asked
    assert (one.question, one.choices, one.answers, one.group) == (
        "Look.\nWhich?",
        ("a", "b"),
        ("b",),
        "natural science",
    )
    assert "1 questions left out: they have no image" in found.notes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "JSON"),
        ([], "no list `data`"),
        ({"data": [{"question": "?"}]}, "data[0]"),
        ({"data": [{"question": "?", "image": "a.png", "answers": "x"}]}, "answers is not a list"),
        ({"data": []}, "no question"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: Any, said: str) -> None:
    put(tmp_path / "val_v1.0.json", content)
    put(tmp_path / "a.png")
    with pytest.raises(BadDataset) as caught:
        load_questions(tmp_path, QuestionFormat.DOCVQA, split="val")
    assert said in str(caught.value)


@pytest.mark.parametrize("form", QuestionFormat)
def test_a_folder_without_annotations_is_an_error_of_the_order(tmp_path: Path, form: QuestionFormat) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(BadDataset):
            load_questions(path, form, split="test")


def test_an_image_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "secret.png")
    entry = {"question": "?", "image": "../secret.png", "answers": ["x"]}
    put(tmp_path / "set" / "val_v1.0.json", {"data": [entry]})
    with pytest.raises(BadDataset):
        load_questions(tmp_path / "set", QuestionFormat.DOCVQA, split="val")


def test_painted_papers_say_their_answers_and_do_not_say_the_others(tmp_path: Path) -> None:
    folder = write_questions(Generated("invoice", 3), tmp_path)
    found = load_questions(folder, QuestionFormat.DOCVQA, split=SPLIT).asked
    assert len({one.image for one in found}) == 3
    assert any(not one.answers for one in found)
    assert any(one.answers for one in found)
    import pymupdf

    for one in found:
        with pymupdf.open(one.image) as pdf:
            printed = " ".join(word[4] for page in pdf for word in page.get_text("words"))
        for answer in one.answers:
            assert all(word in printed for word in answer.split())
