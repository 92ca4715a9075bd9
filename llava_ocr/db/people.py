"""Users and tokens: passwords as scrypt hashes, tokens as SHA-256 of 256 random bits. Neither can be read back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from llava_ocr.db.review_rows import AUDIT, TOKENS, USERS
from llava_ocr.db.upserts import upsert
from llava_ocr.db.values import MAX_MESSAGE_CHARS, MAX_NAME_CHARS, clean
from llava_ocr.errors import ConfigError
from llava_ocr.review.people import Person, Role

MIN_PASSWORD_CHARS = 10
TOKEN_START = "llo_"
# Who acted where nobody signs in.
COMMAND_LINE = "command line"
# scrypt as OWASP asks for it: N = 2^15, r = 8, p = 3; 32 MiB and about a tenth of a second.
_N, _R, _P = 2**15, 8, 3
_MAX_MEMORY = 64 * 2**20


def count_users(connection: Connection) -> int:
    """How many may sign in."""
    return int(connection.execute(select(func.count()).select_from(USERS)).scalar_one())


def save_user(connection: Connection, name: str, password: str, role: Role) -> None:
    """Add a user, or give an existing one another password and role. Raises ConfigError for a weak password."""
    if not name.strip() or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise ConfigError("a user's name is a line of 1 to 128 characters")
    if len(password) < MIN_PASSWORD_CHARS:
        raise ConfigError(f"a password has at least {MIN_PASSWORD_CHARS} characters")
    row = {"name": name, "role": role.value, "password_hash": _hashed(password), "made_at": datetime.now(UTC)}
    upsert(connection, USERS, [row])


def remove_user(connection: Connection, name: str) -> bool:
    """Remove a user; says whether there was one."""
    return bool(connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount)


def list_users(connection: Connection) -> list[Person]:
    """List who may sign in."""
    return [Person(row.name, Role(row.role)) for row in connection.execute(select(USERS).order_by(USERS.c.name))]


def person_of_password(connection: Connection, name: str, password: str) -> Person | None:
    """Return the user if the password is theirs. Takes as long for a name that nobody has."""
    row = connection.execute(select(USERS).where(USERS.c.name == name)).one_or_none()
    is_right = _is_password(password, row.password_hash if row is not None else _NOBODY)
    return Person(row.name, Role(row.role)) if row is not None and is_right else None


def add_token(connection: Connection, name: str, role: Role, *, days: int | None) -> str:
    """Make a token and return it, for the only time; the database keeps its hash."""
    token = TOKEN_START + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    expires_at = None if days is None else now + timedelta(days=days)
    row = {"token_hash": _token_hash(token), "name": clean(name, max_chars=MAX_NAME_CHARS), "role": role.value}
    connection.execute(TOKENS.insert(), [row | {"made_at": now, "expires_at": expires_at}])
    return token


def remove_tokens(connection: Connection, name: str) -> int:
    """Remove all tokens of a name and return how many there were."""
    return int(connection.execute(delete(TOKENS).where(TOKENS.c.name == name)).rowcount)


def person_of_token(connection: Connection, token: str) -> Person | None:
    """Return whose token this is, None for one that is unknown or out of date."""
    row = connection.execute(select(TOKENS).where(TOKENS.c.token_hash == _token_hash(token))).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= datetime.now(UTC)):
        return None
    return Person(f"token {row.name}", Role(row.role))


def note(connection: Connection, who: str, action: str, subject: str = "") -> None:
    """Write a line of the audit log, in the transaction that it is about: neither stands without the other.

    Subjects are ids and names of ours, never values from a document.
    """
    row = {
        "at": datetime.now(UTC),
        "who": clean(who, max_chars=MAX_NAME_CHARS),
        "action": action,
        "subject": clean(subject, max_chars=MAX_MESSAGE_CHARS),
    }
    connection.execute(AUDIT.insert(), [row])


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_b64(salt)}${_b64(_scrypt(password, salt, (_N, _R, _P)))}"


def _is_password(password: str, stored: str) -> bool:
    _, n, r, p, salt, digest = stored.split("$")
    made = _scrypt(password, base64.b64decode(salt), (int(n), int(r), int(p)))
    return hmac.compare_digest(made, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# What is checked where nobody has the name, so that names can't be told by the time an answer takes.
_NOBODY = f"scrypt${_N}${_R}${_P}${_b64(bytes(16))}${_b64(bytes(32))}"
