"""Signatures: the closed list of texts that end every message, each with the way to unsubscribe."""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from outbound_sms.domain.language import Language
from outbound_sms.domain.variable import clean_value, fill


class SignatureTemplate(IntEnum):
    """The six signatures. All but the first also offer the department's phone number and e-mail."""

    NO_DISPLAY = 1
    SOMETHING_ELSE = 2
    MORE_INFO = 3
    QUESTION = 4
    CHAT = 5
    HELP = 6


@dataclass(frozen=True, slots=True)
class RenderedSignature:
    """A signature with its values. `dropped` names the variables left out for want of a value."""

    text: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentences:
    phone: str
    email: str
    stop: str
    leads: dict[SignatureTemplate, str]


# French keeps to é, É and à, which are in GSM-7; one ê or ç would turn the whole message to UCS-2.
_SENTENCES = {
    Language.EN: _Sentences(
        phone="Call |DEPARTMENT_PHONE_NUMBER|.",
        email="Email |DEPARTMENT_EMAIL|.",
        stop="Reply STOP to unsubscribe.",
        leads={
            SignatureTemplate.SOMETHING_ELSE: "Need something else?",
            SignatureTemplate.MORE_INFO: "Looking for more information?",
            SignatureTemplate.QUESTION: "Have a question?",
            SignatureTemplate.CHAT: "Need to chat?",
            SignatureTemplate.HELP: "We're here to help!",
        },
    ),
    Language.FR: _Sentences(
        phone="Appelez le |DEPARTMENT_PHONE_NUMBER|.",
        email="Écrivez à |DEPARTMENT_EMAIL|.",
        stop="Répondez STOP pour vous désabonner.",
        leads={
            SignatureTemplate.SOMETHING_ELSE: "Besoin d'autre chose?",
            SignatureTemplate.MORE_INFO: "Besoin de plus d'information?",
            SignatureTemplate.QUESTION: "Une question?",
            SignatureTemplate.CHAT: "Envie de nous parler?",
            SignatureTemplate.HELP: "Nous sommes là pour vous aider!",
        },
    ),
}


def signature_text(template: SignatureTemplate, language: Language) -> str:
    """The template as users choose it, with its variables unfilled."""
    sentences = _SENTENCES[language]
    if template is SignatureTemplate.NO_DISPLAY:
        return sentences.stop
    return " ".join((sentences.leads[template], sentences.phone, sentences.email, sentences.stop))


@lru_cache(maxsize=1024)
def render_signature(
    template: SignatureTemplate, phone: str | None, email: str | None, language: Language
) -> RenderedSignature:
    """The signature with a department's phone number and e-mail, both as they shall be read.

    A missing value drops its sentence. Where both are missing the opening goes as well, because
    "Need something else? Reply STOP to unsubscribe." would tell people to leave.
    """
    sentences = _SENTENCES[language]
    if template is SignatureTemplate.NO_DISPLAY:
        return RenderedSignature(sentences.stop, ())
    contacts = []
    dropped = []
    for name, sentence, value in (
        ("DEPARTMENT_PHONE_NUMBER", sentences.phone, phone),
        ("DEPARTMENT_EMAIL", sentences.email, email),
    ):
        if clean_value(value):
            contacts.append(fill(sentence, {name: value}))
        else:
            dropped.append(name)
    opening = [sentences.leads[template]] if contacts else []
    return RenderedSignature(" ".join([*opening, *contacts, sentences.stop]), tuple(dropped))
