"""The lower half of till slips: taxes by rate, what the card terminal printed, points, bars, thanks."""

from __future__ import annotations

from llava_ocr.synth.bargain import NOTHING
from llava_ocr.synth.canvas import Ink
from llava_ocr.synth.codes import fill
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.slip import Slip
from llava_ocr.synth.streams import chance


def put_tax_table(slip: Slip) -> None:
    """Put the taxes by rate, each with what it was taken from."""
    rng, speech, receipt = slip.rng, slip.speech, slip.receipt
    slip.speech.patterns.add("tax table")
    slip.gap()
    if heading := slip.word("tax_table"):
        slip.line((heading,), slip.look.bold, align=rng.choice((0.0, slip.align)))
    has_gross, codes = chance(rng, 0.5), rng.choice(slip.words["codes"])
    names = ["tax_code", "tax_net", "tax_tax", *(["tax_gross"] if has_gross else [])]
    if chance(rng, 0.75):
        slip.columns([(slip.word(name),) for name in names], first_left=True)
    for number, line in enumerate(receipt.taxes):
        rate = f"{codes[min(number, 1)]} {speech.style.number(line.rate)}%" if chance(rng, 0.5) else ""
        cells: list[Phrase] = [(rate or f"{speech.style.number(line.rate)}%",)]
        amounts = [line.net, line.tax, *([line.net + line.tax] if has_gross else [])]
        slip.columns([*cells, *((speech.style.amount(amount),) for amount in amounts)], first_left=True)
    if chance(rng, 0.3):
        net = sum((line.net for line in receipt.taxes), NOTHING)
        amounts = [net, receipt.tax, *([net + receipt.tax] if has_gross else [])]
        slip.columns([("Total",), *((speech.style.amount(amount),) for amount in amounts)], first_left=True)


def put_ends(slip: Slip) -> None:
    """Put what stands below date and sums, in the order that tills have it."""
    speech, rng = slip.speech, slip.rng
    if speech.shows("card slip", 0.2):
        _card_slip(slip)
    if speech.shows("tip line", 0.08 if slip.look.language == "en" else 0.03):
        _tip_lines(slip)
    if speech.shows("clock times", 0.1):
        _clock_times(slip)
    if speech.shows("points", 0.12):
        slip.split((slip.word("points"),), (fill(rng, rng.choice(("###", "#.###", "####"))),))
    if chance(rng, 0.1):
        saved = slip.receipt.total * rng.randint(3, 30) / 100
        slip.split((slip.word("saving"),), (speech.style.amount(round(saved, 2)),))
    for text in rng.sample(slip.words["thanks"] + slip.words["legal"], rng.randint(0, 4)):
        filled = text.format(n=slip.receipt.shop.person, w=slip.receipt.shop.web, k=fill(rng, "####"))
        slip.line((filled,), align=slip.align)
    if speech.shows("bar code", 0.12):
        slip.gap()
        slip.bars(fill(rng, rng.choice(("#############", "####################", "## #### ######"))))


def _card_slip(slip: Slip) -> None:
    """What a card terminal prints: its own numbers, a masked card, and the amount once more."""
    rng, speech, total = slip.rng, slip.speech, slip.receipt.total
    slip.rule()
    if chance(rng, 0.6):
        slip.line((slip.word("card"),), slip.look.bold, align=slip.align)
    masked = rng.choice(("**** **** **** ####", "############****", "XXXXXXXXXXXX####", "#### **** **** ####"))
    said = [
        ("terminal", fill(rng, "########")),
        ("merchant", fill(rng, "###########")),
        ("card", fill(rng, masked)),
        ("auth", fill(rng, "######")),
        ("trace", fill(rng, "######")),
    ]
    pairs: list[tuple[str, Phrase]] = [(slip.word(name), (text,)) for name, text in said if chance(rng, 0.7)]
    if pairs and chance(rng, 0.4):
        slip.pairs(pairs)
    else:
        for label, phrase in pairs:
            slip.split((label,), phrase)
    slip.split((slip.word("sale"),), speech.amount(total), slip.look.bold)
    slip.line((slip.word("approved"),), align=slip.align)
    if chance(rng, 0.2):
        _signature(slip)


def _signature(slip: Slip) -> None:
    slip.gap(2)
    y, left = slip.y, slip.look.left
    slip.canvas.rule(left, y, left + slip.look.inner_width * 0.7, y, width=0.4)
    slip.line((slip.word("sign"),), Ink(slip.look.family.regular, slip.look.size * 0.85))


def _tip_lines(slip: Slip) -> None:
    """Lines left blank for the guest; the total on them is not printed."""
    slip.gap()
    for concept in ("tip", "tip_total"):
        slip.line((f"{slip.word(concept)}: ______________",))
    slip.gap()


def _clock_times(slip: Slip) -> None:
    """When the table or the till's memory was opened and closed, which is not the day of the purchase by its label."""
    rng, day = slip.rng, slip.receipt.day
    for label in rng.sample(slip.words["opened"], min(2, len(slip.words["opened"]))):
        clock = f"{rng.randint(7, 22):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
        slip.line((f"{label}: {day.isoformat()}T{clock}",))
