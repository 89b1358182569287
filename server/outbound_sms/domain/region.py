"""States, provinces and territories of the US and Canada, by their ISO 3166-2 codes.

A closed list: what subscribers can live in. It has the territories of the US with area codes of
their own; the uninhabited outlying islands have none.
"""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

_US = """
AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut,
DE Delaware, DC District of Columbia, FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois,
IN Indiana, IA Iowa, KS Kansas, KY Kentucky, LA Louisiana, ME Maine, MD Maryland,
MA Massachusetts, MI Michigan, MN Minnesota, MS Mississippi, MO Missouri, MT Montana, NE Nebraska,
NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico, NY New York, NC North Carolina,
ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, RI Rhode Island,
SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VT Vermont, VA Virginia,
WA Washington, WV West Virginia, WI Wisconsin, WY Wyoming,
AS American Samoa, GU Guam, MP Northern Mariana Islands, PR Puerto Rico, VI Virgin Islands
"""
_CANADA = """
AB Alberta, BC British Columbia, MB Manitoba, NB New Brunswick, NL Newfoundland and Labrador,
NS Nova Scotia, NT Northwest Territories, NU Nunavut, ON Ontario, PE Prince Edward Island,
QC Quebec, SK Saskatchewan, YT Yukon
"""
_FRENCH = {
    "colombiebritannique": "CA-BC",
    "nouveaubrunswick": "CA-NB",
    "terreneuveetlabrador": "CA-NL",
    "nouvelleecosse": "CA-NS",
    "territoiresdunordouest": "CA-NT",
    "ileduprinceedouard": "CA-PE",
}


def _read(country: str, table: str) -> dict[str, str]:
    pairs = (entry.split(maxsplit=1) for entry in table.replace("\n", " ").split(","))
    return {f"{country}-{code}": name for code, name in pairs}


REGIONS: Mapping[str, str] = MappingProxyType(_read("US", _US) | _read("CA", _CANADA))
"""English name by code, for example `US-NY` and `New York`."""
ADVICE = (
    "not a state, province or territory of the US or Canada; give its code, such as US-NY or CA-QC"
)


def parse_region(text: str) -> str:
    """The code of a region as people and other systems write it.

    Takes the code itself (`US-NY`), its second part alone (`NY`), which no state of the US shares
    with a province of Canada, or the name in English or French, whatever its case and accents.
    Raises ValueError, which says what to give.
    """
    found = _BY_SPELLING.get(_spelling(text))
    if found is None:
        raise ValueError(ADVICE)
    return found


def _spelling(text: str) -> str:
    """The text without case, accents, spaces and punctuation."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in folded if character.isalnum())


_BY_SPELLING: Mapping[str, str] = MappingProxyType(
    _FRENCH
    | {_spelling(name): code for code, name in REGIONS.items()}
    | {_spelling(code[3:]): code for code in REGIONS}
    | {_spelling(code): code for code in REGIONS}
)
