"""What every library that draws pages offers: an open document, and in it one sheet at a time. Used in the child."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box, Size, Turn
from llava_ocr.raster.base import ReadOptions
from llava_ocr.raster.limits import PaperSize
from llava_ocr.records import Word
from llava_ocr.words.visible import Ink


class Draws(Protocol):
    """What can be drawn: a page as viewers show it (/Rotate and EXIF obeyed), or turned for reading."""

    @property
    def paper(self) -> PaperSize:
        """The page's extent."""
        ...

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Draw the page on white, squashed or stretched to `size`: `[height, width, 3]`, RGB."""
        ...


class Sheet(Draws, Protocol):
    """One page, opened, as viewers show it. Every method raises InputError and nothing else, MemoryError apart."""

    @property
    def native(self) -> Size | None:
        """The page's own pixels; None where it has none of its own."""
        ...

    def words(self) -> list[Word]:
        """Read the text layer as it is stored: boxes on the page as it is shown, text not cleaned."""
        ...

    def turns(self) -> list[Turn | None]:
        """Tell of each of the `words` by which turn it is upright, None where it stands aslant."""
        ...

    def inks(self) -> list[Ink]:
        """Tell of each of the `words`, in their order, how the file says it is painted."""
        ...

    def pictures(self) -> list[Box]:
        """Return where the page shows images that lie in the file; they may reach over its edge."""
        ...


@dataclass(frozen=True)
class EmbeddedFile:
    """A file inside of a document; its bytes are unpacked when asked for. `read` raises InputError."""

    name: str
    read: Callable[[], bytes]


class Paper(Protocol):
    """An open document."""

    @property
    def num_pages(self) -> int:
        """How many pages it says it has."""
        ...

    def sheet(self, page_index: int) -> AbstractContextManager[Sheet]:
        """Open a page. Raises CorruptPage or PageTooLarge."""
        ...

    @property
    def is_placeholder(self) -> bool:
        """Whether its pages only stand in for an XFA form that other programs would draw."""
        ...

    def embedded(self) -> Iterator[EmbeddedFile]:
        """Yield the files that lie inside of the document. Raises InputError where they can't be listed."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class OpenPaper(Protocol):
    """Opens a document with the library that fits it."""

    def __call__(self, path: Path, passwords: Sequence[str], options: ReadOptions) -> Paper:
        """Open. Raises CorruptDocument, NeedsPassword, NoPages, TooManyPages, MissingExtra or UnknownFormat."""
        ...
