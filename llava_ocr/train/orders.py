"""An order to train a checkpoint: what, from where, on what. Killed and given again, it goes on to the step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from llava_ocr.catalog import Catalog
from llava_ocr.errors import BadTrainingData, ConfigError
from llava_ocr.machine import num_cores
from llava_ocr.models.load import LoadedModel, choose_device
from llava_ocr.schema import GroupNode, tree
from llava_ocr.synth.fonts import system_fonts
from llava_ocr.synth.paint import PAINTERS
from llava_ocr.train.checkpoint import write_whole
from llava_ocr.train.conversations import Conversations, items, read_conversations
from llava_ocr.train.loop import CHECKPOINT_NAME, begin, resume, train
from llava_ocr.train.merged import ship_tuned
from llava_ocr.train.pages import PageExamples, PaintedPages, TruthPages, open_readers
from llava_ocr.train.parts import open_model, optimizer
from llava_ocr.train.recipes import StageName
from llava_ocr.train.sources import Mixture, Share, Source, feed
from llava_ocr.train.tiled_losses import answer_loss
from llava_ocr.train.truth import TRUTH_NAME, read_truth
from llava_ocr.train.tuning import TuneRecipe, recipe_named, shortened
from llava_ocr.train.world import World, run_together

PAINTED = "synth:"
MODEL_FOLDER, ORDER_NAME = "model", "order.json"


@dataclass(frozen=True)
class TrainOrder:
    """What to train. `data` are folders of truth, JSON files, or `synth:TYPE`, each with `=SHARE` or share 1.

    Documents of `synth:TYPE` are set in this machine's fonts, too, where `takes_system_fonts`.
    """

    stage: StageName
    recipe: str
    init: str
    out: Path
    data: tuple[str, ...]
    schemas: Path | None = None
    steps: int | None = None
    num_processes: int = 1
    device: str = "auto"
    takes_system_fonts: bool = False

    def made_recipe(self) -> TuneRecipe:
        """The recipe with this order's steps. Raises ConfigError."""
        return shortened(recipe_named(self.recipe, self.stage), self.steps)


@dataclass(frozen=True)
class _Data:
    """One `--data`: what is read, and its share."""

    name: str
    share: float


def carry_out(order: TrainOrder) -> Path:
    """Train, and write the model's folder below `out`; return it. Raises ConfigError and what loading raises."""
    recipe = order.made_recipe()
    World(0, order.num_processes).share_of(recipe.examples_per_step)
    _parsed(order.data)
    _keep_to(order)
    run_together(order.num_processes, train_share, order, recipe)
    shipped = order.out / MODEL_FOLDER
    ship_tuned(order.init, recipe, order.out / CHECKPOINT_NAME, shipped)
    return shipped


def train_share(world: World, order: TrainOrder, recipe: TuneRecipe) -> None:
    """Be one of the processes that train."""
    model = open_model(order.init, recipe, device=_own_device(order.device, world))
    if world.size > 1 and not torch.cuda.is_available():
        torch.set_num_threads(max(1, num_cores() // world.size))
    run = begin(model.network, recipe, (optimizer(model.network, recipe),), answer_loss(model))
    checkpoint = order.out / CHECKPOINT_NAME
    if checkpoint.exists():
        run = resume(run, checkpoint)
    if run.position.step < recipe.steps:
        with system_fonts(are_wanted=order.takes_system_fonts), _mixture(order, recipe, model) as mixture:
            examples = feed(mixture.example, start=run.position.examples, world=world)
            train(run, examples, order.out, world=world)


@contextmanager
def _mixture(order: TrainOrder, recipe: TuneRecipe, model: LoadedModel) -> Iterator[Mixture]:
    catalog = Catalog([order.schemas] if order.schemas is not None else [])
    readers = open_readers(model.profile)
    try:
        pages = PageExamples(model, readers, words_share=recipe.words_share, seed=recipe.seed)
        shares = [
            Share(_source(each.name, recipe, pages, (model, catalog)), each.share) for each in _parsed(order.data)
        ]
        yield Mixture(shares, max_tokens=recipe.max_tokens, seed=recipe.seed)
    finally:
        readers.close()


def _source(name: str, recipe: TuneRecipe, pages: PageExamples, known: tuple[LoadedModel, Catalog]) -> Source:
    model, catalog = known
    if name.startswith(PAINTED):
        schema = name.removeprefix(PAINTED)
        return PaintedPages(schema, _root(schema, catalog), pages, scan_share=recipe.scan_share, seed=recipe.seed)
    path = Path(name) / TRUTH_NAME if Path(name).is_dir() else Path(name)
    _, first = next(items(path), (0, None))
    if isinstance(first, dict) and "conversations" in first:
        return Conversations(read_conversations(path), model, path=path, seed=recipe.seed)
    if isinstance(first, dict) and "fields" in first:
        return TruthPages(read_truth(path, catalog), pages, seed=recipe.seed)
    raise BadTrainingData(f'{path}: its first object has neither "fields" nor "conversations"')


def _root(schema: str, catalog: Catalog) -> GroupNode:
    if schema not in PAINTERS:
        raise ConfigError(f"nothing paints {schema!r}; there are {', '.join(sorted(PAINTERS))}")
    return tree(catalog.get(schema))


def _parsed(data: Sequence[str]) -> list[_Data]:
    """Split `NAME=SHARE`. Raises ConfigError."""
    if not data:
        raise ConfigError(f"say what to learn from: --data FOLDER, --data FILE.json or --data {PAINTED}TYPE")
    parsed: list[_Data] = []
    for each in data:
        name, sign, share = each.rpartition("=")
        if not sign:
            parsed.append(_Data(each, 1.0))
            continue
        try:
            parsed.append(_Data(name, float(share)))
        except ValueError:
            raise ConfigError(f"--data {each}: what follows = must be a share, such as 0.5") from None
    return parsed


def _keep_to(order: TrainOrder) -> None:
    """Write the order beside its checkpoints; another order in the same folder would mix two trainings up."""
    stated: dict[str, Any] = asdict(replace(order, num_processes=1, device="auto")) | {"out": ""}
    text = json.dumps(stated, indent=2, default=str) + "\n"
    path = order.out / ORDER_NAME
    if path.exists() and path.read_text() != text:
        raise ConfigError(f"{order.out} holds another order's training ({ORDER_NAME}); choose another --out")
    write_whole(path, lambda file: file.write(text.encode()))


def _own_device(device: str, world: World) -> str:
    """One GPU for each process, where they train on GPUs."""
    if world.size == 1 or choose_device(device).type == "cpu":
        return device
    return f"cuda:{world.rank}"
