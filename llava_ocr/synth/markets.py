"""Countries to paint for: language, currency, taxes, how addresses and numbers are written there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from llava_ocr.synth.streams import weighted


@dataclass(frozen=True, slots=True)
class Market:
    """One country in one language. `postcode` writes # for a digit and ? for a letter.

    `rates` are the tax rates in percent, the usual one first; `numbers` and `dates` name styles of `conventions`.
    """

    locale: str
    language: str
    country: str
    currency: str
    postcode: str
    rates: tuple[str, ...]
    numbers: tuple[str, ...]
    dates: tuple[str, ...]
    companies: tuple[str, ...]
    phone_code: str
    page: str = "a4"

    @property
    def usual_rate(self) -> Decimal:
        """The standard tax rate in percent."""
        return Decimal(self.rates[0])


DE_DATES = (
    "%d.%m.%Y",
    "%d.%m.%Y",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%-d.%-m.%Y",
    "%-d. %B %Y",
    "%d. %B %Y",
    "%Y-%m-%d",
    "%-d. %b %Y",
)
FR_DATES = ("%d/%m/%Y", "%d/%m/%Y", "%d/%m/%Y", "%d/%m/%y", "%-d %B %Y", "%d %B %Y", "%d.%m.%Y", "%Y-%m-%d", "%d-%m-%Y")
US_DATES = (
    "%m/%d/%Y",
    "%m/%d/%Y",
    "%-m/%-d/%Y",
    "%m/%d/%y",
    "%B %-d, %Y",
    "%b %-d, %Y",
    "%Y-%m-%d",
    "%d-%b-%Y",
    "%m-%d-%Y",
)
GB_DATES = (
    "%d/%m/%Y",
    "%d/%m/%Y",
    "%d/%m/%y",
    "%-d %B %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%-dth %B %Y",
    "%d %B, %Y",
)
DE_FIRMS = (
    "GmbH",
    "GmbH",
    "GmbH",
    "GmbH & Co. KG",
    "AG",
    "KG",
    "OHG",
    "e.K.",
    "UG (haftungsbeschränkt)",
    "eG",
    "e. V.",
    "mbH",
    "GbR",
)
FR_FIRMS = ("SARL", "SARL", "SAS", "SAS", "SASU", "SA", "EURL", "S.A.R.L.", "SCOP", "SNC", "& Fils", "& Cie")
GB_FIRMS = ("Ltd", "Ltd", "Limited", "Ltd.", "PLC", "LLP", "& Sons Ltd", "Group Ltd", "(UK) Ltd")
US_FIRMS = ("Inc.", "LLC", "LLC", "Inc", "Corp.", "Corporation", "Co.", "LP", "& Sons", "Group", ", Inc.", ", LLC")
ASIA_FIRMS = (
    "Sdn Bhd",
    "SDN. BHD.",
    "Pte Ltd",
    "PTE. LTD.",
    "Trading",
    "Enterprise",
    "(M) Sdn Bhd",
    "Pvt. Ltd.",
    "Private Limited",
)

EURO = ("1.234,56", "1.234,56", "1.234,56", "1 234,56", "1234,56", "1234.56")
FRENCH = ("1 234,56", "1 234,56", "1 234,56", "1234,56", "1.234,56", "1,234.56", "1234.56")
ANGLO = ("1,234.56", "1,234.56", "1,234.56", "1234.56")
SWISS = ("1’234.56", "1'234.56", "1'234.56", "1 234.56", "1234.56", "1,234.56")

BELGIAN = (*FRENCH, *EURO)
CA_DATES = (*US_DATES, *GB_DATES)

MARKETS: tuple[tuple[Market, float], ...] = (
    (Market("de_DE", "de", "DE", "EUR", "#####", ("19", "7"), EURO, DE_DATES, DE_FIRMS, "+49"), 0.27),
    (Market("de_AT", "de", "AT", "EUR", "####", ("20", "10", "13"), EURO, DE_DATES, DE_FIRMS, "+43"), 0.05),
    (Market("de_CH", "de", "CH", "CHF", "####", ("8.1", "2.6"), SWISS, DE_DATES, (*DE_FIRMS[:5], "Sàrl"), "+41"), 0.06),
    (Market("fr_FR", "fr", "FR", "EUR", "#####", ("20", "10", "5.5"), FRENCH, FR_DATES, FR_FIRMS, "+33"), 0.24),
    (Market("fr_CH", "fr", "CH", "CHF", "####", ("8.1", "2.6"), SWISS, FR_DATES, ("SA", "Sàrl", "SARL"), "+41"), 0.03),
    (Market("fr_FR", "fr", "BE", "EUR", "####", ("21", "6"), BELGIAN, FR_DATES, ("SRL", "SA", "SPRL"), "+32"), 0.03),
    (Market("en_US", "en", "US", "USD", "#####", ("8.25", "6", "7"), ANGLO, US_DATES, US_FIRMS, "+1", "letter"), 0.14),
    (Market("en_GB", "en", "GB", "GBP", "??## #??", ("20", "5"), ANGLO, GB_DATES, GB_FIRMS, "+44"), 0.09),
    (Market("en_IE", "en", "IE", "EUR", "?## ?#?#", ("23", "13.5"), ANGLO, GB_DATES, GB_FIRMS[:5], "+353"), 0.02),
    (Market("en_CA", "en", "CA", "CAD", "?#? #?#", ("5", "13"), ANGLO, CA_DATES, US_FIRMS, "+1", "letter"), 0.02),
    (Market("en_AU", "en", "AU", "AUD", "####", ("10",), ANGLO, GB_DATES, (*GB_FIRMS[:2], "Pty Ltd"), "+61"), 0.02),
    (Market("en_IN", "en", "MY", "MYR", "#####", ("6",), ANGLO, GB_DATES, ASIA_FIRMS, "+60"), 0.015),
    (Market("en_IN", "en", "SG", "SGD", "######", ("9",), ANGLO, GB_DATES, ASIA_FIRMS, "+65"), 0.015),
)  # fmt: skip

COUNTRY_NAMES: dict[str, dict[str, str]] = {
    "DE": {"en": "Germany", "de": "Deutschland", "fr": "Allemagne"},
    "AT": {"en": "Austria", "de": "Österreich", "fr": "Autriche"},
    "CH": {"en": "Switzerland", "de": "Schweiz", "fr": "Suisse"},
    "FR": {"en": "France", "de": "Frankreich", "fr": "France"},
    "BE": {"en": "Belgium", "de": "Belgien", "fr": "Belgique"},
    "US": {"en": "United States", "de": "USA", "fr": "États-Unis"},
    "GB": {"en": "United Kingdom", "de": "Großbritannien", "fr": "Royaume-Uni"},
    "IE": {"en": "Ireland", "de": "Irland", "fr": "Irlande"},
    "CA": {"en": "Canada", "de": "Kanada", "fr": "Canada"},
    "AU": {"en": "Australia", "de": "Australien", "fr": "Australie"},
    "MY": {"en": "Malaysia", "de": "Malaysia", "fr": "Malaisie"},
    "SG": {"en": "Singapore", "de": "Singapur", "fr": "Singapour"},
    "NL": {"en": "Netherlands", "de": "Niederlande", "fr": "Pays-Bas"},
    "LU": {"en": "Luxembourg", "de": "Luxemburg", "fr": "Luxembourg"},
    "IT": {"en": "Italy", "de": "Italien", "fr": "Italie"},
    "ES": {"en": "Spain", "de": "Spanien", "fr": "Espagne"},
    "PT": {"en": "Portugal", "de": "Portugal", "fr": "Portugal"},
    "DK": {"en": "Denmark", "de": "Dänemark", "fr": "Danemark"},
    "SE": {"en": "Sweden", "de": "Schweden", "fr": "Suède"},
    "NO": {"en": "Norway", "de": "Norwegen", "fr": "Norvège"},
    "FI": {"en": "Finland", "de": "Finnland", "fr": "Finlande"},
    "PL": {"en": "Poland", "de": "Polen", "fr": "Pologne"},
    "CZ": {"en": "Czechia", "de": "Tschechien", "fr": "Tchéquie"},
    "SK": {"en": "Slovakia", "de": "Slowakei", "fr": "Slovaquie"},
    "HU": {"en": "Hungary", "de": "Ungarn", "fr": "Hongrie"},
    "SI": {"en": "Slovenia", "de": "Slowenien", "fr": "Slovénie"},
    "HR": {"en": "Croatia", "de": "Kroatien", "fr": "Croatie"},
    "RO": {"en": "Romania", "de": "Rumänien", "fr": "Roumanie"},
    "BG": {"en": "Bulgaria", "de": "Bulgarien", "fr": "Bulgarie"},
    "GR": {"en": "Greece", "de": "Griechenland", "fr": "Grèce"},
    "EE": {"en": "Estonia", "de": "Estland", "fr": "Estonie"},
    "LV": {"en": "Latvia", "de": "Lettland", "fr": "Lettonie"},
    "LT": {"en": "Lithuania", "de": "Litauen", "fr": "Lituanie"},
}


def choose_market(rng: Random) -> Market:
    """Pick a market as often as its weight says."""
    return weighted(rng, MARKETS)


def choose_foreign_market(rng: Random, home: Market) -> Market:
    """Pick another country's market, for a party abroad."""
    return weighted(rng, [(market, weight) for market, weight in MARKETS if market.country != home.country])
