"""The head of a form: its name and edition, its title, who issues it, and room for the office's own marks."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from llava_ocr.synth.blocks import Frame, Line, put_lines
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.form_plan import FormPlan
from llava_ocr.synth.form_words import words
from llava_ocr.synth.look import WHITE, Look
from llava_ocr.synth.streams import chance, weighted

HEADS = (("thirds", 3.0), ("banner", 1.5), ("stack", 1.5), ("office_box", 1.5))


def put_head(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, frame: Frame) -> tuple[str, Frame]:
    """Put a form's head; returns its kind and what is left below."""
    kind = weighted(rng, HEADS)
    put = {"thirds": _thirds, "banner": _banner, "stack": _stack, "office_box": _office_box}[kind]
    y = put(canvas, plan, look, rng, frame)
    return kind, frame.moved(y + rng.uniform(3, 9))


def _thirds(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, frame: Frame) -> float:
    """Name at the left, title in the middle, where to send it at the right, parted by lines."""
    left, right = frame.width * rng.uniform(0.17, 0.23), frame.width * rng.uniform(0.17, 0.22)
    middle = frame.width - left - right
    small = look.small
    names: list[Line] = [
        ((plan.name,), look.heading(rng.uniform(1.2, 1.7))),
        ((plan.revised,), small),
        ((plan.office,), small),
    ]
    titles: list[Line] = [
        ((plan.title,), look.heading(rng.uniform(1.3, 1.7))),
        ((plan.subtitle,), replace(small, face=look.bold.face) if chance(rng, 0.5) else small),
    ]
    gives: list[Line] = [((plan.give_to,), replace(small, face=look.bold.face))]
    y = max(
        put_lines(canvas, Frame(frame.x, frame.y, left - 6), names, look),
        put_lines(canvas, Frame(frame.x + left + 4, frame.y, middle - 8), titles, look, align=0.5),
        put_lines(canvas, Frame(frame.x + left + middle + 6, frame.y, right - 6), gives, look),
    )
    for x in (frame.x + left, frame.x + left + middle):
        canvas.rule(x, frame.y, x, y + 2, width=0.7)
    canvas.rule(frame.x, y + 2, frame.x + frame.width, y + 2, width=1.2)
    return y + 2


def _banner(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, frame: Frame) -> float:
    """Issuer and name above the title, which is white on a bar."""
    half = frame.width / 2
    y = max(
        put_lines(canvas, Frame(frame.x, frame.y, half - 6), [((plan.office,), look.bold)], look),
        put_lines(
            canvas,
            Frame(frame.x + half, frame.y, half),
            [((plan.name,), look.bold), ((plan.revised,), look.small)],
            look,
            align=1.0,
        ),
    )
    title = replace(look.heading(rng.uniform(1.2, 1.6)), color=WHITE)
    lines: list[Line] = [((plan.title,), title)]
    height = title.size * look.leading * (1 if title.width(plan.title) < frame.width - 10 else 2) + 4
    canvas.shade(frame.x, y + 3, frame.x + frame.width, y + 3 + height, color=look.accent)
    y = put_lines(canvas, Frame(frame.x + 5, y + 4, frame.width - 10), lines, look, align=rng.choice((0.0, 0.5))) + 4
    return put_lines(canvas, frame.moved(y), [((f"{plan.subtitle} {plan.give_to}",), look.small)], look)


def _stack(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, frame: Frame) -> float:
    """All in the middle, one below the other."""
    office = plan.office.upper() if chance(rng, 0.5) else plan.office
    lines: list[Line] = [((office,), look.bold), ((plan.title,), look.heading(rng.uniform(1.3, 2.0)))]
    lines.append(((f"{plan.name} {plan.revised}",), look.body))
    lines.append(((plan.subtitle,), look.italic))
    if chance(rng, 0.5):
        lines.append(((plan.give_to,), look.small))
    return put_lines(canvas, frame, lines, look, align=0.5)


def _office_box(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, frame: Frame) -> float:
    """Title at the left, at the right an empty box for the office."""
    width = frame.width * rng.uniform(0.26, 0.36)
    x = frame.x + frame.width - width
    lines: list[Line] = [((plan.office,), look.body), ((plan.title,), look.heading(rng.uniform(1.3, 1.8)))]
    lines += [((f"{plan.name} {plan.revised}",), look.small), ((plan.subtitle,), look.small)]
    y = put_lines(canvas, Frame(frame.x, frame.y, frame.width - width - 12), lines, look)
    low = max(y, frame.y + rng.uniform(50, 80))
    canvas.frame(x, frame.y, x + width, low, width=0.6)
    inside: list[Line] = [((text,), look.small) for text in words("official", look.language) if chance(rng, 0.5)]
    put_lines(canvas, Frame(x + 3, frame.y + 2, width - 6), inside[:2], look)
    return low
