"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from llava_ocr.db.people import note, person_of_password
from llava_ocr.web.faults import TooMany
from llava_ocr.web.forms import Form
from llava_ocr.web.guard import keep_session
from llava_ocr.web.render import fragment
from llava_ocr.web.sessions import COOKIE
from llava_ocr.web.state import TheSession, TheSite

router = APIRouter()


@router.get("/login")
def ask(request: Request, next: Annotated[str, Query(max_length=2_000)] = "/") -> Response:
    """Show the form."""
    return fragment(request, "login.html", next=safe_target(next), message="")


@router.post("/login")
def sign_in(request: Request, form: Form, site: TheSite) -> Response:
    """Check the password and start a session."""
    name, target = form.get("name", "")[:128], safe_target(form.get("next", "/"))
    address = request.client.host if request.client else ""
    # Of both: whoever sits behind the same proxy, or is only called like somebody under attack, is not locked out.
    attempt = (name, address)
    if site.failures.must_wait(attempt):
        raise TooMany("too many wrong passwords")
    with site.db.reading() as connection:
        person = person_of_password(connection, name, form.get("password", "")[:1_000])
    with site.db.writing() as connection:
        # A name that nobody has may be a password typed into the wrong line.
        note(connection, person.name if person else "?", "signed in" if person else "wrong password", address)
    if person is None:
        site.failures.add(attempt)
        message = "That name and password do not go together."
        return fragment(request, "login.html", status=401, next=target, message=message)
    site.sessions.end(request.cookies.get(COOKIE, ""))
    response = RedirectResponse(target, status_code=303)
    keep_session(response, site.sessions.start(person), site)
    return response


@router.post("/logout")
def sign_out(site: TheSite, session: TheSession) -> Response:
    """End the session."""
    site.sessions.end(session.id)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(COOKIE, path="/")
    return response


def safe_target(target: str) -> str:
    """A page of ours to go on to; anything else is the first page."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_ours and "\\" not in target else "/"
