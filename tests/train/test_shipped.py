import numpy as np
import pytest
from PIL import Image
from transformers import AutoTokenizer, LlavaNextForConditionalGeneration, LlavaNextProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.models.load import load
from llava_ocr.models.locate import SHIPPED_FOLDER
from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.recipes import small
from llava_ocr.train.ship import processor, profile

MIB = 2**20


def test_files_are_small_enough_for_a_repository():
    sizes = [path.stat().st_size for path in SHIPPED_FOLDER.iterdir()]
    assert max(sizes) <= 15 * MIB
    assert sum(sizes) <= 32 * MIB


def test_it_loads_with_stock_classes_and_nothing_is_missing():
    _, found = LlavaNextForConditionalGeneration.from_pretrained(SHIPPED_FOLDER, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]


def test_it_loads_through_our_engine_with_its_profile():
    loaded = load("small", precision="fp32", device="cpu")
    stated = profile(small(), name="small")
    assert loaded.profile.tile_px == stated["tile_px"]
    assert loaded.chat.name == stated["chat"]
    assert max(loaded.pixel_mean) == 1.0


@pytest.mark.slow
def test_stock_processor_and_generate_agree_on_the_visual_tokens():
    network = LlavaNextForConditionalGeneration.from_pretrained(SHIPPED_FOLDER)
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED_FOLDER)
    images = LlavaNextImageProcessorPil.from_pretrained(SHIPPED_FOLDER)
    stock = LlavaNextProcessor.from_pretrained(SHIPPED_FOLDER, image_processor=images, tokenizer=tokenizer)
    page = Image.fromarray(np.full((300, 212, 3), 255, np.uint8))
    inputs = stock(images=page, text=f"<s>{IMAGE_MARK}\nRead this page.\n", return_tensors="pt")
    assert network.generate(**inputs, max_new_tokens=3, do_sample=False).shape[1] > inputs["input_ids"].shape[1]


def test_the_processor_is_what_the_recipe_says():
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED_FOLDER)
    made = processor(tokenizer, small())
    assert made.num_additional_image_tokens == 1
    assert made.image_processor.crop_size == {"height": small().tile_px, "width": small().tile_px}
