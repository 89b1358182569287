"""The life of a mass message, and what an operator may do to it when."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from outbound_sms.domain.errors import Reason, WrongState


class MassMessageState(IntEnum):
    """EXPANDING: recipients are being written. SENDING: all are written, texts are leaving.
    PAUSED: neither goes on. CANCELLED: what had not left never will; final. FINISHED: every text
    has reached an end, or waits to be requeued for lack of funds; requeueing makes it SENDING.
    """

    EXPANDING = 1
    SENDING = 2
    PAUSED = 3
    CANCELLED = 4
    FINISHED = 5


class MassMessageVerb(StrEnum):
    """What an operator can do to a running mass message."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


# Resuming always starts at EXPANDING: a pause may have come before the last recipient was written.
# Where none is left the expansion ends at once, so nobody is lost and nothing is done twice.
# A verb whose work is done already leaves the state as it is, so that a repeated call succeeds.
TRANSITIONS: Mapping[MassMessageVerb, Mapping[MassMessageState, MassMessageState]] = {
    MassMessageVerb.PAUSE: {
        MassMessageState.EXPANDING: MassMessageState.PAUSED,
        MassMessageState.SENDING: MassMessageState.PAUSED,
        MassMessageState.PAUSED: MassMessageState.PAUSED,
    },
    MassMessageVerb.RESUME: {
        MassMessageState.PAUSED: MassMessageState.EXPANDING,
        MassMessageState.EXPANDING: MassMessageState.EXPANDING,
        MassMessageState.SENDING: MassMessageState.SENDING,
    },
    MassMessageVerb.CANCEL: {
        MassMessageState.EXPANDING: MassMessageState.CANCELLED,
        MassMessageState.SENDING: MassMessageState.CANCELLED,
        MassMessageState.PAUSED: MassMessageState.CANCELLED,
        MassMessageState.CANCELLED: MassMessageState.CANCELLED,
    },
}


def transition(state: MassMessageState, verb: MassMessageVerb) -> MassMessageState:
    """The state after the verb, the same one where there is nothing left for it to do.

    Raises WrongState, which names the states that the verb works in.
    """
    after = TRANSITIONS[verb].get(state)
    if after is not None:
        return after
    starts = " or ".join(start.name for start in TRANSITIONS[verb])
    raise WrongState(
        Reason.MASS_MESSAGE_STATE,
        f"the mass message is {state.name}; only one that is {starts} can be told to {verb}",
        state=state.name,
        verb=verb.value,
    )
