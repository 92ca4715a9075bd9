"""IRS form W-9, Request for Taxpayer Identification Number and Certification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from llava_ocr.records import Finding
from llava_ocr.schema import Check, Date, DocumentSchema, Text, code, read

Classification = Literal[
    "individual", "c corporation", "s corporation", "partnership", "trust/estate", "limited liability company", "other"
]
Ssn = Annotated[str, code("[0-9]{3}-?[0-9]{2}-?[0-9]{4}")]
Ein = Annotated[str, code("[0-9]{2}-?[0-9]{7}")]


def one_tax_number(form: W9) -> Iterator[Finding]:
    """A form gives a social security number or an employer identification number, not both."""
    if form.ssn and form.ein:
        yield Finding("one_tin", "both a social security number and an employer number", ("ssn", "ein"))


class W9(DocumentSchema):
    """A filled W-9 form."""

    checks: ClassVar[tuple[Check, ...]] = (one_tax_number,)
    business_key: ClassVar[tuple[str, ...]] = ("ssn", "ein", "date_signed")

    name: Text | None = read(
        "Line 1: name of the entity or individual",
        labels=("Name of entity/individual", "Name (as shown on your income tax return)"),
    )
    business_name: Text | None = read("Line 2: business name", labels=("Business name/disregarded entity name",))
    classification: Classification | None = read("Line 3: the checked box", labels=("federal tax classification",))
    exempt_payee_code: Text | None = read("Line 4: exempt payee code", labels=("Exempt payee code",))
    fatca_code: Text | None = read("Line 4: FATCA code", labels=("Exemption from Foreign Account", "FATCA"))
    address: Text | None = read(
        "Line 5: number and street", labels=("Address (number, street, and apt. or suite no.)",)
    )
    city_state_zip: Text | None = read("Line 6", labels=("City, state, and ZIP code",))
    account_numbers: Text | None = read("Line 7", labels=("List account number(s) here",))
    requester: Text | None = read("Requester's name and address", labels=("Requester's name and address",))
    ssn: Ssn | None = read("Social security number", labels=("Social security number",))
    ein: Ein | None = read("Employer identification number", labels=("Employer identification number",))
    date_signed: Date | None = read("Day of the signature", labels=("Date",))
