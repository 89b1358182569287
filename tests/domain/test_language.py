import pytest

from outbound_sms.domain.language import Language, parse_language


@pytest.mark.parametrize("tag", ["fr", "FR", "fr-CA", "fr_CA", " fr-ca "])
def test_regional_and_untidy_tags_are_accepted(tag: str) -> None:
    assert parse_language(tag) is Language.FR


@pytest.mark.parametrize("tag", [None, "", " ", "es", "french", "-fr"])
def test_a_tag_without_texts_is_no_language(tag: str | None) -> None:
    assert parse_language(tag) is None
