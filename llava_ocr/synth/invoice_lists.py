"""Items without a table: in the sentences of a letter, or one a line with dots up to the amount."""

from __future__ import annotations

from llava_ocr.synth.bargain import Item
from llava_ocr.synth.blocks import Frame, put_lines
from llava_ocr.synth.canvas import phrase_width, wrap
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.phrases import Phrase, fill_in, join, tokens
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import WORDING

MAX_TOLD_ITEMS = 4


def put_told(flow: Flow, frame: Frame) -> Frame:
    """Tell items and totals in sentences, as letters without a table do."""
    speech, invoice, rng = flow.speech, flow.invoice, flow.speech.rng
    sentences = WORDING[speech.look.language]["item_sentences"]
    template, sign = rng.choice(sentences), rng.choice(("", "", "- ", "• "))
    told = [_tell(speech, item, number, template) for number, item in enumerate(invoice.items)]
    paragraphs = [(sign, *phrase) if sign else phrase for phrase in told]
    if not sign and chance(rng, 0.4):
        paragraphs = [join(told, " ")]
    paragraphs += [(), _tell_totals(speech, flow)]
    for phrase in paragraphs:
        frame = flow.room(frame, 40)
        frame = frame.moved(put_lines(flow.canvas, frame, [(phrase, flow.look.body)], flow.look))
    return frame.moved(frame.y + flow.look.size)


def _tell(speech: Speech, item: Item, number: int, template: str) -> Phrase:
    path = f"lines[{number}]"
    said: dict[str, Phrase] = {
        "item": speech.text(item.description, f"{path}.description"),
        "quantity": speech.number(item.quantity, f"{path}.quantity"),
        "unit": (item.unit,),
        "price": speech.amount(item.unit_price, f"{path}.unit_price"),
        "amount": speech.amount(item.total, f"{path}.line_total"),
    }
    return fill_in(template, said)


def _tell_totals(speech: Speech, flow: Flow) -> Phrase:
    totals = flow.invoice.totals
    has_rate = len(totals.taxes) == 1
    templates = [t for t in WORDING[speech.look.language]["sum_sentences"] if has_rate or "{rate}" not in t]
    paths = ("grand_total",) if totals.prepaid else ("grand_total", "due_amount")
    said: dict[str, Phrase] = {
        "net": speech.amount(totals.net, "net_total"),
        "tax": speech.amount(totals.tax, "tax_total"),
        "grand": speech.amount(totals.grand, *paths),
        "rate": (speech.style.number(totals.taxes[0].rate),),
    }
    return fill_in(speech.rng.choice(templates), said)


def put_dotted(flow: Flow, frame: Frame) -> Frame:
    """Put the items one a line, dots leading to the amount; how many at which price stands below or not at all."""
    speech, look, rng = flow.speech, flow.look, flow.speech.rng
    sign, has_count = rng.choice((".", ".", " ", "_", "-")), chance(rng, 0.6)
    times = rng.choice((" x ", " × ", " à ", " @ "))
    for number, item in enumerate(flow.invoice.items):
        path, ink = f"lines[{number}]", look.body
        name = speech.text(item.description, f"{path}.description")
        amount = speech.amount(item.total, f"{path}.line_total")
        count: Phrase = ()
        if has_count:
            price = speech.amount(item.unit_price, f"{path}.unit_price", bare=True)
            count = (*speech.number(item.quantity, f"{path}.quantity"), f" {item.unit}{times}", *price)
        frame = flow.room(frame, look.size * 4)
        frame = frame.moved(_dotted_line(flow, frame, (name, amount), sign))
        if count:
            indented = Frame(frame.x + look.size, frame.y, frame.width)
            frame = frame.moved(put_lines(flow.canvas, indented, [(count, look.small)], look) + ink.size * 0.3)
    return frame.moved(frame.y + look.size)


def _dotted_line(flow: Flow, frame: Frame, ends: tuple[Phrase, Phrase], sign: str) -> float:
    canvas, look, ink = flow.canvas, flow.look, flow.look.body
    name, amount = ends
    y, right = frame.y + ink.size, frame.x + frame.width
    wide = canvas.text(right, y, amount, ink, align=1.0)
    width = frame.width - wide - ink.size * 2
    low = canvas.paragraph(frame.x, y, name, ink, width=width, leading=ink.size * look.leading)
    last = wrap(tokens(name), ink, width=width)
    if len(last) == 1 and sign != " ":
        start = frame.x + phrase_width(name, ink) + ink.size * 0.5
        count = int((right - wide - ink.size * 0.5 - start) / ink.width(sign))
        if count > 2:
            canvas.text(start, y, (sign * count,), ink)
    return low - ink.size


def put_glance(flow: Flow, frame: Frame) -> Frame:
    """Put an account's summary before the items: what was owed, what was paid, what is new and due now."""
    speech, look, rng = flow.speech, flow.look, flow.speech.rng
    totals, style = flow.invoice.totals, speech.style
    before = to_cents(totals.net * rng.randint(20, 180) / 100)
    heading = look.heading(1.2)
    frame = frame.moved(put_lines(flow.canvas, frame, [((speech.label("summary_line"),), heading)], look) + 4)
    rows: list[tuple[str, Phrase]] = [
        (speech.label("previous_balance"), (style.amount(before),)),
        (speech.label("payments"), (style.amount(-before),)),
        (speech.label("new_charges"), speech.amount(totals.grand, "grand_total")),
    ]
    for label, phrase in rows[rng.choice((0, 0, 2)) :]:
        frame = frame.moved(_dotted_line(flow, frame, ((label,), phrase), rng.choice((".", " "))) + 3)
    due: Phrase = (f"{speech.label('due_amount')} ", *speech.amount(totals.due, "due_amount"))
    if chance(rng, 0.6):
        due = (*due, f" · {speech.label('due_date')} ", *speech.day(flow.invoice.due, "due_date"))
    height = look.size * 2.4
    flow.canvas.shade(frame.x, frame.y, frame.x + frame.width, frame.y + height, color=look.tint)
    flow.canvas.paragraph(frame.x + 4, frame.y + look.size * 1.6, due, look.bold, width=frame.width - 8, align=1.0)
    return frame.moved(frame.y + height + look.size * 1.5)
