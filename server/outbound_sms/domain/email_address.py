"""E-mail addresses, as far as a rule can tell a usable one from a typing error."""

import re

LONGEST = 254

# One @ between a local part and a host name with a dot. Whether mail arrives only sending can tell.
_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])?"
)

ADVICE = "is not an e-mail address; give one such as support@example.com"


def is_email_address(text: str) -> bool:
    """Whether the text is one e-mail address of at most 254 characters, without a display name."""
    return len(text) <= LONGEST and text.isprintable() and _ADDRESS.fullmatch(text) is not None
