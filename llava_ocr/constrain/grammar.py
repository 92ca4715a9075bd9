"""What a decoder is held to: the value that passes from `constrain` to the engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Grammar:
    """The shape of an answer, in the two forms engines take.

    `lark` is llguidance's dialect and holds everything, the page's words included. `json_schema` is for servers that
    take no grammar, and for those `lark` is empty: it gives the shape only, so their answers are checked against the
    words afterwards. `fields` names the field that each rule was first written for.
    """

    lark: str
    json_schema: dict[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
