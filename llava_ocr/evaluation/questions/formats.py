"""Reads the public data sets of questions as they are published: JSON beside folders of images, on this machine.

docvqa      val_v1.0.json, val_v1.0_withQT.json: {data: [{questionId, question, image, answers}]}
textvqa     TextVQA_0.5.1_val.json: {data: [{question_id, question, image_id, answers: ten}]}; train_images/
chartqa     test/test_human.json, test/test_augmented.json: [{imgname, query, label}]; test/png/
scienceqa   problems.json: {pid: {question, choices, answer, hint, image, split}}, pid_splits.json; images/SPLIT/PID/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from llava_ocr.evaluation.truth import BadDataset


class QuestionFormat(StrEnum):
    """The layouts of data sets that are read."""

    DOCVQA = "docvqa"
    TEXTVQA = "textvqa"
    CHARTQA = "chartqa"
    SCIENCEQA = "scienceqa"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about one image. Of answers any is right; none means that the page does not say it.

    With `choices`, `answers` holds the right choice; `group` parts a data set as its paper does.
    """

    id: str
    image: Path
    question: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class QuestionSet:
    """The questions of a data set, those of one image together; `notes` tell what was left out and why."""

    format: QuestionFormat
    split: str
    asked: tuple[Asked, ...]
    notes: tuple[str, ...] = ()


def load_questions(path: Path, form: QuestionFormat, *, split: str) -> QuestionSet:
    """Load a split from a folder, or the annotations that `path` names. Raises BadDataset: what, where, what to do."""
    if not path.exists():
        raise BadDataset(f"{path}: no such file or folder")
    left_out: dict[str, int] = {}
    read = _LOADERS[form]
    asked = list(read(path, split, left_out))
    notes = tuple(f"{number:,} questions left out: {why}" for why, number in left_out.items())
    if not asked:
        raise BadDataset(f"{path}: no question of the split {split!r} that can be asked; {'; '.join(notes) or 'empty'}")
    return QuestionSet(form, split, tuple(_by_image(asked)), notes)


def _by_image(asked: Iterable[Asked]) -> Iterator[Asked]:
    together: dict[Path, list[Asked]] = {}
    for one in asked:
        together.setdefault(one.image, []).append(one)
    for group in together.values():
        yield from group


def _docvqa(path: Path, split: str, left_out: dict[str, int]) -> Iterator[Asked]:
    file = _annotations(path, f"{split}_v*.json")
    for number, entry in enumerate(_entries(_json(file), file)):
        where = f"{file}, data[{number}]"
        answers = tuple(_texts(entry, "answers", where)) if "answers" in entry else None
        image = _image(file.parent, _text(entry, "image", where))
        if answers is None:
            _count(left_out, "they have no answers, as in test splits")
        elif image is None:
            _count(left_out, "their image is not there")
        else:
            yield Asked(str(entry.get("questionId", number)), image, _text(entry, "question", where), answers)


def _textvqa(path: Path, split: str, left_out: dict[str, int]) -> Iterator[Asked]:
    file = _annotations(path, f"TextVQA_*_{split}.json")
    for number, entry in enumerate(_entries(_json(file), file)):
        where = f"{file}, data[{number}]"
        # Training and validation share a folder of images.
        name = f"{_text(entry, 'image_id', where)}.jpg"
        image = _image(file.parent, f"{'test' if split == 'test' else 'train'}_images/{name}")
        answers = tuple(_texts(entry, "answers", where)) if "answers" in entry else ()
        if not answers:
            _count(left_out, "they have no answers, as in test splits")
        elif image is None:
            _count(left_out, "their image is not there")
        else:
            yield Asked(str(entry.get("question_id", number)), image, _text(entry, "question", where), answers)


def _chartqa(path: Path, split: str, left_out: dict[str, int]) -> Iterator[Asked]:
    folder = path if path.is_dir() else path.parent
    names = (
        [path]
        if path.is_file()
        else [found for kind in ("human", "augmented") for found in sorted(folder.rglob(f"{split}_{kind}.json"))]
    )
    if not names:
        raise BadDataset(f"{folder}: no {split}_human.json or {split}_augmented.json in it or below")
    for file in names:
        entries = _json(file)
        if not isinstance(entries, list):
            raise BadDataset(f"{file}: is not a list of questions")
        for number, entry in enumerate(entries):
            where = f"{file}[{number}]"
            image = _image(file.parent, f"png/{_text(entry, 'imgname', where)}")
            if image is None:
                _count(left_out, "their image is not there")
                continue
            group = file.stem.removeprefix(f"{split}_")
            label = (_text(entry, "label", where),)
            yield Asked(f"{file.stem}/{number}", image, _text(entry, "query", where), label, group=group)


def _scienceqa(path: Path, split: str, left_out: dict[str, int]) -> Iterator[Asked]:
    file = path if path.is_file() else _annotations(path, "problems.json")
    problems = _json(file)
    splits = _json(_annotations(file.parent, "pid_splits.json"))
    if not isinstance(problems, dict) or not isinstance(splits, dict) or split not in splits:
        raise BadDataset(f"{file}: problems.json and pid_splits.json hold no split {split!r}")
    for pid in splits[split]:
        where = f"{file}, problem {pid}"
        entry = problems.get(str(pid))
        if not isinstance(entry, dict):
            raise BadDataset(f"{where}: is in pid_splits.json and not in problems.json")
        name = entry.get("image")
        if not name:
            _count(left_out, "they have no image")
            continue
        kept = str(entry.get("split", split))
        image = _image(file.parent, f"images/{kept}/{pid}/{name}") or _image(file.parent, f"{kept}/{pid}/{name}")
        if image is None:
            _count(left_out, "their image is not there")
            continue
        yield _problem(str(pid), entry, image, where)


def _problem(pid: str, entry: Mapping[str, Any], image: Path, where: str) -> Asked:
    choices, right = tuple(_texts(entry, "choices", where)), entry.get("answer")
    if not isinstance(right, int) or not 0 <= right < len(choices):
        raise BadDataset(f"{where}: answer is not the number of a choice")
    hint = str(entry.get("hint") or "")
    question = "\n".join(filter(None, (hint, _text(entry, "question", where))))
    return Asked(pid, image, question, (choices[right],), choices, group=str(entry.get("subject", "")))


_Loader = Callable[[Path, str, dict[str, int]], Iterator[Asked]]
_LOADERS: Mapping[QuestionFormat, _Loader] = {
    QuestionFormat.DOCVQA: _docvqa,
    QuestionFormat.TEXTVQA: _textvqa,
    QuestionFormat.CHARTQA: _chartqa,
    QuestionFormat.SCIENCEQA: _scienceqa,
}
# What each is measured on when nothing is said.
USUAL_SPLITS: Mapping[QuestionFormat, str] = {
    QuestionFormat.DOCVQA: "val",
    QuestionFormat.TEXTVQA: "val",
    QuestionFormat.CHARTQA: "test",
    QuestionFormat.SCIENCEQA: "test",
}


def _annotations(path: Path, pattern: str) -> Path:
    if path.is_file():
        return path
    found = sorted(path.rglob(pattern))
    if not found:
        raise BadDataset(f"{path}: no {pattern} in it or below")
    return found[0]


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadDataset(f"{file}: can't be read as JSON ({type(error).__name__})") from None


def _entries(content: Any, file: Path) -> list[Any]:
    entries = content.get("data") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BadDataset(f"{file}: has no list `data`")
    return entries


def _text(entry: Any, name: str, where: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise BadDataset(f"{where}: has no {name}")
    return str(value)


def _texts(entry: Any, name: str, where: str) -> list[str]:
    values = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadDataset(f"{where}: {name} is not a list of texts")
    return values


def _image(folder: Path, name: str) -> Path | None:
    """The image of that name below the folder of annotations; a name never leads out of it."""
    root = folder.resolve()
    direct = root / name
    candidates = [direct, *(child / Path(name).name for child in sorted(root.iterdir()) if child.is_dir())]
    return next((one for one in candidates if one.is_file() and one.resolve().is_relative_to(root)), None)


def _count(left_out: dict[str, int], why: str) -> None:
    left_out[why] = left_out.get(why, 0) + 1
