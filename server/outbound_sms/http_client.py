"""HTTP sessions to carriers and payment gateways, which must not be asked twice by accident.

A call that breaks is only sure to have done nothing when it broke before its first byte.
"""

import aiohttp

from outbound_sms.guarded_request import GuardedRequest

BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)
"""Raised before the first byte of a request is written. TLS and DNS failures are connector errors.
"""


def open_session(
    *,
    connections: int,
    total_timeout: float,
    connect_timeout: float,
    keepalive: float,
    headers: dict[str, str],
) -> aiohttp.ClientSession:
    """A session of at most `connections`, whose POSTs heed `guarded_request.start_by`.

    Times in seconds. `connect_timeout` includes the wait for a free connection; it must be less
    than `total_timeout`, which would hide whether anything was sent. `keepalive` must be shorter
    than the peer's, or a POST may meet a connection that is being closed.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=keepalive),
        timeout=aiohttp.ClientTimeout(total=total_timeout, connect=connect_timeout),
        headers={"Accept": "application/json", "User-Agent": "outbound-sms", **headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=GuardedRequest,
    )
