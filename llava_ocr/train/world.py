"""Several processes that train one model: each takes its share of a step's examples, gradients are added up.

Every process holds all weights and all optimizer states. CPU processes talk by gloo, GPU processes by nccl.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import start_processes

from llava_ocr.errors import ConfigError

# Gradients travel in pieces of about this many numbers: few messages, little extra memory.
_PIECE_NUMBERS = 16_000_000


@dataclass(frozen=True)
class World:
    """The processes that train together; this one is number `rank` of `size`."""

    rank: int
    size: int

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share_of(self, num_examples: int) -> int:
        """Return how many of a step's examples each process takes. Raises ConfigError where they can't be shared."""
        if num_examples % self.size:
            raise ConfigError(f"{num_examples} examples a step can't be shared by {self.size} processes evenly")
        return num_examples // self.size

    def add_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by the sum over all processes. A weight that no process used keeps none."""
        if self.size == 1:
            return
        listed = list(weights)
        used = torch.tensor([float(weight.grad is not None) for weight in listed], device=listed[0].device)
        dist.all_reduce(used)
        kept = [weight for weight, count in zip(listed, used.tolist(), strict=True) if count]
        for piece in _pieces(kept):
            flat = torch.cat([_gradient(weight).flatten().float() for weight in piece])
            dist.all_reduce(flat)
            for weight, summed in zip(piece, torch.split(flat, [weight.numel() for weight in piece]), strict=True):
                weight.grad = summed.view_as(weight).to(weight.dtype)

    def gather(self, mine: list[Any]) -> list[Any]:
        """Return all processes' items in the order of the examples: this process's are every `size`-th."""
        if self.size == 1:
            return mine
        everyones: list[Any] = [None] * self.size
        dist.all_gather_object(everyones, mine)
        return [item for together in zip(*everyones, strict=True) for item in together]


ALONE = World(0, 1)


def run_together(num_processes: int, work: Callable[..., None], *arguments: object) -> None:
    """Call `work(world, *arguments)` in as many processes; all must be picklable. One that fails ends the others."""
    if num_processes == 1:
        work(ALONE, *arguments)
        return
    with tempfile.TemporaryDirectory(prefix="llava-ocr-") as folder:
        meeting = Path(folder) / "meeting"
        start: Any = start_processes
        start(_join, (num_processes, meeting, work, arguments), nprocs=num_processes, start_method="spawn")


def _join(rank: int, size: int, meeting: Path, work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    with _meeting(rank, size, meeting):
        work(World(rank, size), *arguments)


@contextmanager
def _meeting(rank: int, size: int, meeting: Path) -> Iterator[None]:
    has_gpus = torch.cuda.device_count() >= size
    if has_gpus:
        torch.cuda.set_device(rank)
    backend = "nccl" if has_gpus else "gloo"
    dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _pieces(weights: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    piece: list[nn.Parameter] = []
    for weight in weights:
        if piece and sum(each.numel() for each in piece) + weight.numel() > _PIECE_NUMBERS:
            yield piece
            piece = []
        piece.append(weight)
    if piece:
        yield piece
