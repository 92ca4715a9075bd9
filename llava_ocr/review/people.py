"""Who may do what on the analysts' pages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Each may do what the one before may: look, then correct, then decide for everybody."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    def may(self, wanted: Role) -> bool:
        """Whether somebody of this role may do what `wanted` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a program with a token, who asks for a page."""

    name: str
    role: Role


# Who works on a machine of their own, where nobody need sign in.
LOCAL = Person("local", Role.ADMIN)
