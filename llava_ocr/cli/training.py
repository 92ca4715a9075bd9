"""`llava-ocr train`: a model of one's own, in LLaVA's two stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.errors import ConfigError
from llava_ocr.models.locate import SMALL

READER = "reader"
app = typer.Typer(help="Train a model on your own documents, in LLaVA's two stages.", no_args_is_help=True)

Recipe = Annotated[str, typer.Option("--recipe", "-r", help="What is trained and for how long: `train recipes`")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for checkpoints, the curve and the model")]
Data = Annotated[
    list[str] | None,
    typer.Option(help="A folder with truth.jsonl, a JSON file of conversations, or synth:TYPE; =SHARE mixes several"),
]
Schemas = Annotated[Path | None, typer.Option(help="A folder of schema files of your own")]
Steps = Annotated[int | None, typer.Option(min=1, help="Optimizer updates, in place of the recipe's")]
Processes = Annotated[int, typer.Option(min=1, help="Processes that share each step's examples; one a GPU")]
SystemFonts = Annotated[bool, typer.Option("--system-fonts", help="Paint synth:TYPE in this machine's fonts, too")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1")]


@app.command()
def align(
    init: Annotated[str, typer.Option(help="The model to start from: a folder or a hub name")],
    out: Out,
    recipe: Recipe = "align",
    data: Data = None,
    schemas: Schemas = None,
    steps: Steps = None,
    processes: Processes = 1,
    device: Device = "auto",
    system_fonts: SystemFonts = False,
) -> int:
    """First stage: teach the projector to speak to the decoder. Killed and called again, it goes on."""
    # Torch takes two seconds to import, which the other commands need not pay.
    from llava_ocr.train.orders import TrainOrder, carry_out
    from llava_ocr.train.recipes import StageName

    return _done(
        carry_out(
            TrainOrder(
                StageName.ALIGN, recipe, init, out, tuple(data or ()), schemas, steps, processes, device, system_fonts
            )
        )
    )


@app.command()
def tune(
    out: Out,
    init: Annotated[str | None, typer.Option(help="The model to start from: a folder or a hub name")] = None,
    recipe: Recipe = "tune_lora",
    data: Data = None,
    schemas: Schemas = None,
    steps: Steps = None,
    processes: Processes = 1,
    device: Device = "auto",
    system_fonts: SystemFonts = False,
) -> int:
    """Second stage: teach projector and decoder your documents. Killed and called again, it goes on.

    `--recipe small` makes the model that ships, from nothing, and takes nothing but --out. `--recipe reader` makes the
    reader of words out of a base language model; it takes --data with one truth file, --steps and --processes.
    """
    if recipe == READER:
        return _reader(out, (init, schemas), data, steps, processes)
    if recipe == SMALL:
        return _small(out, (init, data, schemas, steps), processes)
    if init is None:
        raise ConfigError("say what to start from: --init FOLDER or --init owner/name")
    from llava_ocr.train.orders import TrainOrder, carry_out
    from llava_ocr.train.recipes import StageName

    return _done(
        carry_out(
            TrainOrder(
                StageName.TUNE, recipe, init, out, tuple(data or ()), schemas, steps, processes, device, system_fonts
            )
        )
    )


@app.command()
def assemble(
    vision: Annotated[Path, typer.Option(help="Folder of a CLIP vision tower")],
    decoder: Annotated[Path, typer.Option(help="Folder of a Llama, Mistral or Yi language model with its tokenizer")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the model to")],
    chat: Annotated[str, typer.Option(help="Chat format: mistral, vicuna, chatml or plain")],
    projector: Annotated[str, typer.Option(help="mlp2x_gelu or linear")] = "mlp2x_gelu",
) -> int:
    """Join a vision tower and a language model by a fresh projector, ready for `train align`."""
    from llava_ocr.train.assemble import assemble as join

    join(vision, decoder, projector=projector, chat=chat, folder=out)
    Console().print(f"the model is in {out}; next: llava-ocr train align --init {out}", highlight=False)
    return 0


@app.command()
def recipes() -> int:
    """List the recipes with what they train."""
    from llava_ocr.train.tuning import RECIPES

    for name, recipe in RECIPES.items():
        made = recipe()
        Console().print(f"{made.name:6} {name:18} {(recipe.__doc__ or '').strip()}", highlight=False, soft_wrap=True)
    return 0


def _small(out: Path, others: tuple[object, ...], processes: int) -> int:
    if any(other is not None for other in others) or processes != 1:
        raise ConfigError(
            f"--recipe {SMALL} starts from nothing, on painted documents, in one process: give only --out"
        )
    from llava_ocr.train.__main__ import train_small

    return _done(train_small(out))


def _reader(
    out: Path, others: tuple[object, ...], data: list[str] | None, steps: int | None, num_processes: int
) -> int:
    if any(other is not None for other in others) or len(data or ()) > 1:
        raise ConfigError(f"--recipe {READER} takes --out, --steps, --processes, and --data once: a truth file")
    from llava_ocr.train.reader import make_reader

    truth = Path(data[0]) if data else None
    return _done(make_reader(out, truth=truth, steps=steps, num_processes=num_processes))


def _done(folder: Path) -> int:
    Console().print(f"the model is in {folder}", highlight=False)
    return 0
