"""What a page shows of the document it belongs to: its counter, number, date, title, sender. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from llava_ocr.bundles.counters import Counter, read_counter
from llava_ocr.grounding.dates import date_readings
from llava_ocr.prompts import fold
from llava_ocr.rulebook.fields import read_labelled
from llava_ocr.rulebook.page import RulePage
from llava_ocr.rulebook.roles import Role, amount_role, role_of, vocabulary
from llava_ocr.rulebook.table import find_heading
from llava_ocr.schema import GroupNode, Kind, LeafNode, RowsNode
from llava_ocr.words.layout import Layout, Segment

# A document's own number and date stand above this, titles and addresses too.
HEAD = 0.5
# What runs along the foot of every page stands below this, what runs along its top above that.
FOOT, TOP = 0.88, 0.1
# A title is at least this much higher than the page's other words, or all capitals.
TITLE = 1.25
MAX_TITLE_WORDS = 5
# Shorter codes stand on any page by accident.
MIN_CODE_CHARS = 4
MIN_MARK_CHARS = 6

_TITLES = re.compile(
    r"\w*(?:rechnung|gutschrift|quittung|beleg|auszug|bestellung|angebot|mahnung|lieferschein)$"
    r"|(?:invoice|bill|receipt|statement|facture|avoir|recu|ticket|releve|commande|devis|order|quote|quotation|"
    r"credit|proforma|note|honoraires)$"
)
_TOTALS = (Role.GRAND, Role.DUE)
_RECIPIENT = vocabulary(
    """to billto soldto invoiceto chargeto shipto customer client buyer recipient an kunde kaufer empfanger
    rechnungsempfanger rechnungsanschrift rechnungsadresse lieferanschrift lieferadresse destinataire acheteur
    facturea adressea adressedefacturation adressedelivraison livrea billingaddress shippingaddress billedto a"""
)
_SALUTATION = vocabulary("dear sehr guten madame monsieur bonjour hello hallo cher chere")
_AMOUNT = re.compile(r"[.,/]\d{1,2}\W*$")
_CARRIED = re.compile(
    r"(?:(?:balance |amount |total )?(?:carried (?:over|forward)|c f|a reporter)|ubertrag|report$|"
    r"(?:sub|sous) ?total page)\b"
)
_BROUGHT = re.compile(
    r"(?:(?:balance |amount |total )?(?:brought forward|carried (?:over|forward)|b f)|ubertrag|"
    r"report(?: page| de la page|$)|continued|fortsetzung)\b"
)


@dataclass(frozen=True, slots=True)
class PageFace:
    """What tells a page's document. Codes and marks are folded to letters and figures.

    `numbers` and `day` are the document's own, as a label or a title says; `codes` are all that have figures in them,
    `marks` what tells a sender (mail, web, bank, tax), `head` the words of the upper half, `foot` those that run along
    the foot. `is_legible` is False where nothing is known of the page but that it is there.
    """

    page_index: int
    is_blank: bool = False
    is_legible: bool = True
    counter: Counter | None = None
    numbers: frozenset[str] = frozenset()
    day: str = ""
    has_title: bool = False
    has_recipient: bool = False
    is_carried: bool = False
    carries: bool = False
    codes: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    head: frozenset[str] = frozenset()
    foot: frozenset[str] = frozenset()
    has_total: bool = False
    aspect: float = 0.0


def blank_face(page_index: int) -> PageFace:
    """The face of a page that shows nothing."""
    return PageFace(page_index, is_blank=True, is_legible=False)


def hidden_face(page_index: int) -> PageFace:
    """The face of a page of which nothing is known."""
    return PageFace(page_index, is_legible=False)


def read_face(page_index: int, layout: Layout, root: GroupNode) -> PageFace:
    """Read a page's face; `root` is the schema, which says how number and date are labelled."""
    page = RulePage(layout, root)
    segments = page.segments
    head = [segment for segment in segments if segment.box.center_y < HEAD]
    return PageFace(
        page_index,
        counter=read_counter(layout),
        numbers=frozenset(_own_numbers(page, head)),
        day=_own_day(page),
        has_title=any(_is_title(segment, layout) for segment in head),
        has_recipient=any(_is_recipient(segment) for segment in head),
        is_carried=any(_BROUGHT.match(fold(segment.text)) for segment in segments if segment.box.center_y < 0.35),
        carries=any(_CARRIED.match(fold(segment.text)) for segment in segments if segment.box.center_y > 0.6),
        codes=frozenset(_codes(word.text for word in layout.words)),
        marks=frozenset(_marks(word.text for word in layout.words)),
        head=frozenset(word for segment in head for word in fold(segment.text).split() if word.isalpha()),
        foot=frozenset(_running(layout)),
        has_total=any(amount_role(segment.text) in _TOTALS for segment in segments),
        aspect=layout.aspect,
    )


def _own_numbers(page: RulePage, head: Sequence[Segment]) -> Iterator[str]:
    """What the label says is the document's number, and codes that stand in a title."""
    leaf = next((leaf for leaf in _outer_leaves(page.root) if role_of(leaf) is Role.NUMBER), None)
    value = None if leaf is None else read_labelled(page, leaf, _heading_words(page))
    if value is not None and value.box.center_y < HEAD:
        yield from _codes(_no_figures([value.text]))
    for segment in head:
        if _names_a_document(segment):
            yield from _codes(_no_figures(page.layout.words[index].text for index in segment.words))


def _no_figures(texts: Iterable[str]) -> Iterator[str]:
    """Leave out dates and amounts, which other documents have, too."""
    return (text for text in texts if not _AMOUNT.search(text) and not date_readings(text))


def _names_a_document(segment: Segment) -> bool:
    words = fold(segment.text).split()
    return 0 < len(words) <= MAX_TITLE_WORDS and any(_TITLES.match(word) for word in words[:2])


def _own_day(page: RulePage) -> str:
    """The document's date as an ISO day, empty where none is told or it can be read in two ways."""
    leaf = next((leaf for leaf in _outer_leaves(page.root) if leaf.leaf.kind is Kind.DATE), None)
    value = None if leaf is None else read_labelled(page, leaf, _heading_words(page))
    if value is None or value.box.center_y >= HEAD:
        return ""
    days = set(date_readings(value.text).values())
    return days.pop().isoformat() if len(days) == 1 else ""


def _heading_words(page: RulePage) -> frozenset[int]:
    lists = [child for child in page.root.children if isinstance(child, RowsNode)]
    headings = [find_heading(page, node) for node in lists]
    return frozenset(index for heading in headings if heading for index in heading.words)


def _outer_leaves(root: GroupNode) -> list[LeafNode]:
    return [child for child in root.children if isinstance(child, LeafNode)]


def _is_title(segment: Segment, layout: Layout) -> bool:
    return _names_a_document(segment) and (segment.box.height > TITLE * layout.word_height or segment.text.isupper())


def _is_recipient(segment: Segment) -> bool:
    words = fold(segment.text).split()
    return bool(words) and ("".join(words) in _RECIPIENT or words[0] in _SALUTATION)


def _codes(texts: Iterable[str]) -> Iterator[str]:
    """Words with figures in them, each also without what may stand before it: `No.4711`."""
    for text in texts:
        code = squeezed(text)
        if len(code) >= MIN_CODE_CHARS and any(c.isdigit() for c in code):
            yield code


def _marks(texts: Iterable[str]) -> Iterator[str]:
    """Mail and web addresses, and long codes that are no dates or amounts."""
    for text in _no_figures(texts):
        bare = text.strip(".,;:()|·•<>")
        if "@" in bare or re.search(r"[a-z]\.[a-z]{2,6}$", bare.casefold()):
            yield squeezed(bare.rpartition("@")[2].removeprefix("www."))
        elif sum(c.isdigit() for c in bare) >= MIN_MARK_CHARS:
            yield squeezed(bare)


def _running(layout: Layout) -> Iterator[str]:
    """Words along the page's foot."""
    for word in layout.words:
        if word.box.center_y > FOOT and len(text := squeezed(word.text)) > 2:
            yield text


@lru_cache(maxsize=100_000)
def squeezed(text: str) -> str:
    """Letters and figures alone, without case and accents."""
    return fold(text).replace(" ", "")
