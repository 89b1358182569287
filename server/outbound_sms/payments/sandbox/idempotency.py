"""Idempotency keys, as Stripe keeps them.

The first answer of a key is stored and given to each later request that is the same. What fails
before the charge begins is not stored, and the key stays free.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from outbound_sms.payments.sandbox.answers import Answer, error

Request = tuple[str, tuple[tuple[str, str], ...]]
"""What must be the same: the path and the sorted form."""

_IN_USE = error(
    409,
    "invalid_request_error",
    "There is another request in progress with this idempotency key.",
    code="idempotency_key_in_use",
)
_DIFFERENT = error(
    400,
    "idempotency_error",
    "Keys for idempotent requests can only be used with the parameters they were first used with.",
)


@dataclass(slots=True)
class _Use:
    request: Request
    began: float
    answer: Answer | None = None


class Keys:
    """The last `retained` keys, for `seconds` each."""

    def __init__(self, seconds: float, retained: int) -> None:
        self._seconds = seconds
        self._retained = retained
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self.replayed = 0

    def is_known(self, key: str) -> bool:
        """True when a request with the key has begun to charge and is remembered."""
        use = self._uses.get(key)
        if use is not None and time.monotonic() - use.began > self._seconds:
            del self._uses[key]
            use = None
        return use is not None

    def recall(self, key: str, request: Request) -> tuple[Answer, bool] | None:
        """The answer that the key decides, and whether it is a stored one; None for a new key."""
        if not self.is_known(key):
            return None
        use = self._uses[key]
        if use.request != request:
            return _DIFFERENT, False
        if use.answer is None:
            return _IN_USE, False
        self.replayed += 1
        return use.answer, True

    def begin(self, key: str, request: Request) -> None:
        """The key is in use from now on."""
        self._uses[key] = _Use(request, time.monotonic())
        if len(self._uses) > self._retained:
            self._uses.popitem(last=False)

    def store(self, key: str, answer: Answer) -> None:
        """The key is answered so from now on."""
        if key in self._uses:
            self._uses[key].answer = answer
