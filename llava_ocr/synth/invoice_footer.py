"""The foot of every page: the issuer's legal data in small print, and the page's number."""

from __future__ import annotations

from dataclasses import replace

from llava_ocr.synth.blocks import Frame, Line, put_lines
from llava_ocr.synth.canvas import Canvas, Ink, wrap
from llava_ocr.synth.codes import make_reference
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.invoice_foot import has_iban, say
from llava_ocr.synth.look import Look
from llava_ocr.synth.phrases import Phrase, join, tokens
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import WORDING


def put_footers(flow: Flow) -> None:
    """Put the issuer's legal data at the foot of every page that has room for it."""
    canvas, speech, invoice = flow.canvas, flow.speech, flow.invoice
    look, rng = speech.look, speech.rng
    kind = weighted(rng, [("columns", 0.3), ("sections", 0.2), ("centered", 0.22), ("none", 0.28)])
    first_only, has_rule = chance(rng, 0.2), chance(rng, 0.5)
    columns = _say_columns(speech, invoice, kind)
    for page in range(canvas.num_pages):
        canvas.turn_to(page)
        if columns and page not in flow.taken and not (first_only and page):
            _footer(canvas, look, columns, has_rule=has_rule)


def put_page_numbers(flow: Flow) -> None:
    """Put the page number on every page, where the document numbers its pages."""
    canvas, speech = flow.canvas, flow.speech
    look, rng = speech.look, speech.rng
    numbered = weighted(rng, [("always", 0.4), ("many", 0.3), ("never", 0.3)])
    place, at_top = rng.choice((0.0, 0.5, 1.0, 1.0)), chance(rng, 0.1)
    template = speech.label("page")
    for page in range(canvas.num_pages):
        canvas.turn_to(page)
        if page in flow.taken:
            continue
        if numbered == "always" or (numbered == "many" and canvas.num_pages > 1):
            text = template.replace("{p}", str(page + 1)).replace("{n}", str(canvas.num_pages))
            x = look.left + look.inner_width * place
            canvas.text(x, look.top * 0.6 if at_top else look.height - 14, (text,), look.small, align=place)


def _say_columns(speech: Speech, invoice: Invoice, kind: str) -> list[list[Phrase]]:
    if kind == "none":
        return []
    if kind == "sections":
        speech.patterns.add("footer sections")
        return _say_sections(speech, invoice)
    phrases = _legal(speech, invoice)
    if kind == "centered":
        return [[join(phrases, " · ")]] if phrases else []
    per = -(-len(phrases) // speech.rng.randint(2, 4))
    return [phrases[start : start + per] for start in range(0, len(phrases), max(per, 1))]


def _footer(canvas: Canvas, look: Look, columns: list[list[Phrase]], *, has_rule: bool) -> None:
    top = look.height - look.bottom + 4
    if has_rule:
        canvas.rule(look.left, top - 3, look.width - look.right, top - 3, width=0.4, color=look.accent)
    width = look.inner_width / len(columns)
    ink = _small_enough(columns, look, width=width - 6, height=look.height - top - 12)
    for number, column in enumerate(columns):
        frame = Frame(look.left + number * width, top, width - 6)
        lines: list[Line] = [(phrase, ink) for phrase in column]
        put_lines(canvas, frame, lines, look, align=0.5 if len(columns) == 1 else 0.0)


def _small_enough(columns: list[list[Phrase]], look: Look, *, width: float, height: float) -> Ink:
    """Shrink the small print until the footer ends above the paper's edge."""
    ink = look.small
    while ink.size > 4:
        num_lines = max(sum(len(wrap(tokens(phrase), ink, width=width)) for phrase in column) for column in columns)
        if num_lines * ink.size * look.leading <= height:
            break
        ink = replace(ink, size=ink.size * 0.93)
    return ink


def _legal(speech: Speech, invoice: Invoice) -> list[Phrase]:
    rng, seller = speech.rng, invoice.seller
    phrases: list[Phrase] = []
    if chance(rng, 0.8):
        phrases.append(speech.text(seller.name, "seller.name"))
    if chance(rng, 0.5):
        phrases.append(speech.text(seller.street, "seller.street"))
        phrases.append(
            (*speech.text(seller.postcode, "seller.postcode"), " ", *speech.text(seller.city, "seller.city"))
        )
    templates = [t for t in WORDING[speech.style.language]["legal"] if chance(rng, 0.55)]
    for template in templates:
        lacks_vat = "{vat}" in template and not seller.vat_id
        if not lacks_vat and ("{iban}" not in template or has_iban(invoice)):
            phrases.append(say(speech, invoice, template))
    if chance(rng, 0.2):
        phrases.append((make_reference(rng, invoice.issued.year),))
    return phrases


def _say_sections(speech: Speech, invoice: Invoice) -> list[list[Phrase]]:
    """Say address, contact, register and bank in columns of their own, each under its heading or none."""
    rng, seller = speech.rng, invoice.seller
    place: Phrase = (*speech.text(seller.postcode, "seller.postcode"), " ", *speech.text(seller.city, "seller.city"))
    name, street = speech.text(seller.name, "seller.name"), speech.text(seller.street, "seller.street")
    vat = speech.vat_id(seller.vat_id, "seller.vat_id")
    said: list[tuple[str, list[tuple[str, Phrase]]]] = [
        ("", [("", name), ("", street), ("", place)]),
        ("foot_contact", [(c, (getattr(seller, c),)) for c in ("phone", "fax", "email", "web") if chance(rng, 0.7)]),
        ("foot_law", [("register", (seller.register,)), ("tax_number", (seller.tax_number,)), ("vat_id", vat)]),
        ("foot_bank", _bank(speech, invoice)),
    ]
    if chance(rng, 0.3):
        said.pop(1)
    if chance(rng, 0.2):
        rng.shuffle(said)
    has_headings, has_labels = chance(rng, 0.6), chance(rng, 0.75)
    columns = []
    for heading, pairs in said:
        lines: list[Phrase] = [(speech.label(heading),)] if heading and has_headings else []
        for concept, phrase in pairs:
            label = (f"{speech.label(concept)} ",) if concept and (has_labels or concept in ("vat_id", "iban")) else ()
            lines += [(*label, *phrase)] if phrase else []
        columns.append(lines)
    return columns


def _bank(speech: Speech, invoice: Invoice) -> list[tuple[str, Phrase]]:
    seller = invoice.seller
    pairs: list[tuple[str, Phrase]] = [("", (seller.bank,))]
    if has_iban(invoice):
        pairs += [("iban", speech.iban(seller.iban, "iban")), ("bic", (seller.bic,))]
    return pairs
