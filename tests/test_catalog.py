from pathlib import Path

import pytest

from llava_ocr.catalog import Catalog, check_file
from llava_ocr.errors import BadSchema, UnknownSchema

HEAD = """from llava_ocr.schema import *
from typing import Annotated
"""


def written(folder: Path, body: str, *, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(HEAD + body)
    return path


def test_the_shipped_types_are_there() -> None:
    assert Catalog().names() == ["invoice", "purchase_order", "receipt", "statement", "w9"]


def test_a_folder_adds_types(tmp_path: Path) -> None:
    written(
        tmp_path,
        'class DeliveryNote(DocumentSchema):\n    """A note."""\n    day: Date | None = read("Day", labels=("Day",))\n',
    )
    assert Catalog([tmp_path]).get("delivery_note").schema_version


def test_an_unknown_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownSchema, match="invoice, purchase_order, receipt"):
        Catalog().get("passport")


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    written(
        tmp_path,
        'class Invoice(DocumentSchema):\n    """Mine."""\n    day: Date | None = read("Day", labels=("Day",))\n',
    )
    with pytest.raises(BadSchema, match="is there already"):
        Catalog([tmp_path])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSchema, match="no such folder"):
        Catalog([tmp_path / "none"])


def test_a_file_that_does_not_import_names_its_line(tmp_path: Path) -> None:
    written(tmp_path, "x = 1\ny = x / 0\n")
    with pytest.raises(BadSchema, match=r"mine\.py, line 4: ZeroDivisionError"):
        Catalog([tmp_path])


CLASS = 'class Mine(DocumentSchema):\n    """A thing."""\n'


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("class (", 3, "is not Python"),
        ("import nowhere_at_all\n", 3, "ModuleNotFoundError"),
        ("x = 1\n", 1, "defines no document type"),
        ('class Mine(DocumentSchema):\n    day: Date | None = read("Day", labels=("Day",))\n', 3, "docstring"),
        (CLASS + "    day: Date | None = read('', labels=('Day',))\n", 5, "no hint"),
        (CLASS + "    day: Date = read('Day', labels=('Day',))\n", 5, "| None"),
        (CLASS + "    day: int | None = read('Day', labels=('Day',))\n", 5, "is not Text"),
        (CLASS + "    days: list[Date] = rows('Days')\n", 5, "must hold a DocumentPart"),
        (CLASS + "    uri: Text | None = read('Its URI')\n", 5, "SQL views"),
        (CLASS + "    no: Annotated[str, code('[')] | None = read('No', labels=('No',))\n", 5, "no regular expression"),
        (
            CLASS + "    no: Annotated[str, code('a', checksum='crc')] | None = read('No', labels=('No',))\n",
            5,
            "unknown checksum",
        ),
        (
            CLASS + "    business_key = ('gone',)\n    day: Date | None = read('Day', labels=('Day',))\n",
            3,
            "business_key",
        ),
        (CLASS + "    checks = (3,)\n    day: Date | None = read('Day', labels=('Day',))\n", 3, "no function"),
        (
            CLASS + "    checks = (lambda: (),)\n    day: Date | None = read('Day', labels=('Day',))\n",
            3,
            "one argument",
        ),
        (CLASS + "    day: Money | None = read('Sum')\n", 5, "no labels"),
    ],
)
def test_each_fault_is_told_with_its_line(tmp_path: Path, body: str, line: int, said: str) -> None:
    faults = check_file(written(tmp_path, body))
    assert [(fault.line, said in fault.message) for fault in faults] == [(line, True)], faults


def test_all_faults_of_a_file_are_told(tmp_path: Path) -> None:
    body = (
        CLASS + "    uri: Text | None = read('')\n    a: Annotated[str, code('[')] | None = read('A', labels=('A',))\n"
    )
    assert len(check_file(written(tmp_path, body))) == 3


def test_the_shipped_files_have_no_faults() -> None:
    folder = Path(__file__).parent.parent / "schemas"
    assert {
        fault
        for name in ("invoice", "purchase_order", "receipt", "statement", "w9")
        for fault in check_file(folder / f"{name}.py")
    } == set()
