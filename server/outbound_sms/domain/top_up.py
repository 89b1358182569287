"""Top-ups: how much one may charge, in which currencies, and when the gateway is asked again."""

from datetime import timedelta
from enum import IntEnum

from outbound_sms.domain.currency import CURRENCIES

CENT_MICROS = 10_000
LARGEST_AMOUNT_MICROS = 1_000_000_000_000
NEVER_CHARGED = "never_charged"
"""Failure code of a top-up that the gateway, asked late, has never heard of."""

KEY_KEPT = timedelta(hours=23)
"""How long after its first charge a top-up may be asked for again with its key. Gateways forget
keys after 24 hours and would then charge a second time (Stripe's reference, "Idempotent requests").
"""

BELIEVED_MISSING = timedelta(hours=25)
"""How long after its first charge a gateway is believed that there is no payment. Its search may
lag an hour behind, and the last charge may have been asked for at the end of `KEY_KEPT`."""

BACK_OFF_SECONDS = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Pause after the first, second ... answer that settles nothing; the last for all that follow."""

# ISO 4217 gives these no decimals or three, or fifths; some gateways count them differently again.
_NO_HUNDREDTHS = """
BHD BIF CLP DJF GNF IQD ISK JOD JPY KMF KRW KWD LYD MGA MRU OMR PYG RWF TND UGX VND VUV XAF XOF XPF
"""

CHARGEABLE_CURRENCIES = CURRENCIES.difference(_NO_HUNDREDTHS.split())
"""Currencies whose smallest unit is a hundredth, as amounts in whole cents assume."""


class TopUpState(IntEnum):
    """What became of a top-up: 1 to 2, then 3 or 4."""

    OPEN = 1
    CHARGING = 2
    SUCCEEDED = 3
    FAILED = 4


def check_top_up_amount(micros: int) -> str | None:
    """What is wrong with an amount to charge, None when nothing is."""
    if not 0 < micros <= LARGEST_AMOUNT_MICROS:
        return f"must be {CENT_MICROS:,} (a cent) to {LARGEST_AMOUNT_MICROS:,} micros"
    if micros % CENT_MICROS:
        return f"is not in whole cents; give a multiple of {CENT_MICROS:,} micros"
    return None


def pause_seconds(attempts: int) -> float:
    """Seconds until the gateway is asked again, after the `attempts`-th time, from 1."""
    return BACK_OFF_SECONDS[min(attempts, len(BACK_OFF_SECONDS)) - 1]
