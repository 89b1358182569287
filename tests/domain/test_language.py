import pytest

from outbound_sms.domain.language import Language, choose_language, parse_language


@pytest.mark.parametrize("tag", ["fr", "FR", "fr-CA", "fr_CA", " fr-ca "])
def test_regional_and_untidy_tags_are_accepted(tag: str) -> None:
    assert parse_language(tag) is Language.FR


@pytest.mark.parametrize("tag", [None, "", " ", "es", "french", "-fr"])
def test_a_tag_without_texts_is_no_language(tag: str | None) -> None:
    assert parse_language(tag) is None


def test_the_first_usable_candidate_wins() -> None:
    assert choose_language(None, "es", "fr-CA", "en") is Language.FR
    assert choose_language("en", "fr") is Language.EN


def test_english_is_the_last_resort() -> None:
    assert choose_language() is Language.EN
    assert choose_language(None, "", "es") is Language.EN
