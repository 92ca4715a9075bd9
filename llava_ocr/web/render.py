"""Templates and the words they use. Everything is escaped; nothing from a document is ever marked safe."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from llava_ocr.report import show_value
from llava_ocr.web.sessions import Session
from llava_ocr.web.state import site_of

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"

STATE_WORDS = {
    "value": "read",
    "absent": "not on the page",
    "illegible": "can't be read",
    "ungrounded": "not found on the page",
    "conflict": "readings disagree",
    "ambiguous": "could mean several things",
}
STATUS_WORDS = {"to_check": "to check", "sound": "sound", "reviewed": "reviewed", "conflict": "conflict"}
RUN_WORDS = {
    "running": "running",
    "paused": "paused",
    "complete": "complete",
    "failed": "failed",
    "cancelled": "cancelled",
}
BAND_WORDS = {"low": "below 50 %", "middle": "50 to 90 %", "high": "90 % and more"}
VERDICT_WORDS = {
    "accept": "accepted",
    "correct": "corrected",
    "absent": "said it is not on the page",
    "illegible": "said it can't be read",
    "approve": "approved the record",
    "undo": "took back",
}

VERDICT_MARKS = {
    "accept": "checked",
    "correct": "corrected",
    "absent": "not on the page, checked",
    "illegible": "can't be read, checked",
}


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a whole page for whoever asks."""
    session: Session | None = getattr(request.state, "session", None)
    waiting = 0
    if session is not None:
        waiting = site_of(request).counts.num_waiting()
    return fragment(request, template, status=status, num_waiting=waiting, **context)


def fault(request: Request, status: int, message: str, hint: str = "") -> Response:
    """Say what is wrong: a page to a browser that asks for one, JSON to programs and to htmx."""
    wants_page = "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers
    if request.url.path.startswith("/api/") or not wants_page:
        return JSONResponse({"error": message, "hint": hint}, status_code=status)
    return page(request, "fault.html", status=status, message=message, hint=hint)


def fragment(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a part of a page."""
    site = site_of(request)
    session: Session | None = getattr(request.state, "session", None)
    html = (
        _environment()
        .get_template(template)
        .render(
            person=session.person if session else None,
            csrf=session.csrf if session else "",
            must_sign_in=site.must_sign_in,
            path=request.url.path,
            **context,
        )
    )
    return HTMLResponse(html, status_code=status)


@cache
def asset(name: str) -> str:
    """Return a static file's address, which changes when the file does."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


def amount(value: Decimal | int | str) -> str:
    """Write an amount with its decimals (two at least) and thin spaces between thousands."""
    number = Decimal(value).normalize()
    exponent = number.as_tuple().exponent
    decimals = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{number:,.{decimals}f}".replace(",", "\u202f")


def label(path: str) -> str:
    """Name a field for people: `seller.vat_id` is `Seller vat id`."""
    words = path.replace("[", " ").replace("]", "").replace(".", " ").replace("_", " ").split()
    numbered = [str(int(word) + 1) if word.isdecimal() else word for word in words]
    text = " ".join(numbered)
    return text[:1].upper() + text[1:]


def short_uri(uri: str) -> str:
    """The last part of an address."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def when(moment: datetime) -> str:
    """A time for people, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") + " UTC"


def query_of(fields: dict[str, Any]) -> str:
    """Write a query string, what is empty left out."""
    return urlencode([(name, value) for name, value in fields.items() if value not in ("", None)])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("llava_ocr.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(amount=amount, label=label, short_uri=short_uri, when=when, query=query_of)
    environment.filters.update(show=show_value)
    environment.globals.update(
        asset=asset,
        state_words=STATE_WORDS,
        status_words=STATUS_WORDS,
        band_words=BAND_WORDS,
        run_words=RUN_WORDS,
        verdict_words=VERDICT_WORDS,
        verdict_marks=VERDICT_MARKS,
    )
    return environment
