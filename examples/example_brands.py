"""The two companies of the example ISP, and their supply of phone numbers."""

import random
from dataclasses import dataclass, field

import example_area_codes as area_codes
import example_names as names

ENGLISH_ACCOUNTS = 4_000
FRENCH_ACCOUNTS = 1_000
SERVICES = ("Fiber 100", "Fiber 500", "Fiber 1000", "Wireless 50", "Wireless 100;Voice")
FRENCH_SERVICES = ("Fibre 100", "Fibre 500", "Fibre 1000;Téléphonie", "Sans fil 50")
FORMATS = (
    "({0}) 555-{1}",
    "({0}) 555-{1}",
    "{0}-555-{1}",
    "{0}-555-{1}",
    "{0}.555.{1}",
    "{0}555{1}",
    "+1{0}555{1}",
    "1-{0}-555-{1}",
    "{0} 555 {1}",
)

# The sandbox carrier fails 555-0190 to 555-0197 in eight ways. 0198 never gets a receipt and 0199
# is throttled: a demonstration should not wait for those.
ORDINARY = range(90)
FAILING = range(90, 98)
SHARE_FAILING = 0.025


@dataclass
class Numbers:
    """Hands out every number once."""

    chance: random.Random
    codes: list[str]
    ordinary: list[tuple[str, int]] = field(init=False)
    failing: list[tuple[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.ordinary = [(code, last) for code in self.codes for last in ORDINARY]
        self.failing = [(code, last) for code in self.codes for last in FAILING]
        self.chance.shuffle(self.ordinary)
        self.chance.shuffle(self.failing)

    def next(self) -> str:
        """A number as somebody might have typed it."""
        kind = self.failing if self.chance.random() < SHARE_FAILING else self.ordinary
        code, last = kind.pop()
        return self.chance.choice(FORMATS).format(code, f"01{last:02}")


@dataclass
class Brand:
    """What the accounts of one company are made from."""

    company: str
    prefix: str
    language: str
    accounts: int
    first: list[str]
    last: list[str]
    businesses: list[str]
    sites: tuple[tuple[str, str, int], ...]
    services: tuple[str, ...]
    groups: tuple[str, ...]
    yes: str
    no: str
    numbers: Numbers


def brands(chance: random.Random) -> tuple[Brand, Brand]:
    english = Brand(
        company="Northwind Fiber",
        prefix="NW",
        language="en",
        accounts=ENGLISH_ACCOUNTS,
        first=names.ENGLISH_FIRST,
        last=names.ENGLISH_LAST,
        businesses=names.COMPANIES_ENGLISH,
        sites=names.ENGLISH_SITES,
        services=SERVICES,
        groups=("", "", "", "", "Seasonal", "Paper invoice", "VIP;Paper invoice"),
        yes="Yes",
        no="No",
        numbers=Numbers(chance, area_codes.UNITED_STATES),
    )
    french = Brand(
        company="Fibre Boréale",
        prefix="FB",
        language="Français",
        accounts=FRENCH_ACCOUNTS,
        first=names.FRENCH_FIRST,
        last=names.FRENCH_LAST,
        businesses=names.COMPANIES_FRENCH,
        sites=names.FRENCH_SITES,
        services=FRENCH_SERVICES,
        groups=("", "", "", "Saisonnier", "Facture papier"),
        yes="Oui",
        no="Non",
        numbers=Numbers(chance, area_codes.CANADA),
    )
    return english, french
