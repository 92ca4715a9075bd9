import numpy as np
import pytest
import torch
from PIL import Image

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.tiles.cut import cut_stock
from llava_ocr.train.model import pinpoints
from llava_ocr.train.pixel_run import build_reader
from llava_ocr.train.seeing import embed_with_tiles, pixels_of, see
from llava_ocr.train.ship import processor
from llava_ocr.train.tokenizer import character_tokenizer
from tests.train.pixel_shapes import tiny_pixels

RECIPE = tiny_pixels()


@pytest.fixture(scope="module")
def model():
    return build_reader(RECIPE, character_tokenizer()).model.eval()


@pytest.fixture(params=[(90, 128), (128, 128), (61, 40), (190, 60)], ids=str)
def page(request):
    width, height = request.param
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


@torch.no_grad()
def test_training_s_forward_equals_transformers_own(model, page):
    """Base tile and tiles, packed, in the prompt, through the decoder."""
    stock = processor(character_tokenizer(), RECIPE.model)
    inputs = stock(images=Image.fromarray(page), text=f"<s>{IMAGE_MARK}\nRead.\n", return_tensors="pt")
    raster = cut_stock(page, pinpoints(RECIPE.model), tile_px=RECIPE.model.tile_px, dpi=72)
    pixels_TCHW = pixels_of(raster)
    assert torch.allclose(pixels_TCHW, inputs["pixel_values"][0], atol=1e-5)
    tokens_L = inputs["input_ids"][0]
    embedded_LD = embed_with_tiles(model, tokens_L, see(model, pixels_TCHW), raster)
    hidden = model.model.language_model(inputs_embeds=embedded_LD[None], use_cache=False).last_hidden_state
    assert torch.allclose(model.lm_head(hidden), model(**inputs).logits, atol=1e-4)


def test_gradients_reach_the_tower(model, page):
    raster = cut_stock(page, pinpoints(RECIPE.model), tile_px=RECIPE.model.tile_px, dpi=72)
    model.zero_grad()
    see(model, pixels_of(raster)).sum().backward()
    assert model.model.vision_tower.embeddings.patch_embedding.weight.grad.abs().sum() > 0
