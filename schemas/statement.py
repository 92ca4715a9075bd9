"""Bank statements: a header and a long table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from llava_ocr.records import Finding
from llava_ocr.schema import Check, Currency, Date, DocumentPart, DocumentSchema, Iban, Money, Text, read, rows
from schemas.parts import iban_checksum, near


class Entry(DocumentPart):
    """One booking."""

    date: Date | None = read("Day of the booking", labels=("Date", "Booking date", "Datum", "Buchungstag", "Date"))
    description: Text | None = read(
        "What it was for",
        labels=("Description", "Details", "Verwendungszweck", "Buchungstext", "Libellé", "Opération"),
    )
    amount: Money | None = read("Amount, negative when paid out", labels=("Amount", "Betrag", "Umsatz", "Montant"))
    balance: Money | None = read("Balance after it", labels=("Balance", "Saldo", "Kontostand", "Solde"))


def balances_run(statement: Statement) -> Iterator[Finding]:
    """Each balance should be the one before it plus the amount."""
    before = statement.opening_balance
    for index, entry in enumerate(statement.entries):
        amount, after = entry.amount, entry.balance
        if before is not None and amount is not None and after is not None and not near(before + amount, after):
            paths = (f"entries[{index}].amount", f"entries[{index}].balance")
            yield Finding("running_balance", f"entry {index + 1}: the balance does not follow", paths)
        before = entry.balance


def entries_close(statement: Statement) -> Iterator[Finding]:
    """Opening balance and all amounts should make the closing balance."""
    opening, closing = statement.opening_balance, statement.closing_balance
    amounts = [entry.amount for entry in statement.entries]
    if opening is None or closing is None or not amounts or any(amount is None for amount in amounts):
        return
    total = sum((amount for amount in amounts if amount is not None), opening)
    if not near(total, closing):
        paths = ("opening_balance", "entries", "closing_balance")
        yield Finding("closing_balance", f"{len(amounts)} entries do not lead to the closing balance", paths)


def iban_is_sound(statement: Statement) -> Iterator[Finding]:
    """An IBAN carries its own checksum."""
    yield from iban_checksum(statement.iban)


def period_runs_forward(statement: Statement) -> Iterator[Finding]:
    """A period ends on the day it begins or later."""
    start, end = statement.period_start, statement.period_end
    if start and end and end < start:
        yield Finding("period", "the period ends before it begins", ("period_start", "period_end"))


class Statement(DocumentSchema):
    """A bank statement."""

    checks: ClassVar[tuple[Check, ...]] = (balances_run, entries_close, iban_is_sound, period_runs_forward)
    business_key: ClassVar[tuple[str, ...]] = ("iban", "period_start", "period_end")

    account_holder: Text | None = read("Whose account it is", labels=("Account holder", "Kontoinhaber", "Titulaire"))
    bank_name: Text | None = read("The bank", labels=("Bank", "Kreditinstitut", "Banque"))
    iban: Iban | None = read("The account", labels=("IBAN", "Account number", "Kontonummer", "Compte"))
    currency: Currency | None = read("Currency of the account", labels=("Currency", "Währung", "Devise"))
    period_start: Date | None = read("First day", labels=("From", "Period", "Von", "Zeitraum", "Du", "Période"))
    period_end: Date | None = read("Last day", labels=("To", "until", "Bis", "Au"))
    opening_balance: Money | None = read(
        "Balance at the start",
        labels=("Opening balance", "Balance brought forward", "Anfangssaldo", "Alter Saldo", "Solde initial"),
    )
    closing_balance: Money | None = read(
        "Balance at the end",
        labels=("Closing balance", "Balance carried forward", "Endsaldo", "Neuer Saldo", "Solde final"),
    )
    entries: list[Entry] = rows("Bookings", labels=("Transactions", "Umsätze", "Opérations"), max_rows=100)
