"""The words and phrases by which people leave, come back, or ask for help.

All are written as `keyword` reads a text, in capitals without accents and apostrophes, by the code
of their language. The English words of STOP are those of 47 CFR 64.1200(a)(10) and of the CTIA's
messaging principles, the French ones those of Canadian carriers. The phrases are what a "reasonable
person" of the same rule understands; what is missing among them is kept for a person to read.
"""

from collections.abc import Mapping

STOP_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": (
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
    ),
    "fr": ("ARRET", "ARRETE", "ARRETER", "ARRETEZ", "ARRETT", "DESABONNER"),
    "es": ("ALTO", "PARAR", "BASTA", "NO MAS"),
}
"""Each alone, or first or last in a short text."""

START_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("START", "UNSTOP"),
    "fr": ("COMMENCER",),
}
"""Each alone only. YES and OPTIN are not among them: people say yes to much else, and carriers do
not lift their own block for them."""

HELP_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("HELP", "HELP ME", "INFO"),
    "fr": ("AIDE", "AIDEZ MOI"),
    "es": ("AYUDA", "AYUDENME"),
}
"""Each alone only."""

STOP_PHRASES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "TAKE ME OFF",
        "TAKE US OFF",
        "REMOVE ME",
        "REMOVE US",
        "REMOVE MY NUMBER",
        "UNSUBSCRIBE ME",
        "OPT ME OUT",
        "LEAVE ME ALONE",
        "LEAVE US ALONE",
        "WRONG NUMBER",
    ),
    "fr": (
        "RETIREZ MOI",
        "ENLEVEZ MOI",
        "DESABONNEZ MOI",
        "LAISSEZ MOI TRANQUILLE",
        "MAUVAIS NUMERO",
        "NE MENVOYEZ PLUS",
        "NE MECRIVEZ PLUS",
        "NE ME CONTACTEZ PLUS",
        "NE ME TEXTEZ PLUS",
    ),
    "es": ("NUMERO EQUIVOCADO", "DEJEME EN PAZ", "DEJENME EN PAZ", "NO ME MANDEN", "NO ME ENVIEN"),
}
"""Each anywhere in a text."""

REFUSALS: Mapping[str, tuple[str, ...]] = {
    "en": ("STOP", "QUIT", "DONT", "DON T", "DO NOT", "NO MORE"),
    "fr": ("ARRETEZ", "ARRETER", "ARRETE DE", "CESSEZ"),
    "es": ("DEJEN DE", "DEJE DE", "BASTA DE"),
}
"""Each anywhere in a text that later has a word which begins as one of `TEXTING` does."""

TEXTING = ("TEXT", "MESSAG", "SEND", "CONTACT", "ENVOY", "ENVIAR", "MANDAR", "MENSAJE")
"""How the words for texting somebody begin."""

PROFANITIES = (
    "FUCK",
    "FCK",
    "FKN",
    "FKING",
    "SHIT",
    "BULLSHIT",
    "BITCH",
    "ASSHOLE",
    "DAMN",
    "GODDAMN",
    "WTF",
    "MERDE",
    "TABARNAK",
    "CALISSE",
    "MIERDA",
)
"""How swear words begin; with STOP anywhere in the same text they leave no doubt."""

STOP_SIGN = "\N{OCTAGONAL SIGN}"
"""Alone it is a stop, once or repeated."""
