"""Quality: how honest the percentages are, how right fields, sellers and months, how fast, how much by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from llava_ocr.db.calibrations import latest_figures
from llava_ocr.db.quality import Breakdown, Day, Month, amounts_by_month, breakdown, throughput
from llava_ocr.review.shipped import shipped_figures
from llava_ocr.web.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Bar, bars, curve, trend
from llava_ocr.web.render import amount, page
from llava_ocr.web.state import Site, TheSite

router = APIRouter()

MAX_CURRENCIES = 4
# Fewer fields than this of about one percentage say nothing of it.
MIN_SHOWN = 10
BOX = {"w": WIDTH, "h": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM}


@router.get("/quality")
def quality(request: Request, site: TheSite, schema: Annotated[str, Query(max_length=128)] = "") -> Response:
    """Show how good the records of one type are."""
    names = site.catalog.names()
    chosen = schema if schema in names else ("invoice" if "invoice" in names else names[0])
    figures, found, by_currency, days = site.quality.get(chosen, lambda: _gathered(site, chosen))
    plots = [(currency or "without currency", _amount_bars(listed)) for currency, listed in by_currency.items()]
    points = [(one["promised"], one["right"], one["count"]) for one in figures["bins"] if one["count"] >= MIN_SHOWN]
    context: dict[str, Any] = {"names": names, "chosen": chosen, "figures": figures, "box": BOX}
    context |= {"found": found, "plots": plots[:MAX_CURRENCIES], "dots": curve(points), "pace": _day_bars(days)}
    context |= {"days": days, "coverage": trend([one.coverage for one in found.months])}
    context |= {"accuracy": trend([one.accuracy for one in found.months])}
    return page(request, "quality.html", **context)


def _gathered(site: Site, schema: str) -> tuple[Mapping[str, Any], Breakdown, dict[str, list[Month]], list[Day]]:
    with site.db.reading() as connection:
        own = latest_figures(connection)
        figures = {**own, "is_own": True} if own else {**shipped_figures(), "is_own": False}
        return figures, breakdown(connection, schema), amounts_by_month(connection, schema), throughput(connection)


def _amount_bars(listed: Sequence[Month]) -> list[Bar]:
    amounts = [float(one.amount) for one in listed]
    return bars([one.month for one in listed], amounts, [amount(one.amount) for one in listed])


def _day_bars(days: Sequence[Day]) -> list[Bar]:
    shown = [f"{one.num_pages:,} pages of {one.num_documents:,} documents" for one in days]
    return bars([one.day for one in days], [float(one.num_pages) for one in days], shown)
