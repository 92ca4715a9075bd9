"""Till slips from seed to paper: shop, facts, what was bought, what it came to, how it was paid."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.synth.bargain import NOTHING
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.canvas import BREAK, Canvas, Ink
from llava_ocr.synth.codes import fill, make_reference
from llava_ocr.synth.fonts import Family, choose_family, open_family
from llava_ocr.synth.look import draw_look
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.purchase import draw_receipt
from llava_ocr.synth.receipt_ends import put_ends, put_tax_table
from llava_ocr.synth.receipt_items import put_items
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.slip import Slip
from llava_ocr.synth.streams import chance, stream, weighted

TALL_PT = 4000.0
DISTRICTS = (
    "Taman Melati", "Level 2, Central Mall", "Jalan Besar", "Unit G-12", "Industrial Estate", "Section 14",
    "Near City Park", "Ground Floor", "Lot 5-11, Block C", "Bandar Baru", "Shop 7, North Plaza",
)  # fmt: skip

TAX_LABELS = {"en": ("GST ID", "GST Reg No", "GST No."), "de": ("St.-Nr.", "Steuernr."), "fr": ("SIRET", "Siret n°")}


def paint_receipt(seed: int) -> PaintedDocument:
    """Paint one till slip."""
    receipt = draw_receipt(stream("receipt", seed, "content"))
    rng, fonts = stream("receipt", seed, "look"), stream("receipt", seed, "fonts")
    look = draw_look(rng, fonts, receipt.market, language=receipt.style.language)
    look = replace(look, **_paper(rng, choose_family(fonts)))
    # Slips print their currency once or never, rarely at every amount.
    money = receipt.style.money if chance(rng, 0.3) else "plain"
    speech = Speech(rng, look, replace(receipt.style, money=money), receipt.market, {})
    canvas = Canvas(look.width, TALL_PT)
    slip = Slip(canvas, speech, receipt, look.top)
    family = _paint(slip)
    canvas.height = slip.y + rng.uniform(8, 60)
    pages, printed = canvas.finish()
    printed = tuple(value for value in printed if value.path != "currency")
    truth = fill_shape("receipt", {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(family, look.family.name, receipt.shop.name)
    patterns = frozenset({*speech.patterns, *(["several tax rates"] if len(receipt.taxes) > 1 else [])})
    return PaintedDocument("receipt", seed, look.language, truth, pages, printed, origin=origin, patterns=patterns)


def _paper(rng: Random, family: Family) -> dict[str, Any]:
    width = weighted(rng, [(rng.uniform(150, 250), 0.8), (rng.uniform(260, 420), 0.2)])
    margin = rng.uniform(4, 20)
    face = open_family("Courier") if chance(rng, 0.45) else family
    size = min(11.0, max(5.5, width / rng.uniform(21, 34)))
    black = (0.0, 0.0, 0.0)
    return {
        "width": width, "height": TALL_PT, "left": margin, "right": margin, "top": rng.uniform(8, 30), "size": size,
        "family": face, "head_family": face, "accent": black, "ink_color": black, "leading": rng.uniform(1.05, 1.35),
    }  # fmt: skip


def _paint(slip: Slip) -> str:
    """Put all of the slip; returns its layout family."""
    rng = slip.rng
    shape = weighted(
        rng, [("amount", 2), ("quantity_first", 2), ("below", 2), ("columns", 2), ("table", 2), ("coded", 1)]
    )
    _head(slip)
    if chance(rng, 0.5):
        slip.line((slip.word("title"),), slip.look.bold, align=slip.align)
    facts = weighted(rng, [("lines", 5), ("pairs", 2), ("columns", 1.2)])
    is_date_late = chance(rng, 0.3)
    if slip.speech.shows("cash customer", 0.08):
        slip.line((slip.word("to"),))
    if not is_date_late:
        _facts(slip, facts)
    slip.rule()
    put_items(slip, shape)
    slip.rule()
    _sums(slip)
    slip.rule()
    if is_date_late:
        slip.speech.patterns.add("date below")
        _facts(slip, facts)
    put_ends(slip)
    return f"slip-{shape}-{facts}"


def _head(slip: Slip) -> None:
    rng, speech, shop, body = slip.rng, slip.speech, slip.receipt.shop, slip.look.body
    if chance(rng, 0.15):
        side = rng.uniform(20, 40)
        x, kind = (slip.look.width - side) / 2, rng.choice(("ellipse", "rectangle"))
        slip.canvas.shade(x, slip.y, x + side, slip.y + side, color=(0.1, 0.1, 0.1), kind=kind)
        slip.y += side + 6
    if chance(rng, 0.12):
        slip.line((shop.person if chance(rng, 0.5) else shop.city.upper(),), align=slip.align)
    if speech.shows("number on top", 0.06):
        slip.line((fill(rng, rng.choice(("####", "#-#######", "#######"))),), slip.look.bold, align=slip.align)
    name = shop.name.upper() if chance(rng, 0.5) else shop.name
    big = Ink(slip.look.family.bold, slip.look.size * rng.uniform(1.0, 1.6))
    slip.line(speech.text(name, "merchant_name"), big, align=slip.align)
    if chance(rng, 0.35):
        is_short = chance(rng, 0.5) and slip.look.language == "en"
        number = f"({fill(rng, '######-?')})" if is_short else shop.register
        slip.line((number,), align=slip.align)
    if speech.shows("second firm", 0.1):
        slip.line((slip.word("formerly").format(x=slip.receipt.owner),), align=slip.align)
    is_address_late = speech.shows("numbers before address", 0.12)
    if is_address_late:
        _contacts(slip)
    if chance(rng, 0.93):
        slip.line(speech.text(_address(slip), "merchant_address"), body, align=slip.align)
    if not is_address_late:
        _contacts(slip)
    slip.y += rng.uniform(0, 8)


def _contacts(slip: Slip) -> None:
    rng, shop = slip.rng, slip.receipt.shop
    if slip.speech.shows("phone and fax on one line", 0.1):
        slip.line((f"TEL : {shop.phone}  FAX : {shop.fax}",), align=slip.align)
    said = [
        ("Tel", shop.phone),
        ("Fax", shop.fax),
        ("", shop.email),
        ("", shop.web),
        (rng.choice(TAX_LABELS[slip.look.language]), fill(rng, "0###########")),
        ("", shop.vat_id or ""),
    ]
    for label, text in said:
        if text and chance(rng, 0.25):
            slip.line((f"{label}: {text}" if label else text,), align=slip.align)


def _address(slip: Slip) -> str:
    shop, rng, is_english = slip.receipt.shop, slip.rng, slip.look.language == "en"
    is_city_first = is_english and chance(rng, 0.5)
    place = f"{shop.city} {shop.postcode}" if is_city_first else f"{shop.postcode} {shop.city}"
    parts = [shop.street, place]
    if is_english and chance(rng, 0.4):
        parts.insert(1, rng.choice(DISTRICTS))
    end = rng.choice((",", ",", ""))
    text = (f"{end} {BREAK} " if chance(rng, 0.8) else ", ").join(parts) + rng.choice(("", "", "."))
    return text.upper() if chance(rng, 0.4) else text


def _facts(slip: Slip, shape: str) -> None:
    """Put date, time and numbers: line by line, in two columns, or labels in a row with the values beneath."""
    rng, receipt = slip.rng, slip.receipt
    seconds = f":{rng.randint(0, 59):02d}" if chance(rng, 0.4) else ""
    clock = f"{rng.randint(7, 22):02d}:{rng.randint(0, 59):02d}{seconds}"
    day = slip.speech.day(receipt.day, "date")
    others = {
        "number": make_reference(rng, receipt.day.year),
        "cashier": receipt.shop.person.split()[0],
        "till": fill(rng, "##"),
        "table": fill(rng, "#"),
        "branch": fill(rng, "####"),
    }
    some: list[tuple[str, Phrase]] = [(slip.word(name), (text,)) for name, text in others.items() if chance(rng, 0.4)]
    if shape == "lines":
        _fact_lines(slip, day, clock, some)
        return
    slip.speech.patterns.add(f"facts in {shape}")
    pairs: list[tuple[str, Phrase]] = [(slip.word("date").rstrip(":"), day), (slip.word("time"), (clock,)), *some]
    if shape == "pairs":
        slip.pairs(pairs)
        return
    per_row = 3 if slip.look.inner_width < 200 else 4
    for start in range(0, len(pairs), per_row):
        row = pairs[start : start + per_row]
        slip.columns([(label,) for label, _ in row], first_left=True)
        slip.columns([phrase for _, phrase in row], first_left=True)


def _fact_lines(slip: Slip, day: Phrase, clock: str, some: list[tuple[str, Phrase]]) -> None:
    rng = slip.rng
    time = f" {clock}" if chance(rng, 0.7) else ""
    label = rng.choice((f"{slip.word('date')}: ", f"{slip.word('date')} ", ""))
    facts: list[Phrase] = [(label.replace("::", ":"), *day, time)]
    for name, phrase in some:
        facts.insert(rng.randint(0, len(facts)), (f"{name}{rng.choice((': ', ' ', ' : '))}", *phrase))
    if len(facts) > 1 and chance(rng, 0.3):
        slip.split(facts.pop(0), facts.pop(0))
    for fact in facts:
        slip.line(fact)


def _sums(slip: Slip) -> None:
    rng, receipt, speech = slip.rng, slip.receipt, slip.speech
    for label, phrase in _sum_rows(slip):
        slip.split((label,), phrase)
    ink = Ink(slip.look.family.bold, slip.look.size * rng.choice((1.0, 1.0, 1.2, 1.5)))
    mark = f" {receipt.style.mark}" if chance(rng, 0.2) else ""
    label = f"{slip.word('total')}{mark}{rng.choice(('', ':'))}"
    if speech.shows("total stands alone", 0.08):
        slip.line((label,), ink, align=slip.align)
        slip.line(speech.amount(receipt.total, "total"), ink, align=slip.align)
    else:
        slip.split((label,), speech.amount(receipt.total, "total"), ink)
    _payment(slip)


def _sum_rows(slip: Slip) -> list[tuple[str, Phrase]]:
    """Say what comes before the total, some of it totals of another kind."""
    rng, receipt, speech = slip.rng, slip.receipt, slip.speech
    rows: list[tuple[str, Phrase]] = []
    if receipt.discount or receipt.service or chance(rng, 0.4):
        rows.append((rng.choice(_gross_words(slip)), speech.amount(receipt.subtotal)))
    if receipt.discount:
        rows.append((slip.word("discount"), speech.amount(-receipt.discount)))
    if receipt.service:
        speech.patterns.add("service charge")
        rows.append((slip.word("service").format(r=receipt.service_percent), speech.amount(receipt.service)))
    before = receipt.total - receipt.rounding
    if speech.shows("totals of both kinds", 0.15):
        rows.append((slip.word("excluding"), speech.amount(before - receipt.tax)))
        rows.append((_tax_label(slip), speech.amount(receipt.tax)))
        rows.append((slip.word("including"), speech.amount(before)))
    elif chance(rng, 0.3):
        rows.append((_tax_label(slip), speech.amount(receipt.tax)))
    if receipt.rounding or chance(rng, 0.08):
        rows.append((slip.word("rounding"), speech.amount(receipt.rounding)))
    return rows


def _gross_words(slip: Slip) -> list[str]:
    """The wordings of a subtotal that do not say it is without tax."""
    return [text for text in slip.words["subtotal"] if not any(net in text.lower() for net in ("ht", "net", "excl"))]


def _tax_label(slip: Slip) -> str:
    """Word the tax; with several rates it names none."""
    label, rates = slip.word("tax"), slip.receipt.rates
    if len(rates) == 1:
        return label.format(r=slip.speech.style.number(rates[0]))
    return label.replace("{r}", "").replace("%", "").strip()


def _payment(slip: Slip) -> None:
    rng, speech, total = slip.rng, slip.speech, slip.receipt.total
    if chance(rng, 0.45):
        given = total + rng.choice((NOTHING, Decimal(5), Decimal("0.05"), 10 - total % 10, 50 - total % 50))
        slip.split((slip.word("cash"),), speech.amount(given))
        slip.split((slip.word("change"),), speech.amount(given - total))
    elif chance(rng, 0.5):
        slip.split((slip.word("card"),), speech.amount(total))
    if chance(rng, 0.3):
        slip.line((f"{slip.word('items')}: {len(slip.receipt.items)}",))
    if chance(rng, 0.45 if len(slip.receipt.taxes) > 1 else 0.3):
        put_tax_table(slip)
