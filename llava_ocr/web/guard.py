"""Stands before every page: who asks, from where, may they, and the headers that keep extracted text from running."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from llava_ocr.db.people import person_of_token
from llava_ocr.review.people import LOCAL, Person
from llava_ocr.web.forms import MAX_FIELDS
from llava_ocr.web.render import fault
from llava_ocr.web.sessions import COOKIE, SESSION_S, Session
from llava_ocr.web.state import Site, site_of

Next = Callable[[Request], Awaitable[Response]]

# No inline script or style anywhere, nothing from elsewhere, in nobody's frame.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
MAX_BODY_BYTES = 1 << 20
NEW_TOKEN = "`llava-ocr token add NAME` prints one: `Authorization: Bearer TOKEN`."
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OPEN_PATHS = ("/login", "/static/", "/healthz")


async def guard(request: Request, call_next: Next) -> Response:
    """Let a request through to its page, or answer it here."""
    response = await _answer(request, call_next)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.url.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


async def _answer(request: Request, call_next: Next) -> Response:
    site = site_of(request)
    # Pages of elsewhere can point a name of theirs at this address; a browser then still says whom it meant.
    if host_of(request.headers.get("host", "")) not in site.hosts:
        return fault(request, 421, "This server does not go by that name.", "`llava-ocr serve --name NAME` adds one.")
    refusal = _refuse_body(request)
    if refusal is not None:
        return refusal
    token = _bearer(request.headers)
    if token:
        return await _answer_program(request, call_next, token)
    session, is_new = _session(request, site)
    request.state.session = session
    if session is None and not request.url.path.startswith(_OPEN_PATHS):
        return _ask_to_sign_in(request)
    if request.method not in _SAFE_METHODS and not await _is_ours(request, session):
        hint = "Load the page again. Programs send a token, or a session's secret as X-CSRF-Token."
        return fault(request, 403, "This did not come from a page of ours.", hint)
    response = await call_next(request)
    if is_new and session is not None:
        keep_session(response, session, site)
    return response


def _refuse_body(request: Request) -> Response | None:
    """Refuse a body that is too large, or does not say how large it is."""
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        has_body = "transfer-encoding" in request.headers or bool(length)
        return fault(request, 411, "Say how long the body is.", "Send Content-Length.") if has_body else None
    if int(length) > MAX_BODY_BYTES:
        return fault(request, 413, f"The body is too large; {MAX_BODY_BYTES:,} bytes are the most.")
    return None


async def _answer_program(request: Request, call_next: Next, token: str) -> Response:
    """Serve a program: its token says who it is, and no browser sends one by itself."""
    site = site_of(request)

    def find() -> Person | None:
        with site.db.reading() as connection:
            return person_of_token(connection, token)

    person = await run_in_threadpool(find)
    if person is None:
        return JSONResponse({"error": "unknown or expired token", "hint": NEW_TOKEN}, status_code=401)
    request.state.session = Session("", person, "", 0.0)
    return await call_next(request)


def keep_session(response: Response, session: Session, site: Site) -> None:
    """Hand the browser its session."""
    response.set_cookie(
        COOKIE, session.id, max_age=SESSION_S, httponly=True, samesite="strict", secure=site.is_https, path="/"
    )


def host_of(header: str) -> str:
    """Return the name in a Host header, without the port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _session(request: Request, site: Site) -> tuple[Session | None, bool]:
    session = site.sessions.find(request.cookies.get(COOKIE, ""))
    if session is None and not site.must_sign_in:
        return site.sessions.start(LOCAL), True
    return session, False


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _ask_to_sign_in(request: Request) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "sign in, or send a token", "hint": NEW_TOKEN}, status_code=401)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = "/login" if back == "/" else f"/login?next={quote(back, safe='')}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


async def _is_ours(request: Request, session: Session | None) -> bool:
    """Whether a change comes from a page of ours: by its origin, and by the session's secret."""
    origin = request.headers.get("origin")
    if origin is not None and host_of(urlsplit(origin).netloc) != host_of(request.headers.get("host", "")):
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    if session is None:
        return request.url.path == "/login"
    return hmac.compare_digest(await _secret(request), session.csrf)


async def _secret(request: Request) -> str:
    header = request.headers.get("x-csrf-token", "")
    if header:
        return header if header.isascii() else ""
    try:
        form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=MAX_FIELDS)
    except ValueError:
        # More fields than any form of ours has.
        return ""
    sent = form.get("csrf", [""])[0]
    return sent if sent.isascii() else ""
