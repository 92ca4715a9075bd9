"""What the pages work with, opened once for a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from llava_ocr.catalog import Catalog
from llava_ocr.db.session import Database
from llava_ocr.review.people import Person, Role
from llava_ocr.web.counted import Counts
from llava_ocr.web.faults import Forbidden
from llava_ocr.web.pictures import Pictures
from llava_ocr.web.recent import Recent
from llava_ocr.web.sessions import Failures, Session, Sessions


@dataclass(frozen=True)
class Site:
    """The parts of one server. `hosts` are the names it answers to; `must_sign_in` unless it is somebody's own.

    What `proxies` say of whom they ask for is believed, and nobody else."""

    db: Database
    catalog: Catalog
    pictures: Pictures
    hosts: frozenset[str]
    must_sign_in: bool
    is_https: bool = False
    proxies: tuple[str, ...] = ()
    sessions: Sessions = field(default_factory=Sessions)
    failures: Failures = field(default_factory=Failures)
    quality: Recent[Any] = field(default_factory=Recent)
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counts(self.db))


def site_of(request: Request) -> Site:
    """Return the server's parts."""
    return cast(Site, request.app.state.site)


def session_of(request: Request) -> Session:
    """Return who asks; the guard has seen to it that there is somebody."""
    return cast(Session, request.state.session)


def reviewer_of(request: Request) -> Person:
    """Return who asks, if they may correct. Raises Forbidden."""
    return _at_least(request, Role.REVIEWER)


def admin_of(request: Request) -> Person:
    """Return who asks, if they may decide for everybody. Raises Forbidden."""
    return _at_least(request, Role.ADMIN)


def _at_least(request: Request, role: Role) -> Person:
    person = session_of(request).person
    if not person.role.may(role):
        raise Forbidden(f"this takes a {role.value}; {person.name} is a {person.role.value}")
    return person


TheSite = Annotated[Site, Depends(site_of)]
TheSession = Annotated[Session, Depends(session_of)]
Reviewer = Annotated[Person, Depends(reviewer_of)]
Admin = Annotated[Person, Depends(admin_of)]
