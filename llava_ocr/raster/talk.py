"""What a child may say in answer to one order, and when: it has parsed hostile bytes, so all of it is checked.

`StillAtIt* (Refused | Opened (StillAtIt* PackedPage)*) StillAtIt* Ended`, pages in their order and each once.
"""

from __future__ import annotations

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import InputError, MissingExtra, error_classes
from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.raster.base import Limits, PageRead
from llava_ocr.raster.channel import Count, Ended, Opened, Read, Refused, StillAtIt
from llava_ocr.raster.conforms import conforms
from llava_ocr.raster.packing import PackedPage
from llava_ocr.records import PageState

# Each of these renews a page's time limit. The OCR reader is called once a page, or once a picture on it.
MAX_STILL_AT_IT = 16


class Talk:
    """The answer to one order, as far as it has come."""

    def __init__(self, order: Count | Read, limits: Limits) -> None:
        self._next_page = order.first_page if isinstance(order, Read) else None
        self._limits = limits
        self._num_pages: int | None = None
        self._is_refused = False
        self._num_still_at_it = 0

    def takes(self, reply: object) -> bool:
        """Whether the answer may go on with `reply`."""
        if isinstance(reply, StillAtIt):
            self._num_still_at_it += 1
            return self._num_still_at_it <= MAX_STILL_AT_IT
        is_begun = self._is_refused or self._num_pages is not None
        if isinstance(reply, Ended):
            return is_begun and conforms(reply, Ended)
        if isinstance(reply, Refused):
            self._is_refused = True
            return not is_begun and conforms(reply, Refused) and refusal_of(reply) is not None
        if isinstance(reply, Opened):
            if is_begun or not conforms(reply, Opened) or not 1 <= reply.num_pages <= self._limits.max_pages:
                return False
            self._num_pages = reply.num_pages
            return True
        return isinstance(reply, PackedPage) and self._takes_page(reply)

    def _takes_page(self, packed: PackedPage) -> bool:
        if self._next_page is None or self._num_pages is None or not conforms(packed, PackedPage):
            return False
        page_index = packed.page.outcome.page_index
        if page_index != self._next_page or page_index >= self._num_pages:
            return False
        self._next_page += 1
        self._num_still_at_it = 0
        return True


def refusal_of(refused: Refused) -> InputError | MissingExtra | None:
    """The error that a child refused a document with; None where it names none that a document can have."""
    kind = error_classes().get(refused.reason)
    return kind(refused.message) if kind is not None and issubclass(kind, (InputError, MissingExtra)) else None


def is_whole(page: PageRead, profile: EngineProfile) -> bool:
    """Whether a page that is read has pixels as the engine takes them and a layout, and one that is not says why."""
    outcome, raster = page.outcome, page.raster
    if outcome.state is not PageState.OK:
        is_known = outcome.state is PageState.SKIPPED or outcome.reason in error_classes()
        return raster is None and page.layout is None and bool(outcome.reason) and is_known
    if raster is None and page.layout is None:
        # An e-invoice by itself has no picture.
        return bool(page.einvoice) and not outcome.reason
    if raster is None or page.layout is None or outcome.reason:
        return False
    return raster.tile_px == profile.tile_px and raster.grid in {
        OVERVIEW_ONLY,
        *profile.grids,
        *profile.anchored_grids,
    }
