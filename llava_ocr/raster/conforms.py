"""Whether a value that came from elsewhere is of the type it is said to be, to its last part. Pure."""

from __future__ import annotations

import types
from dataclasses import is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


def conforms(value: object, hint: Any) -> bool:
    """Tell whether `value` is a `hint`: a plain type, an enumeration, a dataclass, a union, a tuple or an array.

    Unpickling sets the fields of a dataclass to whatever the message holds, so each is looked at.
    """
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(conforms(value, part) for part in get_args(hint))
    if origin is tuple:
        return _is_tuple(value, get_args(hint))
    if origin is np.ndarray:
        [dtype] = get_args(get_args(hint)[1])
        return type(value) is np.ndarray and value.dtype == np.dtype(dtype)
    if is_dataclass(hint):
        return type(value) is hint and all(
            hasattr(value, name) and conforms(getattr(value, name), part) for name, part in _hints(type(value)).items()
        )
    if hint is float:
        return type(value) in (float, int)
    if hint in (None, types.NoneType):
        return value is None
    return type(value) is hint and (not isinstance(value, str) or _is_storable(value))


def _is_storable(text: str) -> bool:
    """Whether a database takes a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _is_tuple(value: object, parts: tuple[Any, ...]) -> bool:
    if type(value) is not tuple:
        return False
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(conforms(item, parts[0]) for item in value)
    return len(value) == len(parts) and all(conforms(*pair) for pair in zip(value, parts, strict=True))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
