"""How many cores a pass of the network gets on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Below this width a decoding step's matrices are so small that threads wait for each other longer than they work:
# on two busy cores a 7 M parameter model decoded 5 times slower with two threads than with one.
_WIDE = 1024


@contextmanager
def one_thread_if_narrow(width: int, device: torch.device) -> Iterator[None]:
    """Decode a narrow model on one core, and give the others back afterwards."""
    num_threads = torch.get_num_threads()
    if device.type != "cpu" or width >= _WIDE or num_threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)
