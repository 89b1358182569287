"""The languages that subscribers are written to in."""

from enum import StrEnum


class Language(StrEnum):
    """A language that every saved message and signature exists in, as its ISO 639-1 code."""

    EN = "en"
    FR = "fr"


_BY_CODE = {language.value: language for language in Language}


def parse_language(tag: str | None) -> Language | None:
    """The language of a tag such as `fr`, `FR` or `fr-CA`; None when there is no text in it."""
    if not tag:
        return None
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    return _BY_CODE.get(primary)
