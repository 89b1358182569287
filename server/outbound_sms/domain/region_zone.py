"""States, provinces and territories that lie in one time zone only, by ISO 3166-2.

The boundaries are those of 49 CFR Part 71 for the US and of each province's time act for Canada;
the zones are those of the IANA time zone database. A region is left out as soon as any part of it
keeps another time, by law (US-AZ with the Navajo Nation, US-NV with West Wendover, CA-SK with
Lloydminster) or by habit (US-AL with Phenix City, US-OK with Kenton): for most of its people the
zone would be right, and for the others wrong without anybody noticing.
"""

_EASTERN = (
    "US-CT US-DC US-DE US-GA US-MA US-MD US-ME US-NC US-NH US-NJ US-NY US-OH US-PA US-RI US-SC "
    "US-VA US-VT US-WV"
)
_CENTRAL = "US-AR US-IA US-IL US-LA US-MN US-MO US-MS US-WI"
_MOUNTAIN = "US-CO US-MT US-NM US-UT US-WY"
_PACIFIC = "US-CA US-WA"

REGION_ZONES = {
    **dict.fromkeys(_EASTERN.split(), "America/New_York"),
    **dict.fromkeys(_CENTRAL.split(), "America/Chicago"),
    **dict.fromkeys(_MOUNTAIN.split(), "America/Denver"),
    **dict.fromkeys(_PACIFIC.split(), "America/Los_Angeles"),
    "US-AS": "Pacific/Pago_Pago",
    "US-GU": "Pacific/Guam",
    "US-HI": "Pacific/Honolulu",
    "US-MP": "Pacific/Saipan",
    "US-PR": "America/Puerto_Rico",
    "US-VI": "America/St_Thomas",
    "CA-AB": "America/Edmonton",
    "CA-MB": "America/Winnipeg",
    "CA-NB": "America/Moncton",
    "CA-NS": "America/Halifax",
    "CA-PE": "America/Halifax",
    "CA-YT": "America/Whitehorse",
}
"""The time zone of each such region."""
