"""What DATASET means: a truth file, a folder with one, one beside its folder, or documents painted on the spot."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from urllib.parse import parse_qsl

from llava_ocr.evaluation.truth import BadDataset

GENERATED = "generated:"
# Not a type, but files of several documents: invoices and receipts.
BUNDLE = "bundle"
TRUTH_NAME = "truth.jsonl"
DEFAULT_COUNT = 100
# No number of held-out documents needs more paintings than this each; one in eight is held out.
_MAX_PAINTED_EACH = 100


@dataclass(frozen=True, slots=True)
class Generated:
    """An order for painted documents of the hold-out, digital or as worn scans."""

    schema: str
    count: int = DEFAULT_COUNT
    is_scanned: bool = False
    first_seed: int = 0
    num_rows: int | None = None


@contextmanager
def open_dataset(name: str) -> Iterator[Path]:
    """Give the truth file of a data set; painted documents go when the block ends. Raises BadDataset."""
    if not name.startswith(GENERATED):
        yield find_truth(Path(name))
        return
    order = parse_generated(name)
    with tempfile.TemporaryDirectory(prefix="llava-ocr-evaluate-") as folder:
        yield paint_held_out(order, Path(folder))


def find_truth(path: Path) -> Path:
    """Find the truth file that a path means. Raises BadDataset."""
    candidates = [path, path / TRUTH_NAME, path.with_name(f"{path.name}.{TRUTH_NAME}")]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise BadDataset(f"{path}: no truth file there, in it or beside it")
    return found


def parse_generated(name: str) -> Generated:
    """Read `generated:invoice?count=200&scans=1&seed=7`, `generated:statement?rows=1000`. Raises BadDataset."""
    schema, _, query = name.removeprefix(GENERATED).partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - {"count", "scans", "seed", "rows"})
    if not schema or unknown or not all(value.isdecimal() for value in given.values()):
        raise BadDataset(f"{name}: is not generated:SCHEMA?count=NUMBER&scans=0|1&seed=NUMBER&rows=NUMBER")
    numbers = {key: int(value) for key, value in given.items()}
    num_documents, scans = numbers.get("count", DEFAULT_COUNT), numbers.get("scans", 0)
    if num_documents < 1 or scans not in (0, 1) or numbers.get("rows") == 0:
        raise BadDataset(f"{name}: count and rows must be 1 or more, scans 0 or 1")
    return Generated(schema, num_documents, bool(scans), numbers.get("seed", 0), numbers.get("rows"))


def paint_held_out(order: Generated, folder: Path) -> Path:
    """Paint documents that no training sees, into `folder`, and give their truth file. Raises UnknownSchema."""
    # PyMuPDF takes a quarter of a second to import, which other data sets need not pay here.
    from llava_ocr.synth.bundle import paint_bundle
    from llava_ocr.synth.bundle_file import write_bundles
    from llava_ocr.synth.curate import Split, keep
    from llava_ocr.synth.paint import painter
    from llava_ocr.synth.truth_file import write_painted

    seeds = islice(count(order.first_seed), _MAX_PAINTED_EACH * order.count)
    if order.schema == BUNDLE:
        painted = (paint_bundle(order.first_seed + number, split=Split.HELD_OUT) for number in range(order.count))
        for _ in write_bundles(painted, folder, scans=order.is_scanned):
            continue
        return folder / TRUTH_NAME
    held_out = keep(map(painter(order.schema, num_rows=order.num_rows), seeds), Split.HELD_OUT)
    num_written = sum(1 for _ in write_painted(islice(held_out, order.count), folder, scans=order.is_scanned))
    if num_written < order.count:
        raise BadDataset(f"generated:{order.schema}: only {num_written:,} of {order.count:,} documents are held out")
    return folder / TRUTH_NAME
