"""Reads what a form sends. Browsers send ours as `application/x-www-form-urlencoded`; no file is ever taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

from llava_ocr.web.faults import BadRequest

MAX_FIELDS = 100


async def form_of(request: Request) -> Mapping[str, str]:
    """Return a form's fields, the last of each name. Raises BadRequest."""
    try:
        text = (await request.body()).decode("utf-8")
        parsed = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise BadRequest("the form can't be read") from None
    return {name: values[-1] for name, values in parsed.items()}


Form = Annotated[Mapping[str, str], Depends(form_of)]
