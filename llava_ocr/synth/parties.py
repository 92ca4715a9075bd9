"""Companies and people with addresses, registers, banks: everything an issuer or a customer prints of itself."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

from faker import Factory

from llava_ocr.synth.codes import fill, make_bic, make_gln, make_iban, make_vat_id
from llava_ocr.synth.markets import Market
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES, PLACES, TRADE

# Names of firms that are no coined word with a legal form, and of public bodies that are customers.
TRADES = {
    "de": (
        "Dr. {f} {b}", "Kanzlei {b}", "Praxis Dr. {b}", "Ing.-Büro {b}", "Malermeister {f} {b}", "Elektro {b}",
        "Autohaus {b}", "{a}, {b} & Partner", "{b} & Söhne", "Stadtwerke {c}", "Gasthaus zum {b}", "{f} {b} Fotografie",
    ),
    "fr": (
        "Cabinet {b}", "Étude {b}", "Maître {f} {b}", "Ets {b}", "Garage {b}", "Boulangerie {b}", "{b} Père et Fils",
        "Docteur {f} {b}", "Atelier {f} {b}", "Régie des Eaux de {c}", "Menuiserie {a}-{b}",
    ),
    "en": (
        "Law Offices of {f} {b}", "{b} Consulting", "Dr {f} {b}", "The {b} Practice", "{a}, {b} & Partner", "{b} Bros.",
        "{c} Water Services", "{f} {b} Photography", "{b}'s Garage", "{b} & Daughters",
    ),
}  # fmt: skip
PUBLIC = {
    "de": (
        "Stadt {c}", "Gemeinde {c}", "Landkreis {c}", "Universität {c}", "Kirchengemeinde {c}", "Stadtwerke {c}",
        "WEG {b}weg", "Klinikum {c}", "TSV {c} e. V.",
    ),
    "fr": (
        "Mairie de {c}", "Commune de {c}", "Université de {c}", "Lycée {b}", "Hôpital de {c}", "Copropriété {b}",
        "Association {b}", "Conseil départemental",
    ),
    "en": (
        "City of {c}", "{c} County Council", "University of {c}", "{c} School District", "{c} General Hospital",
        "{b} Foundation", "{c} Parish Council",
    ),
}  # fmt: skip
PLACES_WITHIN = {
    "de": ("Gebäude C", "Gewerbepark Nord", "Hinterhaus", "3. OG", "Tor 2", "Industriegebiet Süd"),
    "fr": ("ZI Nord", "Bâtiment B", "Zone artisanale", "2e étage", "Parc d'activités", "Escalier C"),
    "en": ("Building C", "Business Park West", "Floor 3", "Industrial Estate", "East Wing", "Dock 4"),
}
POST_BOXES = {
    "de": ("Postfach ## ##", "Postfach ####"),
    "fr": ("BP ###", "CS #####"),
    "en": ("P.O. Box ####", "PO Box ###"),
}


@dataclass(frozen=True, slots=True)
class Party:
    """A company or person. `country` is an ISO code; `extra` is a line between name and street, may be empty."""

    market: Market
    name: str
    extra: str
    street: str
    postcode: str
    city: str
    region: str
    country: str
    vat_id: str | None
    tax_number: str
    person: str
    phone: str
    fax: str
    email: str
    web: str
    register: str
    iban: str
    bic: str
    bank: str
    gln: str


@cache
def _names(locale: str) -> Any:
    return Factory.create(locale)


def draw_name(rng: Random, market: Market) -> str:
    """Draw a person's name."""
    faker = _names(market.locale)
    faker.random = rng
    return f"{faker.first_name()} {faker.last_name()}"


def draw_company(rng: Random, market: Market, industry: str, city: str) -> str:
    """Draw a company's name of one of many patterns."""
    faker = _names(market.locale)
    faker.random = rng
    coined = "".join(rng.choice(PLACES["syllables"]) for _ in range(rng.randint(2, 3)))
    words = list(INDUSTRIES[industry]["firm"][market.language])
    if chance(rng, 0.15):
        words = [f"{rng.choice(words)} {rng.choice(PLACES['long_words'][market.language])}"]
    patterns = TRADES[market.language] if chance(rng, 0.12) else PLACES["company_patterns"]
    text = rng.choice(patterns).format(
        a=faker.last_name(),
        b=faker.last_name(),
        f=faker.first_name(),
        c=city,
        w=rng.choice(words),
        x=coined.upper() if chance(rng, 0.2) else coined.capitalize(),
        i=fill(rng, rng.choice(("???", "??", "?&?", "????"))),
        s=rng.choice(market.companies),
    )
    text = text.replace(" ,", ",")
    return str(text.upper() if chance(rng, 0.1) else text)


def draw_party(rng: Random, market: Market, industry: str) -> Party:
    """Draw one company with all its data."""
    faker = _names(market.locale)
    faker.random = rng
    city, region = _city(rng, market)
    name = draw_company(rng, market, industry, city)
    person = draw_name(rng, market)
    domain = _domain(rng, name, market)
    vat_id = make_vat_id(rng, market.country)
    return Party(
        market=market,
        name=name,
        extra=rng.choice(PLACES_WITHIN[market.language]) if chance(rng, 0.08) else "",
        street=_street(rng, market),
        postcode=_postcode(rng, market),
        city=city,
        region=region,
        country=market.country,
        vat_id=vat_id,
        tax_number=_tax_number(rng, market),
        person=person,
        phone=_phone(rng, market),
        fax=_phone(rng, market),
        web=rng.choice(("www.", "www.", "", "https://")) + domain,
        email=rng.choice(
            ("info", "office", "kontakt", "billing", "accounts", "contact", "sales", _ascii(person.split()[-1]))
        )
        + "@"
        + domain,
        register=_register(rng, market, city, vat_id),
        iban=make_iban(rng, market.country),
        bic=make_bic(rng, market.country),
        bank=rng.choice(PLACES["banks"][market.language]).format(c=city),
        gln=make_gln(rng),
    )


def draw_customer(rng: Random, market: Market) -> Party:
    """Draw a customer: a company, sometimes with a department, or a private person."""
    party = draw_party(rng, market, rng.choice(sorted(INDUSTRIES)))
    if chance(rng, 0.25):
        title = {"de": ("Herr ", "Frau ", "Herrn "), "fr": ("M. ", "Mme ", "Monsieur "), "en": ("Mr ", "Ms ", "Dr. ")}
        name = party.person
        extra = rng.choice(title[market.language]).strip() if chance(rng, 0.2) else ""
        return replace(party, name=name, extra=extra and "", vat_id=None)
    if chance(rng, 0.12):
        name = rng.choice(PUBLIC[market.language]).format(c=party.city, b=party.person.split()[-1])
        party = replace(party, name=name, vat_id=None)
    if chance(rng, 0.35):
        role = rng.choice(TRADE["roles"][market.language]).format(name=party.person)
        return replace(party, extra=role)
    return party


def _city(rng: Random, market: Market) -> tuple[str, str]:
    faker = _names(market.locale)
    faker.random = rng
    region = ""
    if market.country == "US":
        region = faker.state_abbr()
    city = str(faker.city())
    if chance(rng, 0.08):
        city = f"{city} {rng.randint(1, 20)}" if market.language != "en" else city
    if market.country in ("MY", "SG", "BE", "IE", "AU", "CA"):
        city = rng.choice(PLACES["cities"][market.country])
    if market.country == "FR" and chance(rng, 0.05):
        return f"{city.upper()} CEDEX{rng.choice(('', ' 1', ' 2', ' 3', ' 9'))}", region
    return (city.upper() if chance(rng, 0.15) else city), region


def _street(rng: Random, market: Market) -> str:
    if chance(rng, 0.03):
        return fill(rng, rng.choice(POST_BOXES[market.language]))
    faker = _names(market.locale)
    faker.random = rng
    name = rng.choice(PLACES["street_words"][market.language]) if chance(rng, 0.6) else faker.last_name()
    pattern = rng.choice(PLACES["streets"][market.language])
    number = str(rng.randint(1, 9999 if market.country == "US" and chance(rng, 0.6) else 160))
    if chance(rng, 0.12):
        number += rng.choice("abcdAB")
    elif chance(rng, 0.06):
        number += f"-{int(number.rstrip('abcdAB')) + 2}"
    street = pattern.format(n=name, k=rng.choice(("la", "petite", "grande"))).replace("la rue", "rue")
    if market.language == "de":
        street = street if market.country != "CH" else street.replace("ß", "ss")
        return f"{street.replace('straße', 'str.') if chance(rng, 0.2) else street} {number}"
    joint = ", " if market.language == "fr" and chance(rng, 0.4) else " "
    suffix = weighted(rng, [("", 0.8), (f", Suite {rng.randint(2, 900)}", 0.1), (f" Unit {rng.randint(1, 40)}", 0.1)])
    return f"{number}{joint}{street}{suffix if market.language == 'en' else ''}"


def _postcode(rng: Random, market: Market) -> str:
    code = fill(rng, market.postcode)
    return "1" + code[1:] if code.startswith("0") and market.country != "FR" and market.country != "US" else code


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(c for c in plain if c.isascii() and c.isalnum())


def _domain(rng: Random, name: str, market: Market) -> str:
    words = [_ascii(word) for word in name.split() if len(_ascii(word)) > 2][:2] or ["firma"]
    ends = {"de": ("de", "com", "net", "eu"), "fr": ("fr", "com", "eu"), "en": ("com", "co.uk", "io", "net", "biz")}
    own = market.country.lower() if market.country in ("AT", "CH", "BE", "IE") else rng.choice(ends[market.language])
    return rng.choice(("", "-")).join(words) + "." + own


def _phone(rng: Random, market: Market) -> str:
    local = {
        "de": ("0### ######", "0###/######-0", "(0####) ##-##", "0## - #######"),
        "fr": ("0# ## ## ## ##", "0#.##.##.##.##"),
        "en": ("0### ### ####", "(###) ###-####", "###-###-####", "0#### ######"),
    }
    abroad = (
        f"{market.phone_code} ### ######",
        f"{market.phone_code} (0) ## ### ## ##",
        f"{market.phone_code}-###-####-#",
    )
    return fill(rng, rng.choice(local[market.language] if chance(rng, 0.55) else abroad))


def _tax_number(rng: Random, market: Market) -> str:
    shapes = {
        "DE": ("##/###/#####", "###/####/####", "### ### #####"),
        "FR": ("### ### ### #####",),
        "US": ("##-#######",),
        "AT": ("##-###/####",),
    }
    return fill(rng, rng.choice(shapes.get(market.country, ("### ### ###", "#########"))))


def _register(rng: Random, market: Market, city: str, vat_id: str | None) -> str:
    if market.country == "FR" and vat_id:
        siren = f"{vat_id[4:7]} {vat_id[7:10]} {vat_id[10:13]}"
        return rng.choice(
            (f"RCS {city} {siren}", f"SIREN {siren}", f"SIRET {siren} {fill(rng, '#####')}", f"R.C.S. {city} B {siren}")
        )
    if market.language == "de":
        court = rng.choice(("Amtsgericht", "AG", "Handelsregister", "Registergericht"))
        return f"{court} {city} {rng.choice(('HRB', 'HRB', 'HRA'))} {rng.randint(100, 99999)}"
    return fill(
        rng,
        rng.choice(
            ("Company No. ########", "Registered in England No. 0#######", "Reg. No. #####-?", "Co. Reg. ##########")
        ),
    )
