import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.keyword import Meaning, read_keyword
from outbound_sms.domain.keyword_reply import reply_text
from outbound_sms.domain.language import Language
from outbound_sms.domain.segments import GSM7_BASIC, GSM7_EXTENSION, Encoding, count_segments

COMPANY = "Northwind Broadband"
PHONE = "(212) 555-0101"
EMAIL = "support@northwind-broadband.example"
ANSWERED = [Meaning.STOP, Meaning.START, Meaning.HELP]
GSM7 = sorted((set(GSM7_BASIC) - {"\x1b"}) | set(GSM7_EXTENSION))

each_answer = pytest.mark.parametrize("meaning", ANSWERED)
each_language = pytest.mark.parametrize("language", Language)


def _reply(
    meaning: Meaning,
    language: Language = Language.EN,
    company: str = COMPANY,
    phone_number: str | None = PHONE,
    email_address: str | None = EMAIL,
) -> str:
    return reply_text(
        meaning, language, company, phone_number=phone_number, email_address=email_address
    )


def test_the_answers_read_so() -> None:
    assert [_reply(meaning, language) for language in Language for meaning in ANSWERED] == [
        "Northwind Broadband: you are unsubscribed and will get no more texts from us. Reply START "
        "to resubscribe.",
        "Northwind Broadband: you are subscribed to our texts again. Reply HELP for help, STOP to "
        "unsubscribe. Msg&data rates may apply.",
        "Northwind Broadband: texts about your service. Call (212) 555-0101. Email "
        "support@northwind-broadband.example. Reply STOP to unsubscribe.",
        "Northwind Broadband : désabonnement confirmé, vous ne recevrez plus nos textos. Répondez "
        "START pour vous réabonner.",
        "Northwind Broadband : vous recevrez de nouveau nos textos. Répondez AIDE pour de l'aide, "
        "STOP pour vous désabonner. Frais possibles.",
        "Northwind Broadband : textos sur votre service. Appelez le (212) 555-0101. Écrivez à "
        "support@northwind-broadband.example. Répondez STOP pour vous désabonner.",
    ]


@each_language
@each_answer
@pytest.mark.parametrize(
    "company", [COMPANY, "Télé-Québec Haut Débit", "Zêta’s Fibre – Çà et là", "A" * 30]
)
def test_with_an_ordinary_name_everything_is_in_one_segment(
    meaning: Meaning, language: Language, company: str
) -> None:
    email = "help@northwind.example"
    text = _reply(meaning, language, company, email_address=email)
    count = count_segments(text)
    assert (count.encoding, count.carrier_segments) == (Encoding.GSM7, 1)
    assert (PHONE in text and email in text) is (meaning is Meaning.HELP)


@each_language
@each_answer
@given(
    company=st.text(GSM7, min_size=1).map(lambda name: f"N{name}") | st.just("W" * 100),
    phone_number=st.none() | st.text(GSM7, max_size=50),
    email_address=st.none() | st.text(GSM7, max_size=254),
)
def test_a_text_in_gsm_7_is_one_segment_whatever_the_values(
    meaning: Meaning,
    language: Language,
    company: str,
    phone_number: str | None,
    email_address: str | None,
) -> None:
    text = _reply(meaning, language, company, phone_number, email_address)
    count = count_segments(text)
    assert (count.encoding, count.carrier_segments) == (Encoding.GSM7, 1)
    assert text.startswith("N" if company.startswith("N") else "W")
    assert meaning is Meaning.STOP or "STOP" in text


@each_language
@each_answer
def test_a_long_name_loses_its_end_before_the_text_loses_a_part(
    meaning: Meaning, language: Language
) -> None:
    text = _reply(meaning, language, "W" * 100, email_address=None)
    named, dots, rest = text.partition("...")
    assert (set(named), dots) == ({"W"}, "...")
    assert len(named) >= 40
    assert rest == _reply(meaning, language, "W", email_address=None)[1:]
    assert count_segments(text).characters == 160


def test_the_e_mail_goes_before_the_phone_number() -> None:
    text = _reply(Meaning.HELP, company="W" * 60, email_address="a" * 32 + "@northwind.example")
    assert text == f"{'W' * 60}: texts about your service. Call {PHONE}. Reply STOP to unsubscribe."


@each_language
@each_answer
def test_a_name_of_characters_that_count_twice_still_fits(
    meaning: Meaning, language: Language
) -> None:
    text = _reply(meaning, language, "[" * 100, "{" * 50, "~" * 254)
    assert text.startswith("[" * 20)
    assert count_segments(text).carrier_segments == 1


@each_language
@pytest.mark.parametrize(
    ("phone_number", "email_address"), [(None, None), ("", " "), (PHONE, None), (None, EMAIL)]
)
def test_help_leaves_out_what_the_department_does_not_have(
    language: Language, phone_number: str | None, email_address: str | None
) -> None:
    text = _reply(Meaning.HELP, language, phone_number=phone_number, email_address=email_address)
    assert (PHONE in text, EMAIL in text) == (phone_number == PHONE, email_address == EMAIL)
    assert COMPANY in text and "STOP" in text
    assert not set("[]|") & set(text) and "  " not in text


@each_language
@pytest.mark.parametrize("meaning", [Meaning.STOP, Meaning.START])
def test_only_help_gives_a_contact(meaning: Meaning, language: Language) -> None:
    text = _reply(meaning, language)
    assert text == _reply(meaning, language, phone_number=None, email_address=None)
    assert PHONE not in text and EMAIL not in text


def test_the_name_loses_the_accents_that_would_force_ucs_2_and_no_others() -> None:
    assert _reply(Meaning.STOP, company=" Zêta’s\u00a0 Télé – Çà ").startswith("Zeta's Télé - Çà: ")
    assert _reply(Meaning.STOP, company="Ze\u0302ta Te\u0301le\u0301").startswith("Zeta Télé: ")


@each_language
@each_answer
def test_a_name_in_another_script_stays_whole(meaning: Meaning, language: Language) -> None:
    text = _reply(meaning, language, "电信公司" * 25)
    assert text.startswith("电信公司" * 25)
    assert text.endswith(_reply(meaning, language, "W")[1:])


def test_a_value_is_only_text() -> None:
    name = "[|PHONE_NUMBER|] {0} %s \\1"
    assert _reply(Meaning.STOP, company=name).startswith(f"{name}: you are")


@each_language
@each_answer
def test_no_answer_would_be_read_as_a_start_or_help(meaning: Meaning, language: Language) -> None:
    assert read_keyword(_reply(meaning, language)).meaning in (Meaning.STOP, Meaning.UNCLEAR)


def test_what_is_unclear_is_not_answered() -> None:
    with pytest.raises(ValueError, match="^UNCLEAR is not answered$"):
        _reply(Meaning.UNCLEAR)


@each_answer
def test_a_blank_company_is_refused(meaning: Meaning) -> None:
    with pytest.raises(ValueError, match="^COMPANY_NAME is missing$"):
        _reply(meaning, company=" \u200b")
