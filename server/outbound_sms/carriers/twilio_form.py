"""The form that submits a text to Twilio. Source of its fields: Twilio, "Messages resource"."""

import re
from functools import lru_cache
from urllib.parse import quote_plus

from outbound_sms.carriers.carrier import Submission

# Seconds that Twilio takes for ValidityPeriod. Source: Twilio, "Messages resource" and error 21624.
_SHORTEST_VALIDITY, _LONGEST_VALIDITY = 1, 36_000

# Few bodies and senders are different, and of an address few characters need quoting. Quoting all
# of them anew took an eighth of the time of a call.
_quote = lru_cache(maxsize=4096)(quote_plus)
_QUOTED_IN_ADDRESS = re.compile(r"[^A-Za-z0-9_.~-]")


def encode(submission: Submission) -> bytes:
    """The body of the POST that submits a text, from a number or through a Messaging Service.

    The validity is kept within what Twilio takes: it keeps no text in its queue for longer anyway.
    """
    sender = _quote(submission.sender)
    form = f"To={quote_plus(submission.recipient)}&Body={_quote(submission.body)}"
    if submission.sender.startswith("MG"):
        # A sender pool may replace characters unless told not to, and a body that was changed
        # would not be recognised by the look-up.
        form += f"&MessagingServiceSid={sender}&SmartEncoded=false"
    else:
        form += f"&From={sender}"
    if submission.status_callback_url is not None:
        address = _QUOTED_IN_ADDRESS.sub(lambda m: _quote(m[0]), submission.status_callback_url)
        form += f"&StatusCallback={address}"
    if submission.valid_for_seconds is not None:
        seconds = min(max(submission.valid_for_seconds, _SHORTEST_VALIDITY), _LONGEST_VALIDITY)
        form += f"&ValidityPeriod={seconds}"
    return form.encode("ascii")
