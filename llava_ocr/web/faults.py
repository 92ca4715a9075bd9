"""What can be wrong with a request, each with its HTTP status."""

from __future__ import annotations

from llava_ocr.db.reviewing import NotCurrent
from llava_ocr.db.stored import NoSuchRecord
from llava_ocr.errors import ConfigError, ExtractionError, InputError, StoreError


class WebError(ConfigError):
    """The request can't be met."""

    status = 400
    hint = "Go back and try again."


class NotFound(WebError):
    """There is no such thing."""

    status = 404
    hint = "It may have been read again or erased; look for it in Records."


class Forbidden(WebError):
    """The person's role does not go so far."""

    status = 403
    hint = "Ask an administrator for another role."


class BadRequest(WebError):
    """A value in the request means nothing."""


class TooMany(WebError):
    """Too many wrong passwords."""

    status = 429
    hint = "Wait five minutes."


def status_of_error(error: ExtractionError) -> int:
    """Return the HTTP status that fits an error."""
    if isinstance(error, WebError):
        return error.status
    if isinstance(error, NoSuchRecord):
        return 404
    if isinstance(error, NotCurrent):
        return 409
    if isinstance(error, InputError):
        return 422
    if isinstance(error, StoreError):
        return 503 if error.retryable else 404
    return 400
