from random import Random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.keyword import Keyword, Meaning, read_keyword
from outbound_sms.domain.language import Language

STOP_EN = (
    "STOP",
    "STOPALL",
    "STOP ALL",
    "QUIT",
    "END",
    "REVOKE",
    "OPTOUT",
    "OPT OUT",
    "CANCEL",
    "UNSUBSCRIBE",
    "UNSUB",
    "REMOVE",
)
STOP_FR = ("ARRET", "ARRÊT", "ARRETE", "ARRÊTE", "ARRETER", "ARRETEZ", "ARRETT", "DÉSABONNER")
STOP_ES = ("ALTO", "PARAR", "BASTA", "NO MAS", "NO MÁS")
WORDS = {
    **dict.fromkeys(STOP_EN + STOP_ES, Keyword(Meaning.STOP, Language.EN)),
    **dict.fromkeys(STOP_FR, Keyword(Meaning.STOP, Language.FR)),
    **dict.fromkeys(("START", "UNSTOP"), Keyword(Meaning.START, Language.EN)),
    "COMMENCER": Keyword(Meaning.START, Language.FR),
    **dict.fromkeys(
        ("HELP", "HELP ME", "INFO", "AYUDA", "AYUDENME"), Keyword(Meaning.HELP, Language.EN)
    ),
    **dict.fromkeys(("AIDE", "AIDEZ MOI"), Keyword(Meaning.HELP, Language.FR)),
}
UNCLEAR = Keyword(Meaning.UNCLEAR, Language.EN)

# What phones put around a word, and what hides in it when it is copied.
AROUND = st.text(
    " \t\n.,;:!?-_()[]\"'*#/&\u2019\u201c\u201d\u2026\u00a0\u200b\ufe0f😀👍", max_size=8
)


@pytest.mark.parametrize(("word", "keyword"), WORDS.items())
def test_every_keyword_is_read_with_its_language(word: str, keyword: Keyword) -> None:
    assert read_keyword(word) == keyword


@given(st.sampled_from(sorted(WORDS)), AROUND, AROUND, st.randoms(use_true_random=False))
def test_case_and_what_stands_around_a_keyword_never_matter(
    word: str, before: str, after: str, random: Random
) -> None:
    mixed = "".join(random.choice((c.upper(), c.lower())) for c in word)
    assert read_keyword(f"{before}{mixed}{after}") == WORDS[word]


@pytest.mark.parametrize(
    "text",
    [
        " stop. ",
        "STOP\n",
        "\tStop\r\n",
        "stop!!!",
        '"STOP"',
        "Stop texting me",
        "OPT-OUT",
        "opt–out",
        "Opt_Out",
        "S.T.O.P.",
        "S\u200bT\u200bO\u200bP",
        "ST\u200bOP,please",
        "ＳＴＯＰ",
        "ｏｐｔ　ｏｕｔ",
        "𝐒𝐓𝐎𝐏",
        "𝓼𝓽𝓸𝓹",
        "ⓢⓣⓞⓟ",
        "S\u0301T\u0308OP",
        "no ma\u0301s",
        "ALTO!",
        "STOP 🙏",
        "🛑",
        "🛑🛑🛑",
        " 🛑\ufe0f! ",
    ],
)
def test_a_stop_is_read_however_it_is_written(text: str) -> None:
    assert read_keyword(text) == Keyword(Meaning.STOP, Language.EN)


@pytest.mark.parametrize(
    "text",
    [
        "STOP PLEASE",
        "please stop",
        "Please, STOP!",
        "stop,please",
        "STOP/ARRET",
        "please opt out",
        "opt out please",
        "I want to unsubscribe",
        "no mas mensajes por favor",
        "stop " * 100,
        "please stop texting me",
        "please stop sending me all of these messages every single day",
        "I really want you all to quit contacting my family and me",
        "I would like you to stop",
        "Don't text me",
        "Don t text me any more about this, I am no customer",
        "Look,don't text me any more about this, I am no customer",
        "Don’t ever message this phone again or else",
        "dont send any more of these to me please, thank you",
        "don´t contact my mother about her account ever again",
        "DO NOT SEND me anything else about this, thank you",
        "No more messages about somebody else's account, thanks a lot",
        "Could you take me off of whatever list this is",
        "take us off your list of customers please, thank you",
        "could you please remove me from whatever list this is",
        "please remove my number from your list of customers today",
        "Would you kindly unsubscribe me from this list right now",
        "please opt me out of all of these, thank you",
        "just leave me alone, I have no account with you",
        "I think that you have got the wrong number",
        "Sorry, wrong number",
        "stop this shit right now, I have told you so many times",
        "I swear to God, will you fucking people ever stop with this",
        "numero equivocado",
        "Por favor ya no me manden nada, no soy cliente de ustedes",
        "por favor dejen de enviar mensajes a este número",
    ],
)
def test_what_a_reasonable_person_takes_for_a_stop_is_one(text: str) -> None:
    assert read_keyword(text) == Keyword(Meaning.STOP, Language.EN)


@pytest.mark.parametrize(
    "text",
    [
        "Arrêtez s'il vous plaît",
        "arrêtez de m'envoyer des textos à toute heure de la nuit",
        "Bonjour, veuillez cesser... CESSEZ de me texter ou de m'envoyer quoi que ce soit",
        "Ne m'envoyez plus rien du tout, je ne suis pas votre client",
        "Bonjour,ne m´envoyez plus rien du tout, je ne suis pas client",
        "Ne m’écrivez plus à ce numéro, je ne suis pas votre client",
        "Bonjour, vous avez le mauvais numéro, je ne suis pas client",
        "Retirez-moi de votre liste s'il vous plaît, je ne suis pas client",
        "Désabonnez-moi de votre liste s'il vous plaît, je ne suis pas client",
        "laissez-moi tranquille, je ne suis pas du tout votre client",
    ],
)
def test_a_stop_in_french_words_is_answered_in_french(text: str) -> None:
    assert read_keyword(text) == Keyword(Meaning.STOP, Language.FR)


@pytest.mark.parametrize(
    "text",
    [
        "bus stop",
        "cancel my appointment tomorrow",
        "When does the outage end?",
        "don't stop",
        "Do not forget to send the bill to my new address please",
    ],
)
def test_stop_is_over_eager_on_purpose(text: str) -> None:
    assert read_keyword(text) == Keyword(Meaning.STOP, Language.EN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "?",
        "\u200b",
        "👍",
        "Thanks!",
        "ok",
        "555-0101",
        "we will stop by at 5",
        "I would like it all to stop",
        "Will your technician stop by this afternoon or tomorrow morning?",
        "My internet stopped working last night, please contact me",
        "It is quite slow here, can you send somebody over to check",
        "I texted you, and your office did not answer, so do not bother",
        "At the end of the month I will pay all of it",
        "nonstop outages since you sent those messages to all of us",
        "unstoppable",
        "stopped",
        "weekend",
        "recommencer",
        "I saw a 🛑 on my screen",
        "damn, that was fast",
        "Je ne reçois plus vos messages depuis hier",
        "no me funciona el internet",
    ],
)
def test_what_is_no_keyword_is_left_to_a_person(text: str) -> None:
    assert read_keyword(text) == UNCLEAR


@pytest.mark.parametrize(
    "text",
    ["YES", "opt in", "OPTIN", "start please", "please start", "START HELP", "restart"],
)
def test_neither_a_start_nor_a_help_is_guessed(text: str) -> None:
    assert read_keyword(text) == UNCLEAR


@pytest.mark.parametrize(
    "text", ["START STOP", "stop start", "STOP HELP", "help, stop", "UNSTOP?STOP", "aide arret"]
)
def test_stop_beats_start_and_help(text: str) -> None:
    assert read_keyword(text).meaning is Meaning.STOP


@pytest.mark.parametrize("text", ["UNSTOP", "un-stop", "Un\u2011Stop", "unstop."])
def test_unstop_is_a_start_though_stop_is_in_it(text: str) -> None:
    assert read_keyword(text).meaning is Meaning.START


@given(st.text() | st.text(st.characters(exclude_categories=())))
def test_no_text_raises(text: str) -> None:
    assert read_keyword(text).language in Language


@given(st.text(), st.sampled_from(STOP_EN))
def test_after_a_stop_and_its_like_a_word_for_texting_is_always_a_stop(
    text: str, word: str
) -> None:
    assert read_keyword(f"stop {text} texting").meaning is Meaning.STOP
    assert read_keyword(f"{word} please").meaning is Meaning.STOP


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a" * 10_000, Meaning.UNCLEAR),
        ("blah " * 2_000, Meaning.UNCLEAR),
        ("don't " * 1_666, Meaning.UNCLEAR),
        ("take me " * 1_250, Meaning.UNCLEAR),
        ("stop it " * 1_250, Meaning.UNCLEAR),
        ("stop " + "blah " * 1_997 + "texts", Meaning.STOP),
        (" " * 9_996 + "stop", Meaning.STOP),
        ("." * 9_996 + "stop", Meaning.STOP),
        ("e" + "\u0301" * 9_999, Meaning.UNCLEAR),
    ],
)
def test_a_text_of_10_000_characters_is_read_at_once(text: str, meaning: Meaning) -> None:
    begin = perf_counter()
    assert read_keyword(text).meaning is meaning
    assert perf_counter() - begin < 1
