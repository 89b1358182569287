"""POST /v1/payment_intents: what the sandbox charges, declines, and breaks on purpose."""

import asyncio
from typing import assert_never
from urllib.parse import parse_qsl

from aiohttp import web

from outbound_sms.payments.sandbox import payment_methods
from outbound_sms.payments.sandbox.answers import (
    SERVER_ERROR,
    THROTTLED,
    Answer,
    error,
    invalid,
)
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.payments.sandbox.faults import CHARGING, Fault
from outbound_sms.payments.sandbox.idempotency import Keys
from outbound_sms.payments.sandbox.intent_form import IntentForm, read_form
from outbound_sms.payments.sandbox.payments import Payments
from outbound_sms.sandbox_faults import RequestedFaults, drop

_MAX_FIELDS = 100
_LONGEST_KEY = 255


class Charges:
    """Handles requests to charge."""

    def __init__(
        self,
        config: SandboxConfig,
        payments: Payments,
        keys: Keys,
        faults: RequestedFaults[Fault],
    ) -> None:
        self._config = config
        self._payments = payments
        self._keys = keys
        self._faults = faults
        self._met: set[str] = set()
        self.requests = 0

    async def create(self, request: web.Request) -> web.StreamResponse:
        """The handler of POST /v1/payment_intents."""
        self.requests += 1
        try:
            raw = (await request.read()).decode("utf-8")
            form = dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            return invalid("The body is not a form.").response()
        key = request.headers.get("Idempotency-Key")
        if key is not None and not 0 < len(key) <= _LONGEST_KEY:
            return invalid("Idempotency keys have up to 255 characters.").response()
        fault = self._fault(form.get("payment_method", ""), key)
        if fault is not None and fault not in CHARGING:
            return _fail(request, fault)
        if key is not None:
            identity = (request.path, tuple(sorted(form.items())))
            recalled = self._keys.recall(key, identity)
            if recalled is not None:
                return await self._answer(request, *recalled, fault)
        wanted = read_form(form)
        if isinstance(wanted, Answer):
            return wanted.response()
        if key is not None:
            self._keys.begin(key, identity)
        answer = self._charge(wanted, key)
        await asyncio.sleep(self._config.latency)
        if fault is Fault.ERROR_STORED:
            answer = SERVER_ERROR
        if fault is Fault.LATE:
            await asyncio.sleep(self._config.late_seconds)
        if key is not None:
            self._keys.store(key, answer)
        return await self._answer(request, answer, False, fault)

    def _fault(self, payment_method: str, key: str | None) -> Fault | None:
        requested = self._faults.next(payment_method)
        if requested is not None:
            return requested
        own = payment_methods.FAULTS.get(payment_method)
        if own is None or key is None or key in self._met or self._keys.is_known(key):
            return None
        self._met.add(key)
        return own

    def _charge(self, wanted: IntentForm, key: str | None) -> Answer:
        method = wanted.payment_method or ""
        decline = payment_methods.DECLINES.get(method)
        if not wanted.confirm:
            status = "requires_confirmation" if method else "requires_payment_method"
        elif decline is not None:
            status = "requires_payment_method"
        else:
            status = "processing" if method == payment_methods.PROCESSING else "succeeded"
        payment = self._payments.add(
            amount=wanted.amount,
            currency=wanted.currency,
            customer=wanted.customer,
            payment_method=wanted.payment_method,
            metadata=wanted.metadata,
            idempotency_key=key,
            status=status,
        )
        if not wanted.confirm or decline is None:
            return Answer(200, payment.resource())
        code, decline_code = decline
        declined = error(
            402, "card_error", "Your card was declined.", code=code, decline_code=decline_code
        )
        payment.error = dict(declined.body["error"])
        declined.body["error"]["payment_intent"] = payment.resource()
        return declined

    async def _answer(
        self, request: web.Request, answer: Answer, replayed: bool, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is Fault.ANSWER_LOST:
            return drop(request)
        if fault is Fault.ERROR_AFTER:
            return SERVER_ERROR.response()
        if not replayed:
            return answer.response()
        if fault is Fault.LATE:
            await asyncio.sleep(self._config.late_seconds)
        return answer.response(Idempotent_Replayed="true")


def _fail(request: web.Request, fault: Fault) -> web.StreamResponse:
    match fault:
        case Fault.DROP:
            return drop(request)
        case Fault.ERROR_BEFORE:
            return SERVER_ERROR.response()
        case Fault.THROTTLED:
            return THROTTLED.response()
        case Fault.ANSWER_LOST | Fault.LATE | Fault.ERROR_AFTER | Fault.ERROR_STORED:
            raise AssertionError(fault)
        case _:
            assert_never(fault)
