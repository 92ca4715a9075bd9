"""`python -m llava_ocr.train --out FOLDER`: make the shipped checkpoint, or go on making it."""

from __future__ import annotations

import argparse
from pathlib import Path

from llava_ocr.schema import schema_name, tree
from llava_ocr.synth.fonts import system_fonts
from llava_ocr.train.recipes import small, small_stages
from llava_ocr.train.run import train_from_nothing
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from schemas.statement import Statement


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, curves and the result")
    train_small(parser.parse_args().out)


def train_small(folder: Path) -> Path:
    """Run all stages of the small model below `folder`; return the shipped folder."""
    known = {schema_name(schema): tree(schema) for schema in (Invoice, Receipt, Statement)}
    with system_fonts():
        return train_from_nothing(small(), small_stages(), known=known, folder=folder, name="small")


if __name__ == "__main__":
    main()
