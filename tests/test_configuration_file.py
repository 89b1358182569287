"""What a TOML file may say of an address."""

import pytest

from outbound_sms.configuration_file import http_url


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "server.example.net",
        "ftp://host",
        "https://user@host",
        "https://@host",
        "https://user:word@host",
        "https://:word@host",
        "https://host?x=1",
        "https://host#x",
        "https://host:port",
        "https://host:0",
        "https://host:99999",
        "https://[::1",
        7,
    ],
)
def test_an_address_that_is_not_a_plain_http_address_is_refused(url: object) -> None:
    assert http_url(url) == "must be like https://HOST or https://HOST:PORT, without query or user"


@pytest.mark.parametrize(
    "url", ["https://server.example.net", "http://127.0.0.1:8080/", "https://[::1]:8443"]
)
def test_a_plain_http_address_is_taken(url: str) -> None:
    assert http_url(url) is None
