from itertools import product

import pytest

from outbound_sms.domain.errors import Reason, WrongState
from outbound_sms.domain.mass_message import MassMessageState, MassMessageVerb, transition

LEGAL = {
    (MassMessageState.EXPANDING, MassMessageVerb.PAUSE): MassMessageState.PAUSED,
    (MassMessageState.SENDING, MassMessageVerb.PAUSE): MassMessageState.PAUSED,
    (MassMessageState.PAUSED, MassMessageVerb.RESUME): MassMessageState.EXPANDING,
    (MassMessageState.EXPANDING, MassMessageVerb.CANCEL): MassMessageState.CANCELLED,
    (MassMessageState.SENDING, MassMessageVerb.CANCEL): MassMessageState.CANCELLED,
    (MassMessageState.PAUSED, MassMessageVerb.CANCEL): MassMessageState.CANCELLED,
    (MassMessageState.PAUSED, MassMessageVerb.PAUSE): MassMessageState.PAUSED,
    (MassMessageState.EXPANDING, MassMessageVerb.RESUME): MassMessageState.EXPANDING,
    (MassMessageState.SENDING, MassMessageVerb.RESUME): MassMessageState.SENDING,
    (MassMessageState.CANCELLED, MassMessageVerb.CANCEL): MassMessageState.CANCELLED,
}


@pytest.mark.parametrize(("state", "verb"), list(product(MassMessageState, MassMessageVerb)))
def test_each_verb_works_from_its_states_and_from_no_other(
    state: MassMessageState, verb: MassMessageVerb
) -> None:
    if (state, verb) in LEGAL:
        assert transition(state, verb) is LEGAL[state, verb]
        return
    with pytest.raises(WrongState) as refused:
        transition(state, verb)
    assert refused.value.reason is Reason.MASS_MESSAGE_STATE
    assert refused.value.metadata == {"state": state.name, "verb": verb.value}


def test_the_refusal_says_from_which_states_the_verb_works() -> None:
    with pytest.raises(
        WrongState, match="is FINISHED; only one that is EXPANDING or SENDING or PAUSED "
    ):
        transition(MassMessageState.FINISHED, MassMessageVerb.PAUSE)
