import pytest

from outbound_sms.domain.language import Language
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.domain.signature import (
    RenderedSignature,
    SignatureTemplate,
    render_signature,
    signature_text,
)

PHONE = "(212) 555-0101"
EMAIL = "help@northwind.example"
STOP = {
    Language.EN: "Reply STOP to unsubscribe.",
    Language.FR: "Répondez STOP pour vous désabonner.",
}
OFFERING = [template for template in SignatureTemplate if template != SignatureTemplate.NO_DISPLAY]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (SignatureTemplate.NO_DISPLAY, "Reply STOP to unsubscribe."),
        (
            SignatureTemplate.SOMETHING_ELSE,
            "Need something else? Call |DEPARTMENT_PHONE_NUMBER|. Email |DEPARTMENT_EMAIL|. "
            "Reply STOP to unsubscribe.",
        ),
        (
            SignatureTemplate.MORE_INFO,
            "Looking for more information? Call |DEPARTMENT_PHONE_NUMBER|. "
            "Email |DEPARTMENT_EMAIL|. Reply STOP to unsubscribe.",
        ),
        (
            SignatureTemplate.QUESTION,
            "Have a question? Call |DEPARTMENT_PHONE_NUMBER|. Email |DEPARTMENT_EMAIL|. "
            "Reply STOP to unsubscribe.",
        ),
        (
            SignatureTemplate.CHAT,
            "Need to chat? Call |DEPARTMENT_PHONE_NUMBER|. Email |DEPARTMENT_EMAIL|. "
            "Reply STOP to unsubscribe.",
        ),
        (
            SignatureTemplate.HELP,
            "We're here to help! Call |DEPARTMENT_PHONE_NUMBER|. Email |DEPARTMENT_EMAIL|. "
            "Reply STOP to unsubscribe.",
        ),
    ],
)
def test_the_english_texts_are_the_products_word_for_word(
    template: SignatureTemplate, text: str
) -> None:
    assert signature_text(template, Language.EN) == text
    filled = text.replace("|DEPARTMENT_PHONE_NUMBER|", PHONE).replace("|DEPARTMENT_EMAIL|", EMAIL)
    assert render_signature(template, PHONE, EMAIL, Language.EN) == RenderedSignature(filled, ())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("template", SignatureTemplate)
def test_every_signature_is_gsm7_and_ends_with_the_way_to_unsubscribe(
    template: SignatureTemplate, language: Language
) -> None:
    rendered = render_signature(template, PHONE, EMAIL, language)
    assert rendered.text.endswith(STOP[language])
    assert count_segments(rendered.text).encoding is Encoding.GSM7
    assert "|" not in rendered.text
    assert (EMAIL in rendered.text) == (template in OFFERING)


@pytest.mark.parametrize("template", OFFERING)
def test_french_signatures_name_the_department(template: SignatureTemplate) -> None:
    rendered = render_signature(template, PHONE, EMAIL, Language.FR)
    assert f"Appelez le {PHONE}. Écrivez à {EMAIL}." in rendered.text


@pytest.mark.parametrize("missing", [None, "", "  ", "\x00"])
@pytest.mark.parametrize("template", OFFERING)
def test_a_missing_phone_number_drops_its_sentence_only(
    template: SignatureTemplate, missing: str | None
) -> None:
    full = render_signature(template, PHONE, EMAIL, Language.EN).text
    assert render_signature(template, missing, EMAIL, Language.EN) == RenderedSignature(
        full.replace(f"Call {PHONE}. ", ""), ("DEPARTMENT_PHONE_NUMBER",)
    )


def test_a_missing_email_drops_its_sentence_only() -> None:
    assert render_signature(SignatureTemplate.CHAT, PHONE, None, Language.EN) == RenderedSignature(
        f"Need to chat? Call {PHONE}. Reply STOP to unsubscribe.", ("DEPARTMENT_EMAIL",)
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("template", OFFERING)
def test_without_any_contact_no_question_leads_to_the_stop_sentence(
    template: SignatureTemplate, language: Language
) -> None:
    assert render_signature(template, None, None, language) == RenderedSignature(
        STOP[language], ("DEPARTMENT_PHONE_NUMBER", "DEPARTMENT_EMAIL")
    )


def test_the_bare_signature_misses_nothing() -> None:
    rendered = render_signature(SignatureTemplate.NO_DISPLAY, None, None, Language.EN)
    assert rendered == RenderedSignature("Reply STOP to unsubscribe.", ())


def test_values_that_look_like_variables_are_never_expanded() -> None:
    phone = "|DEPARTMENT_EMAIL| {0} %s"
    rendered = render_signature(SignatureTemplate.HELP, phone, EMAIL, Language.EN)
    assert rendered.text == (
        f"We're here to help! Call {phone}. Email {EMAIL}. Reply STOP to unsubscribe."
    )
