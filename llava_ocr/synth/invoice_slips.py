"""What follows an invoice's payment terms: payments made, direct debits, coupons to tear off, Swiss payment parts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from llava_ocr.synth.blocks import Frame, Line, Pair, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.codes import fill, in_groups
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.invoice_foot import has_iban, say_closing
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.table import Column, Row, Table, TableStyle, draw_table_style, put_table
from llava_ocr.synth.vocabulary import WORDING

SLIP_HEIGHT = 298.0


def put_slips(flow: Flow, frame: Frame) -> Frame:
    """Put what of all this the document has."""
    speech, totals = flow.speech, flow.invoice.totals
    if speech.shows("payments table", 0.7 if totals.prepaid else 0.0):
        frame = _put_payments(flow, frame)
    if speech.shows("ways to pay", 0.04):
        frame = _put_ways(flow, frame)
    if speech.shows("direct debit", 0.06 if has_iban(flow.invoice) else 0.0):
        frame = _put_debit(flow, frame)
    if speech.shows("signature", 0.06):
        frame = _put_signature(flow, frame)
    if speech.market.country == "CH" and speech.shows("payment part", 0.4):
        return _put_payment_part(flow, frame)
    return _put_coupon(flow, frame) if speech.shows("coupon", 0.05) else frame


def _put_payments(flow: Flow, frame: Frame) -> Frame:
    """List what was paid and when; the sums of it are no totals of the invoice."""
    speech, rng, style = flow.speech, flow.speech.rng, flow.speech.style
    first = to_cents(flow.invoice.totals.prepaid * rng.choice((30, 50, 100)) / 100)
    amounts = [amount for amount in (first, flow.invoice.totals.prepaid - first) if amount]
    rows = []
    for number, amount in enumerate(amounts):
        day = flow.invoice.issued - timedelta(days=30 * (len(amounts) - number))
        method = rng.choice(WORDING[speech.look.language]["terms_value"])
        rows.append(Row({"day": (style.day(day),), "method": (method,), "amount": (style.amount(amount),)}))
    columns = (
        Column("day", speech.label("paid_on"), 0.0),
        Column("method", speech.label("method"), 0.0, is_wide=True),
        Column("amount", speech.label("amount_paid"), 1.0),
    )
    table = Table(columns, tuple(rows), draw_table_style(rng), speech.look)
    frame = _headed(flow, flow.room(frame.moved(frame.y + 10), 70), "payments")
    narrow = Frame(frame.x, frame.y, frame.width * rng.choice((0.45, 0.6, 1.0)))
    return frame.moved(put_table(flow.canvas, narrow, table, bottom=flow.look.height, next_page=flow.next_page).y)


def _put_ways(flow: Flow, frame: Frame) -> Frame:
    """Tell for each way to pay what to do, in a grid."""
    speech, rng = flow.speech, flow.speech.rng
    texts = WORDING[speech.look.language]["terms_value"]
    concepts = ["payment_terms", *(["payment_iban"] if has_iban(flow.invoice) else []), "payment_due"]
    rows = [
        Row({"way": (text,), "text": say_closing(speech, flow.invoice, concept)})
        for text, concept in zip(rng.sample(texts, len(concepts)), concepts, strict=True)
    ]
    columns = (Column("way", "", 0.0), Column("text", "", 0.0, is_wide=True))
    style = TableStyle("none", "grid", 4.0, 2, is_header_bold=False, repeats_header=False)
    table = Table(columns, tuple(rows), style, speech.look)
    frame = _headed(flow, flow.room(frame.moved(frame.y + 10), 90), "payment")
    return frame.moved(put_table(flow.canvas, frame, table, bottom=flow.look.height, next_page=flow.next_page).y + 4)


def _headed(flow: Flow, frame: Frame, concept: str) -> Frame:
    lines: list[Line] = [((flow.speech.label(concept),), flow.look.bold)]
    return frame.moved(put_lines(flow.canvas, frame, lines, flow.look) + 3)


def _put_debit(flow: Flow, frame: Frame) -> Frame:
    """Announce a direct debit; the account is the customer's own, so that it is not the one to pay to."""
    speech, invoice, rng = flow.speech, flow.invoice, flow.speech.rng
    hidden = f"{invoice.buyer.iban[:4]} **** **** {invoice.buyer.iban[-4:]}"
    pairs: list[Pair] = [
        (speech.label("mandate"), (fill(rng, "M-######"),)),
        (speech.label("creditor"), (fill(rng, f"{invoice.market.country}##ZZZ###########"),)),
        (speech.label("debited_account"), (hidden,)),
        (speech.label("due_date"), speech.day(invoice.due, "due_date")),
    ]
    frame = _headed(flow, flow.room(frame.moved(frame.y + 10), 90), "debit")
    top = frame.y
    y = put_pairs(flow.canvas, Frame(frame.x + 4, top, frame.width * 0.7), pairs, flow.look, shape="columns")
    flow.canvas.frame(frame.x - 2, top - 3, frame.x + frame.width, y + 4, color=flow.look.accent)
    return frame.moved(y + 8)


def _put_signature(flow: Flow, frame: Frame) -> Frame:
    look, rng = flow.look, flow.speech.rng
    frame = flow.room(frame.moved(frame.y + 30), 40)
    x = frame.x + rng.choice((0.0, 0.55)) * frame.width
    flow.canvas.rule(x, frame.y, x + frame.width * 0.4, frame.y, width=0.4)
    label = rng.choice([text for text in WORDING[look.language]["signature"] if "{" not in text])
    return frame.moved(put_lines(flow.canvas, Frame(x, frame.y + 2, frame.width), [((label,), look.small)], look))


def _put_coupon(flow: Flow, frame: Frame) -> Frame:
    """A part to tear off and send back, which says again who pays what."""
    speech, invoice, look, rng = flow.speech, flow.invoice, flow.look, flow.speech.rng
    pairs: list[Pair] = [
        (speech.label("customer_number"), (invoice.references["customer_number"],)),
        (speech.label("invoice_number"), speech.text(invoice.number, "invoice_number")),
        (speech.label("due_date"), speech.day(invoice.due, "due_date")),
        (speech.label("due_amount"), speech.amount(invoice.totals.due, "due_amount")),
    ]
    party = _lines(speech, invoice.seller, "seller", flow)
    frame = flow.room(frame.moved(frame.y + 14), 130)
    y = max(frame.y, flow.bottom - 125)
    _dashes(flow.canvas, look.left, y, look.width - look.right)
    frame = _headed(flow, frame.moved(y + 6), "coupon")
    half = frame.width / 2
    shape = rng.choice(("columns", "right", "grid", "colon"))
    low = put_pairs(flow.canvas, Frame(frame.x + half, frame.y, half), pairs, look, shape=shape)
    return frame.moved(max(low, put_lines(flow.canvas, Frame(frame.x, frame.y, half - 10), party, look)))


def _lines(speech: Speech, party: Party, role: str, flow: Flow) -> list[Line]:
    place: Phrase = (*speech.text(party.postcode, f"{role}.postcode"), " ", *speech.text(party.city, f"{role}.city"))
    said = [speech.text(party.name, f"{role}.name"), speech.text(party.street, f"{role}.street"), place]
    return [(phrase, flow.look.small) for phrase in said]


def _dashes(canvas: Canvas, x0: float, y: float, x1: float) -> None:
    while x0 < x1:
        canvas.rule(x0, y, min(x0 + 5, x1), y, width=0.4)
        x0 += 9


def _put_payment_part(flow: Flow, frame: Frame) -> Frame:
    """The lower third of a Swiss invoice: receipt at the left, payment part with its code at the right."""
    look, speech, invoice = flow.look, flow.speech, flow.invoice
    bold, small = speech.look.bold, speech.look.small
    payee: list[Line] = [(speech.iban(invoice.seller.iban, "iban"), small)]
    payee += _lines(speech, invoice.seller, "seller", flow)
    payer = _lines(speech, invoice.buyer, "buyer", flow)
    number: list[Line] = [((in_groups(fill(speech.rng, "0" * 6 + "#" * 21), 5),), small)]
    amount: list[Line] = [((*speech.currency("CHF"), "   ", *_amount(speech, invoice.totals.due)), small)]
    # The part is as wide as the paper and takes its lowest 105 mm; what stands there moves it to a page of its own.
    top = look.height - SLIP_HEIGHT
    if frame.y > top - 10 or flow.canvas.num_pages > 1 or look.height < look.width:
        flow.running, flow.has_page_head = (), False
        flow.next_page(-1)
    flow.taken.add(flow.canvas.num_pages - 1)
    _dashes(flow.canvas, 0, top, look.width)
    flow.canvas.rule(176, top, 176, look.height, width=0.4)
    heads: dict[str, list[Line]] = {
        concept: [((speech.label(concept),), bold)]
        for concept in ("qr_title", "qr_receipt", "qr_account", "qr_by", "qr_reference", "qr_amount")
    }
    gap: list[Line] = [((), small)]
    parts = [heads["qr_account"], payee, gap, heads["qr_reference"], number, gap, heads["qr_by"], payer]
    body = [line for part in parts for line in part]
    y = put_lines(flow.canvas, Frame(14, top + 12, 150), [*heads["qr_receipt"], *gap, *body], look)
    put_lines(flow.canvas, Frame(14, max(y + 6, top + 190), 150), [*heads["qr_amount"], *amount], look)
    put_lines(flow.canvas, Frame(190, top + 12, 140), heads["qr_title"], look)
    put_lines(flow.canvas, Frame(340, top + 12, look.width - 354), body, look)
    put_lines(flow.canvas, Frame(190, top + 190, 140), [*heads["qr_amount"], *amount], look)
    _squares(flow, 190, top + 40)
    return frame.moved(look.height)


def _amount(speech: Speech, amount: Decimal) -> Phrase:
    return speech.amount(amount, "due_amount", bare=True)


def _squares(flow: Flow, x: float, y: float) -> None:
    """A square of black and white that stands for a QR code."""
    rng, step = flow.speech.rng, 132 / 21
    for row in range(21):
        column = 0
        while column < 21:
            run = rng.randint(1, 4)
            if chance(rng, 0.5):
                end = min(column + run, 21)
                flow.canvas.shade(
                    x + column * step, y + row * step, x + end * step, y + (row + 1) * step, color=(0, 0, 0)
                )
            column += run
