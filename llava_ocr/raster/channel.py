"""Messages between the parent and a child that reads pages: pickles over a socket, pixels beside them uncopied.

The child has parsed hostile bytes, so the parent unpickles only the few kinds of value that a page consists of.
"""

from __future__ import annotations

import io
import pickle
import socket
import struct
import time
from dataclasses import dataclass
from enum import Enum

_LENGTH = struct.Struct("<Q")
_MAX_PARTS = 64
_MAX_PART_BYTES = 2**30

_PARTS_OF_A_PAGE = frozenset(
    {
        ("llava_ocr.raster.base", "PageRead"),
        ("llava_ocr.records", "PageOutcome"),
        ("llava_ocr.records", "PageState"),
        ("llava_ocr.records", "WordReader"),
        ("llava_ocr.records", "Finding"),
        ("llava_ocr.geometry", "Grid"),
        ("llava_ocr.geometry", "Size"),
        ("llava_ocr.geometry", "Turn"),
        ("llava_ocr.tiles.tiled", "TiledRaster"),
        ("llava_ocr.raster.packing", "PackedPage"),
        ("llava_ocr.raster.packing", "PackedLayout"),
        ("llava_ocr.raster.channel", "Ready"),
        ("llava_ocr.raster.channel", "Opened"),
        ("llava_ocr.raster.channel", "StillAtIt"),
        ("llava_ocr.raster.channel", "Refused"),
        ("llava_ocr.raster.channel", "Ended"),
        ("numpy", "dtype"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)


@dataclass(frozen=True, slots=True)
class Read:
    """Parent to child: open the document and send its pages from `first_page` on, as credit comes in."""

    path: str
    passwords: tuple[str, ...]
    first_page: int
    num_credits: int


@dataclass(frozen=True, slots=True)
class Count:
    """Parent to child: open the document and count its pages."""

    path: str
    passwords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credit:
    """Parent to child: one page more may be read ahead."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Child to parent: the libraries are loaded and the limits set."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Child to parent: the document opened."""

    num_pages: int


@dataclass(frozen=True, slots=True)
class StillAtIt:
    """Child to parent: a page goes from drawing to the OCR reader, each of which has the page's time limit."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Child to parent: the document can't be opened; `reason` is the error class."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Child to parent: done with the document. A worn child wants to be replaced."""

    is_worn: bool


class UnreadableMessage(Exception):
    """What a child sent is no message; its text is the class of the fault alone."""


class Channel:
    """One end of a socket that carries whole messages."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: object) -> None:
        """Send a message. Raises OSError when the other side is gone."""
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(body), *(buffer.raw() for buffer in buffers)]
        head = _LENGTH.pack(len(parts)) + b"".join(_LENGTH.pack(part.nbytes) for part in parts)
        self._socket.sendall(head)
        for part in parts:
            self._socket.sendall(part)

    def receive(self, *, timeout_s: float | None = None) -> object:
        """Wait for a message from the parent, which is trusted. Raises EOFError, TimeoutError or OSError."""
        body, buffers = self._parts(timeout_s)
        return pickle.loads(body, buffers=buffers)

    def receive_page(self, *, timeout_s: float) -> object:
        """Wait for a message from a child, which is not. Raises UnreadableMessage too."""
        try:
            body, buffers = self._parts(timeout_s)
        except (pickle.UnpicklingError, MemoryError) as fault:
            raise UnreadableMessage(type(fault).__name__) from None
        try:
            return _PageUnpickler(io.BytesIO(body), buffers=buffers).load()
        # A pickle of one's own making can raise whatever the classes in it raise; all of it means the same.
        except Exception as fault:
            raise UnreadableMessage(type(fault).__name__) from None

    def has_waiting(self) -> bool:
        """Whether something has come in that nobody asked for, or the other side is gone."""
        try:
            # Python itself waits for a socket that has a time-out, whatever flags `recv` is given.
            self._socket.settimeout(0)
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(None)
        return True

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _parts(self, timeout_s: float | None) -> tuple[bytearray, list[bytearray]]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        [num_parts] = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if not 1 <= num_parts <= _MAX_PARTS:
            raise pickle.UnpicklingError(f"a message of {num_parts} parts")
        lengths = struct.unpack(f"<{num_parts}Q", self._exactly(_LENGTH.size * num_parts, deadline))
        if sum(lengths) > _MAX_PART_BYTES:
            raise pickle.UnpicklingError(f"a message of {sum(lengths)} bytes")
        body, *buffers = [self._exactly(length, deadline) for length in lengths]
        return body, buffers

    def _exactly(self, num_bytes: int, deadline: float | None) -> bytearray:
        received = bytearray(num_bytes)
        left = memoryview(received)
        while left:
            # A timeout of 0 would make the socket non-blocking, which raises another error.
            self._socket.settimeout(None if deadline is None else max(1e-3, deadline - time.monotonic()))
            count = self._socket.recv_into(left)
            if not count:
                raise EOFError("the other side is gone")
            left = left[count:]
        return received


class _PageUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("builtins", "getattr"):
            return _member
        if (module, name) not in _PARTS_OF_A_PAGE:
            raise pickle.UnpicklingError(f"no part of a page: {module}.{name}")
        return super().find_class(module, name)


def _member(kind: object, name: str) -> object:
    """What Python before 3.11.4 pickles an enumeration's member as: `getattr` of the class and its name."""
    if not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise pickle.UnpicklingError("an attribute of what is no enumeration")
    return kind[name]
