"""What an answer depends on, as one hash: pixels, words, model, schema, settings. Equal keys, equal answers."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from llava_ocr.engines.base import EngineProfile, Request
from llava_ocr.tiles.tiled import TiledRaster

# Raise when what is hashed, or how an answer is kept, changes: answers from before are then never found again.
KEY_VERSION = 1


def answer_key(request: Request, profile: EngineProfile, *, schema_fingerprint: str) -> str:
    """Hash all that can change the answer to a request (hex). Its id, document and guess can't."""
    grammar = request.grammar
    asked = {
        "version": KEY_VERSION,
        "engine": profile.fingerprint,
        "schema": schema_fingerprint,
        "system": request.prompt.system,
        "user": request.prompt.user,
        "grammar": None if grammar is None else [grammar.lark, grammar.json_schema],
        "max_new_tokens": request.max_new_tokens,
        "pixels": [pixels_hash(raster) for raster in request.rasters],
    }
    if request.prompt.history:
        asked["history"] = [[turn.asked, turn.answered] for turn in request.prompt.history]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def pixels_hash(raster: TiledRaster) -> str:
    """Hash a page as the encoder gets it (hex): every pixel, and the shapes that say which of them are padding."""
    shapes = (raster.grid, raster.size, raster.source_size, raster.overview_HWC.shape, raster.tiles_NHWC.shape)
    digest = hashlib.blake2b(repr(shapes).encode(), digest_size=32)
    for pixels in (raster.overview_HWC, raster.tiles_NHWC):
        digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
