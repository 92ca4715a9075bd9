"""Which model it is, from its files: equal for copies of a folder, different after any training."""

from __future__ import annotations

import hashlib
from pathlib import Path

from llava_ocr.models.adapter import ORIGIN_NAME

# Files up to this size are hashed whole.
_WHOLE_BYTES = 64 * 2**20
# Of larger ones: both ends and evenly spread samples, so that 15 GB take a tenth of a second. Training changes every
# weight, so samples tell checkpoints apart; an edit of a few weights by hand they may miss.
_NUM_SAMPLES, _SAMPLE_BYTES = 64, 64 * 2**10
_IDENTITY = ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors")


def fingerprint(folder: Path, *settings: str) -> str:
    """Hash a model's weights, configuration and tokenizer, and the settings that change its answers, to 16 digits."""
    digest = hashlib.sha256("\0".join(settings).encode())
    origin = folder / ORIGIN_NAME
    # A merged model is what it was merged from, on every machine.
    paths = [origin] if origin.exists() else sorted({path for pattern in _IDENTITY for path in folder.glob(pattern)})
    for path in paths:
        digest.update(f"\0{path.name}\0{path.stat().st_size}\0".encode())
        _add(digest, path)
    return digest.hexdigest()[:16]


def _add(digest: hashlib._Hash, path: Path) -> None:
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        if size_bytes <= _WHOLE_BYTES:
            digest.update(file.read())
            return
        for number in range(_NUM_SAMPLES):
            file.seek(number * (size_bytes - _SAMPLE_BYTES) // (_NUM_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
