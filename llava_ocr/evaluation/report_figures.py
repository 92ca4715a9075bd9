"""The evaluation's numbers as markup: cards, bars, tables, the reliability curve. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from llava_ocr.evaluation.base import EvaluationReport, Figures, Interval, ReliabilityBin
from llava_ocr.evaluation.markup import Html, joined, table, tag

NONE = "–"
# Rows of a table by group; the rest is counted.
MAX_GROUPS = 40


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure and how it is told: `name` is its attribute of `Figures`."""

    name: str
    title: str
    is_share: bool = True
    is_less_better: bool = False


MEASURES = (
    Measure("field_exact", "Fields exactly right"),
    Measure("anls", "Text similarity (ANLS)"),
    Measure("list_f1", "Table cells (F1)"),
    Measure("document_exact", "Documents entirely right"),
    Measure("evidence_word_f1", "Evidence words (F1)"),
    Measure("blank_precision", "Blank fields, precision"),
    Measure("blank_recall", "Blank fields, recall"),
    Measure("auc", "Confidence tells right from wrong (AUC)"),
    Measure("accuracy_at_80", "Right among the surest 80 %"),
    Measure("invented", "Values that stand nowhere", is_share=False, is_less_better=True),
    Measure("num_failed", "Documents that failed", is_share=False, is_less_better=True),
    Measure("seconds_per_page", "Seconds a page", is_share=False, is_less_better=True),
)
_CARDS = ("field_exact", "list_f1", "document_exact", "invented")


def told(value: float | None, measure: Measure) -> str:
    """Write a figure for people; a dash where there is none."""
    if value is None:
        return NONE
    if measure.is_share:
        return f"{100 * value:.1f} %"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def figure(figures: Figures, name: str) -> float | None:
    """Return a figure by its name."""
    return cast("float | None", getattr(figures, name))


def cards(report: EvaluationReport) -> Html:
    """The four figures to look at first, each beside the rules'."""
    return tag("div", *(_card(report, measure) for measure in MEASURES if measure.name in _CARDS), class_="cards")


def headline(report: EvaluationReport) -> Html:
    """All figures: the model's with its interval, the rules', and the run before."""
    head = ["", "This run", "95 % interval", ""]
    head += ["Rules"] if report.rules else []
    head += ["Run before", "Change"] if report.comparison else []
    return table(head, [_headline_row(report, measure) for measure in MEASURES])


def by_name(title: str, model: Mapping[str, Figures], rules: Mapping[str, Figures] | None) -> Html:
    """A table of figures by field, issuer or language, the worst first."""
    ranked = sorted(model.items(), key=lambda entry: (_rank(entry[1]), entry[0]))
    head = [title, "Documents", "Values", "Exactly right", "", "Similarity", "Blank P / R", "Evidence"]
    head += ["Rules"] if rules is not None else []
    shown = table(head, [_named_row(name, figures, rules) for name, figures in ranked[:MAX_GROUPS]])
    left_out = len(ranked) - MAX_GROUPS
    note = tag("p", f"{left_out:,} more are not shown.", class_="soft") if left_out > 0 else Html("")
    return joined(shown, note)


def bar(value: float | None, *, interval: Interval | None = None, beside: float | None = None) -> Html:
    """A share as a bar from 0 to 1, with its interval as whiskers and another reader's figure as a mark."""
    if value is None:
        return Html("")
    parts = [
        tag("rect", class_="track", x=0, y=3, width=100, height=6, rx=1),
        tag("rect", class_="fill", x=0, y=3, width=f"{100 * value:.1f}", height=6, rx=1),
    ]
    if interval is not None:
        low, high = f"{100 * interval.low:.1f}", f"{100 * interval.high:.1f}"
        parts.append(tag("line", class_="tick", x1=low, x2=high, y1=6, y2=6))
        parts += [tag("line", class_="tick", x1=x, x2=x, y1=3.5, y2=8.5) for x in (low, high)]
    if beside is not None:
        x = f"{100 * beside:.1f}"
        parts.append(tag("line", class_="mark", x1=x, x2=x, y1=0, y2=12))
    return tag("svg", *parts, class_="bar", viewBox="0 0 100 12", preserveAspectRatio="none", aria_hidden="true")


def curve(bins: Sequence[ReliabilityBin]) -> Html:
    """Accuracy over confidence; columns tell how many fields stand behind each point."""
    most = max((one.num_fields for one in bins), default=0)
    if not most:
        return tag("p", "No field carries a confidence.", class_="soft")
    x, y = _scale(48, 528), _scale(248, 12)
    parts: list[Html] = []
    for one in bins:
        height = 60 * one.num_fields / most
        left, right = x(one.low), x(min(1.0, one.high))
        parts.append(
            tag(
                "rect",
                class_="count",
                x=f"{left + 1:.1f}",
                y=f"{y(0) - height:.1f}",
                width=f"{max(0.0, right - left - 2):.1f}",
                height=f"{height:.1f}",
            )
        )
    parts.append(_axis(x, y))
    filled = [one for one in bins if one.num_fields]
    points = " ".join(f"{x(one.confidence):.1f},{y(one.accuracy):.1f}" for one in filled)
    parts.append(tag("polyline", class_="line", points=points))
    parts += [tag("circle", cx=f"{x(one.confidence):.1f}", cy=f"{y(one.accuracy):.1f}", r=4) for one in filled]
    return tag("svg", *parts, class_="curve", viewBox="0 0 560 296", role="img", aria_label="Reliability curve")


def _scale(start: float, end: float) -> Callable[[float], float]:
    return lambda share: start + (end - start) * share


def _axis(x: Callable[[float], float], y: Callable[[float], float]) -> Html:
    parts: list[Html] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(tag("line", class_="grid", x1=x(0), x2=x(1), y1=y(share), y2=y(share)))
        parts.append(tag("text", f"{share:.0%}", x=x(0) - 8, y=y(share) + 4, text_anchor="end"))
        parts.append(tag("text", f"{share:.0%}", x=x(share), y=y(0) + 16, text_anchor="middle"))
    parts.append(tag("line", class_="ideal", x1=x(0), x2=x(1), y1=y(0), y2=y(1)))
    parts.append(tag("text", "Confidence", x=x(0.5), y=y(0) + 36, text_anchor="middle"))
    return joined(*parts)


def _card(report: EvaluationReport, measure: Measure) -> Html:
    beside = []
    if report.rules:
        beside.append(f"rules {told(figure(report.rules.figures, measure.name), measure)}")
    change = report.comparison.figures.get(measure.name) if report.comparison else None
    if change is not None:
        beside.append(f"before {told(change.before, measure)}")
    return tag(
        "div",
        tag("div", measure.title, class_="what"),
        tag("div", told(figure(report.model.figures, measure.name), measure), class_="figure"),
        tag("div", " · ".join(beside), class_="beside"),
        class_="card",
    )


def _headline_row(report: EvaluationReport, measure: Measure) -> list[str]:
    value = figure(report.model.figures, measure.name)
    interval = report.model.figures.intervals.get(measure.name)
    rules = figure(report.rules.figures, measure.name) if report.rules else None
    between = f"{told(interval.low, measure)} to {told(interval.high, measure)}" if interval else ""
    drawn = bar(value, interval=interval, beside=rules) if measure.is_share else ""
    row = [measure.title, tag("strong", told(value, measure)), between, drawn]
    if report.rules:
        row.append(told(rules, measure))
    if report.comparison:
        change = report.comparison.figures.get(measure.name)
        row += [
            told(change.before if change else None, measure),
            _change(change.before if change else None, value, measure),
        ]
    return row


def _change(before: float | None, now: float | None, measure: Measure) -> Html:
    if before is None or now is None:
        return Html(NONE)
    change = now - before
    text = f"{100 * change:+.1f} pts" if measure.is_share else f"{change:+,.2f}".removesuffix(".00")
    if not change:
        return tag("span", "same", class_="soft")
    return tag("span", text, class_="up" if (change > 0) is not measure.is_less_better else "down")


def _rank(figures: Figures) -> float:
    return 2.0 if figures.field_exact is None else figures.field_exact


def _named_row(name: str, figures: Figures, rules: Mapping[str, Figures] | None) -> list[str]:
    share = MEASURES[0]
    beside = rules[name].field_exact if rules and name in rules else None
    row: list[str] = [
        name or "(none)",
        f"{figures.num_documents:,}",
        f"{figures.num_fields:,}",
        tag("strong", told(figures.field_exact, share)),
        bar(figures.field_exact, beside=beside),
        told(figures.anls, share),
        f"{told(figures.blank_precision, share)} / {told(figures.blank_recall, share)}",
        told(figures.evidence_word_f1, share),
    ]
    return row if rules is None else [*row, told(beside, share)]
