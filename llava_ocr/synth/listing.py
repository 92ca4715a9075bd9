"""Rows of dense lists: stock, ledgers, open items, time sheets; cells that go together by arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.schema import Kind
from llava_ocr.synth.codes import fill, make_gln, make_reference
from llava_ocr.synth.concepts import BANK, Concept
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.markets import Market
from llava_ocr.synth.parties import draw_company, draw_name, draw_party
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES, TRADE, read_words

LISTS: dict[str, Any] = read_words("lists")
Cell = str | Decimal | date | None
# Amounts that are not there are printed as nothing or as zero, as the whole list does.
SPARSE = frozenset({"either", "sparse"})


@dataclass(frozen=True, slots=True)
class Theme:
    """A kind of list: its name, how its rows are called, its titles, and which columns it may have, in order."""

    name: str
    rows_name: str
    titles: Mapping[str, Sequence[str]]
    columns: tuple[str, ...]


THEMES = tuple(Theme(t["name"], t["rows"], t, tuple(t["columns"])) for t in LISTS["themes"])


def column_concept(name: str, language: str) -> Concept:
    """Word a column as a concept."""
    entry = LISTS["columns"][name]
    labels = tuple(entry[language])
    return Concept(name, name, "", Kind(entry["kind"]), entry["draw"], labels, labels, tuple(entry["en"]))


@dataclass
class RowMaker:
    """Makes the rows of one list, in which dates rise and balances run on."""

    rng: Random
    market: Market
    language: str
    theme: Theme
    day: date
    prefix: str
    balance: Decimal

    def row(self) -> dict[str, Cell]:
        """Make the next row: every column of the theme, those that are not printed too."""
        self.day += timedelta(days=self.rng.choice((0, 0, 1, 1, 2, 5)))
        cells = {name: self._cell(LISTS["columns"][name]["draw"]) for name in self.theme.columns}
        self._agree(cells)
        return cells

    def _cell(self, draw: str) -> Cell:
        rng = self.rng
        match draw:
            case "count":
                return Decimal(rng.randint(0, 10 ** rng.randint(1, 5)))
            case "few":
                return Decimal(rng.randint(0, 60))
            case "percent":
                return Decimal(rng.choice((0, 5, 10, 12, 15, 20, 25, 30)))
            case "measure":
                return Decimal(rng.randint(1, 90_000)).scaleb(-2)
            case "hours":
                return Decimal(rng.randint(1, 40)) / 4
            case "price" | "sparse" | "either":
                return Decimal(rng.randint(20, 10 ** rng.randint(3, 6))).scaleb(-2)
            case "pay":
                return Decimal(rng.randint(150_000, 900_000)).scaleb(-2)
            case "available" | "stock_value" | "running":
                # Follows from other cells.
                return Decimal(0)
            case "day":
                return self.day
            case "date":
                return self.day + timedelta(days=rng.randint(-200, 200))
            case _:
                return self._text(draw)

    def _text(self, draw: str) -> str:
        rng, language = self.rng, self.language
        industry = rng.choice(sorted(INDUSTRIES))
        if draw in BANK["words"]:
            return str(rng.choice(BANK["words"][draw][language]))
        match draw:
            case "reference":
                return make_reference(rng, self.day.year, letters=self.prefix)
            case "gtin":
                return make_gln(rng)
            case "account":
                return fill(rng, "####" if "debit" in self.theme.columns else "######")
            case "bin":
                return fill(rng, rng.choice(("?-##", "##-##-?", "?##")))
            case "clock":
                return f"{rng.randint(6, 18):02d}:{rng.choice(('00', '15', '30', '45'))}"
            case "unit":
                return str(rng.choice(rng.choice(sorted(TRADE["units"][language].items()))[1]))
            case "goods":
                return str(rng.choice(INDUSTRIES[industry]["items"][language]))
            case "account_name":
                return str(rng.choice(LISTS["words"]["accounts"][language]))
            case "name":
                return draw_name(rng, self.market)
            case "company":
                return draw_company(rng, self.market, industry, draw_party(rng, self.market, industry).city)
        party = draw_party(rng, self.market, industry)
        return {"city": party.city, "postcode": party.postcode}[draw]

    def _agree(self, cells: dict[str, Cell]) -> None:
        """Make cells that depend on each other agree."""
        number = {name: cell for name, cell in cells.items() if isinstance(cell, Decimal)}
        if "on_hand" in cells:
            number["reserved"] = min(number["reserved"], number["on_hand"])
            cells["available"] = number["on_hand"] - number["reserved"]
            cells["stock_value"] = to_cents(number["on_hand"] * number["unit_cost"])
            cells["reserved"] = number["reserved"]
        if "net_price" in cells:
            cells["net_price"] = to_cents(number["list_price"] * (100 - number["discount"]) / 100)
        if "new_reading" in cells:
            cells["new_reading"] = number["old_reading"] + number["consumption"]
        if "gross" in cells:
            cells["income_tax"] = to_cents(number["gross"] * self.rng.randint(8, 30) / 100)
            cells["social_security"] = to_cents(number["gross"] * 20 / 100)
            cells["net_pay"] = number["gross"] - to_cents(number["gross"] * 20 / 100) - _money(cells["income_tax"])
        if "not_due" in cells:
            home = weighted(self.rng, [("not_due", 4), ("overdue_30", 2), ("overdue_60", 1), ("overdue_90", 1)])
            for name in ("not_due", "overdue_30", "overdue_60", "overdue_90"):
                cells[name] = cells["open_amount"] if name == home else None
        if "debit" in cells and self.theme.name == "journal":
            empty, sign = ("credit", 1) if chance(self.rng, 0.5) else ("debit", -1)
            cells[empty] = None
            self.balance += sign * number["debit" if empty == "credit" else "credit"]
            cells["balance"] = self.balance
        if "closing" in cells:
            cells["closing"] = number["opening"] + number["debit"] - number["credit"]


def _money(cell: Cell) -> Decimal:
    assert isinstance(cell, Decimal), cell
    return cell
