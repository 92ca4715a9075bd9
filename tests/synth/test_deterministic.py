"""A seed is a document, in whatever process it is painted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Strings hash differently from process to process, so sets of them come in another order.
PAINT = """
import hashlib
from llava_ocr.synth.bundle import paint_bundle
from llava_ocr.synth.paint import PAINTERS, paint
for name in PAINTERS:
    for seed in range(12):
        painted = paint(name, seed)
        told = [(word.text, word.box) for page in painted.pages for word in page.words], painted.printed
        print(name, seed, hashlib.sha256(repr(told).encode()).hexdigest())
told = [(word.text, word.box) for page in paint_bundle(0).pages for word in page.words]
print("bundle", hashlib.sha256(repr(told).encode()).hexdigest())
"""


def painted_under(hash_seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PAINT], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_seed_is_painted_alike_in_every_process() -> None:
    one, other = painted_under("1"), painted_under("2")
    assert len(one) > 50
    assert one == other
