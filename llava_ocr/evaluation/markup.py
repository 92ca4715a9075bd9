"""HTML that can't be broken by what documents say: every text is escaped unless it is `Html` already. Pure."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"img", "meta", "line", "rect", "circle", "path", "polyline", "br"})


class Html(str):
    """Markup that is safe to put into a page as it stands."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int | float | None) -> Html:
    """Make an element. `class_` loses its underscore, other underscores become hyphens, None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        assert not children, name
        return Html(f"<{name}{written}>") if name in ("img", "meta", "br") else Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*parts: str) -> Html:
    """Put parts one after another, each escaped if need be."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def table(head: list[str], rows: list[list[str]], *, class_: str | None = None) -> Html:
    """Make a table; the first cell of each row is its heading. It scrolls by itself where the window is narrow."""
    header = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = tag("tbody", *(_row(cells) for cells in rows))
    return tag("div", tag("table", header, body, class_=class_), class_="scroll")


def _row(cells: list[str]) -> Html:
    first, *rest = cells
    return tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
