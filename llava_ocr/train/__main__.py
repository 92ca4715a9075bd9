"""`python -m llava_ocr.train --out FOLDER`: make the shipped checkpoint, or go on making it."""

from __future__ import annotations

import argparse
from pathlib import Path

from llava_ocr.schema import tree
from llava_ocr.train.recipes import small, small_stages
from llava_ocr.train.run import train_from_nothing
from schemas.invoice import Invoice


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, curves and the result")
    arguments = parser.parse_args()
    train_from_nothing(small(), small_stages(), known={"invoice": tree(Invoice)}, folder=arguments.out, name="small")


if __name__ == "__main__":
    main()
