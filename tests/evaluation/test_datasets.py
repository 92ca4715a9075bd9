"""What DATASET means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llava_ocr.evaluation.datasets import Generated, find_truth, open_dataset, parse_generated
from llava_ocr.evaluation.truth import BadDataset, load_truths
from llava_ocr.schema import leaves, tree
from schemas.receipt import Receipt


@pytest.mark.parametrize("name", ["set.truth.jsonl", "set/truth.jsonl"])
def test_a_folder_means_the_truth_in_it_or_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / name).touch()
    assert find_truth(tmp_path / "set") == find_truth(tmp_path / name) == tmp_path / name


def test_no_truth_is_an_error_of_the_order(tmp_path: Path) -> None:
    with pytest.raises(BadDataset):
        find_truth(tmp_path)


def test_generated_sets_say_how_many_of_what() -> None:
    assert parse_generated("generated:receipt?count=7&scans=1&seed=3") == Generated("receipt", 7, True, 3)
    assert parse_generated("generated:invoice") == Generated("invoice")


@pytest.mark.parametrize(
    "name", ["generated:", "generated:a?cuont=3", "generated:a?count=x", "generated:a?count=0", "generated:a?scans=2"]
)
def test_what_a_generated_set_can_not_be_is_said(name: str) -> None:
    with pytest.raises(BadDataset):
        parse_generated(name)


def test_painted_documents_are_of_the_hold_out_and_tell_their_places() -> None:
    with open_dataset("generated:receipt?count=3") as path:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [line["split"] for line in lines] == ["held_out"] * 3
        for truth in load_truths(path, tree(Receipt)):
            known = {name for name, text in truth.leaves.items() if text is not None}
            assert known <= set(truth.places) and truth.is_flagged
            assert set(truth.leaves) == {leaf.path for leaf in leaves(tree(Receipt)) if "[" not in leaf.path}
    assert not path.exists()
