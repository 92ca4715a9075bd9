"""Bundles as the reading of documents sees them: pages in, documents and remarks out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llava_ocr.bundles.face import PageFace, blank_face, hidden_face, read_face
from llava_ocr.bundles.split import Split, split
from llava_ocr.raster.base import PageRead
from llava_ocr.records import Finding, PageState, Part
from llava_ocr.schema import GroupNode

# Of missing pages, so many are named.
MAX_NAMED = 10


def split_pages(pages: Sequence[PageRead], root: GroupNode) -> Split:
    """Split a file's pages by their words alone, so that every reading of the file splits it alike."""
    return split([face_of(page, root) for page in pages])


def face_of(page: PageRead, root: GroupNode) -> PageFace:
    """What a page shows: nothing where it is blank, nothing that is known where it has no words."""
    index = page.outcome.page_index
    if page.outcome.state is PageState.SKIPPED:
        return blank_face(index)
    return hidden_face(index) if page.layout is None else read_face(index, page.layout, root)


def remarks(found: Split, part: Part) -> Iterator[Finding]:
    """Say what a person should look at: pages that may be another document's, and pages that are not there."""
    for seam in found.doubts(part):
        said = "may belong to the document before" if seam.is_cut else "may begin another document"
        yield Finding("bundle", f"page {seam.page_index + 1} {said} ({seam.reason}, {seam.certainty:.0%} certain)", ())
    missing = found.missing[found.parts.index(part)]
    if missing:
        listed = ", ".join(map(str, missing[:MAX_NAMED]))
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        yield Finding("bundle", f"by its page counter, page {listed}{more} of this document is not in the file", ())
