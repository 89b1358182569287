"""What an event came to, in words, and what to do where nothing was texted."""

import shlex
from collections.abc import Mapping
from typing import Final

from outboundsms.v1 import triggers_pb2

TEXTED: Final = (triggers_pb2.FIRE_OUTCOME_FIRED, triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED)
"""Outcomes for which there are texts."""

_HEADS: Mapping[int, str] = {
    triggers_pb2.FIRE_OUTCOME_FIRED: "Fired",
    triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED: "Already fired",
    triggers_pb2.FIRE_OUTCOME_NOBODY_OPTED_IN: "Nobody opted in",
    triggers_pb2.FIRE_OUTCOME_CHILD_ACCOUNT: "Child account",
    triggers_pb2.FIRE_OUTCOME_COMPANY_DISABLED: "Company disabled",
    triggers_pb2.FIRE_OUTCOME_COUNT_DIFFERS: "Count differs",
    triggers_pb2.FIRE_OUTCOME_JOB_TYPE_DIFFERS: "Job type differs",
    triggers_pb2.FIRE_OUTCOME_DISABLED: "Disabled",
    triggers_pb2.FIRE_OUTCOME_NO_TRIGGERED_MESSAGE: "No triggered message",
}
# What it means, and what to do about it. {name} is the triggered message, quoted for a shell.
_SENTENCES: Mapping[int, str] = {
    triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED: (
        "This event key was fired before; nothing new was made."
    ),
    triggers_pb2.FIRE_OUTCOME_NOBODY_OPTED_IN: (
        "No contact of the account with one of its message categories has an opted-in number that "
        "takes texts. Opt one in, then fire again with the same key."
    ),
    triggers_pb2.FIRE_OUTCOME_CHILD_ACCOUNT: (
        "The account has a parent account. To text those too: outbound-sms trigger update {name} "
        "--allow-child-accounts"
    ),
    triggers_pb2.FIRE_OUTCOME_COMPANY_DISABLED: (
        "The company of the account is disabled. Enable it, then fire again with the same key."
    ),
    triggers_pb2.FIRE_OUTCOME_COUNT_DIFFERS: (
        "It is for another count. To see which: outbound-sms trigger show {name}"
    ),
    triggers_pb2.FIRE_OUTCOME_JOB_TYPE_DIFFERS: (
        "It is for another type of job. To see which: outbound-sms trigger show {name}"
    ),
    triggers_pb2.FIRE_OUTCOME_DISABLED: (
        "It is disabled. To enable it: outbound-sms trigger update {name} --enable"
    ),
}
_NO_TRIGGERED_MESSAGE = (
    "Nothing is set up for {trigger_type}: outbound-sms trigger create NAME --type {trigger_type} "
    "--enable"
)


def outcome_name(outcome: int) -> str:
    """The outcome in two words."""
    return _HEADS.get(outcome, f"Outcome {outcome}")


def texts_of(result: triggers_pb2.FireResult) -> list[str]:
    """The ids of its texts, of all triggered messages."""
    return [each for one in result.triggered_messages for each in one.message_ids]


def count_texts(number: int) -> str:
    """`1 text` or `7 texts`."""
    return f"{number:,} text{'' if number == 1 else 's'}"


def headline(result: triggers_pb2.FireResult) -> str:
    """What the whole event came to."""
    head = outcome_name(result.outcome)
    if result.outcome in TEXTED:
        return f"{head}: {count_texts(len(texts_of(result)))}"
    return f"Nothing was made: {head[0].lower()}{head[1:]}"


def advice(
    result: triggers_pb2.FireResult, trigger_type: str, names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """A line for each triggered message: its name, and what the event came to for it.

    `names` has the names by id; where one is missing its id is shown.
    """
    if not result.triggered_messages:
        return [("", _NO_TRIGGERED_MESSAGE.format(trigger_type=trigger_type))]
    found = []
    for each in result.triggered_messages:
        name = names.get(each.triggered_message_id, each.triggered_message_id)
        words = _SENTENCES.get(each.outcome, f"{outcome_name(each.outcome)}.")
        found.append((name, words.format(name=shlex.quote(name))))
    return found
