"""A subscriber's phone that texts back, played by the sandbox carrier."""

import aiohttp

from outbound_sms.cli.demo.step import DemoFailed
from outbound_sms.cli.stack import SandboxAccess


class Handset:
    """Texts to a number of ours through the sandbox, which calls the server as a carrier would."""

    def __init__(self, sandbox: SandboxAccess) -> None:
        self._url = f"{sandbox.url}/sandbox/inbound"
        self._authorization = aiohttp.encode_basic_auth(sandbox.account_sid, sandbox.auth_token)

    async def text(self, sender: str, recipient: str, body: str) -> None:
        """Returns when the server has stored the text and acted on it.

        `sender` is the subscriber's number, `recipient` ours, both E.164. Raises DemoFailed when
        the server did not take it.
        """
        text = {"from": sender, "to": recipient, "body": body}
        async with (
            aiohttp.ClientSession(headers={"Authorization": self._authorization}) as session,
            session.post(self._url, json=text) as response,
        ):
            answer = await response.json()
        if response.status != 200 or answer["status"] != 200:
            said = answer.get("error") or f"the server answered {answer.get('status')}"
            raise DemoFailed(f"The text {body!r} of {sender} was not taken: {said}.")
