"""What an event came to, in words."""

import pytest

from outbound_sms.cli.fire_words import TEXTED, advice, headline, outcome_name
from outboundsms.v1 import triggers_pb2

OUTCOMES = sorted(set(triggers_pb2.FireOutcome.values()) - {0})


def result(*outcomes: int) -> triggers_pb2.FireResult:
    found = triggers_pb2.FireResult(
        outcome=triggers_pb2.FireOutcome.ValueType(min(outcomes, default=9))
    )
    for place, each in enumerate(outcomes):
        made = [f"text-{place}"] if each in TEXTED else []
        found.triggered_messages.add(
            triggered_message_id=f"id-{place}",
            outcome=triggers_pb2.FireOutcome.ValueType(each),
            message_ids=made,
        )
    return found


def test_every_outcome_has_its_words() -> None:
    assert all(not outcome_name(each).startswith("Outcome") for each in OUTCOMES)
    assert outcome_name(99) == "Outcome 99"


@pytest.mark.parametrize("outcome", [each for each in OUTCOMES if each not in TEXTED])
def test_where_nothing_was_made_it_says_what_to_do(outcome: int) -> None:
    nothing = outcome == triggers_pb2.FIRE_OUTCOME_NO_TRIGGERED_MESSAGE
    found = result() if nothing else result(outcome)
    assert headline(found).startswith("Nothing was made: ")
    [(_, words)] = advice(found, "PAYMENT_FAILURE", {"id-0": "Don't forget"})
    told = ("outbound-sms trigger", "fire again with the same key")
    assert any(each in words for each in told)
    assert "{" not in words


def test_a_name_is_quoted_for_the_shell() -> None:
    found = result(triggers_pb2.FIRE_OUTCOME_DISABLED)
    [(name, words)] = advice(found, "PAYMENT_FAILURE", {"id-0": "Don't forget"})
    assert name == "Don't forget"
    assert """'Don'"'"'t forget' --enable""" in words


def test_texts_are_counted_over_all_triggered_messages() -> None:
    found = result(triggers_pb2.FIRE_OUTCOME_FIRED, triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED)
    assert headline(found) == "Fired: 2 texts"
    once = result(triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED, triggers_pb2.FIRE_OUTCOME_DISABLED)
    assert headline(once) == "Already fired: 1 text"


def test_without_a_name_the_id_is_shown() -> None:
    [(name, words)] = advice(result(triggers_pb2.FIRE_OUTCOME_COUNT_DIFFERS), "X", {})
    assert name == "id-0"
    assert "trigger show id-0" in words
