"""How sessions begin and end: binds, enquire_link, unbind, TLS, and octets that are no SMPP."""

import asyncio
import ssl
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import Accepted, InDoubt
from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from tests.carriers.harness import MakeSubmission
from tests.carriers.smpp.collected import Collected
from tests.carriers.smpp.conftest import Bound
from tests.carriers.smpp.npm_smsc import NpmSmsc, running_smsc
from tests.carriers.smpp.tls_files import make_tls_files
from tests.waiting import wait_until

NOTHING_KNOWN = "00000010000001ff0000000000000007"
TOO_SHORT = "0000000f000000150000000000000007"
DATA_SM = "00000010000001030000000000000007"
ALERT_NOTIFICATION = "00000010000001020000000000000007"


def sample(name: str) -> float:
    return REGISTRY.get_sample_value(f"outbound_sms_smpp_{name}", {"carrier": "smsc"}) or 0.0


async def test_enquire_link_is_answered_and_asked(smsc: NpmSmsc, bound: Bound) -> None:
    async with bound(enquire_link=0.1) as carrier:
        await smsc.command(request="enquire_link")
        await smsc.until("enquire_link_resp")
        await smsc.until("enquire_link", 3)
        assert carrier.bound == 1
    assert smsc.count("bind") == 1


async def test_a_session_whose_enquire_link_stays_unanswered_is_dropped_and_made_anew(
    smsc: NpmSmsc, bound: Bound
) -> None:
    async with bound(enquire_link=0.2, response_timeout=0.3):
        await smsc.set(enquireLink=False)
        began = time.monotonic()
        await smsc.until("close")
        assert time.monotonic() - began < 0.2 + 0.3 + 2
        await smsc.until("bind", 2)


def test_silence_is_noticed_within_30_seconds_by_default() -> None:
    config = SmppConfig("smsc", "smsc.example.net", "northwind", "secret")
    assert config.enquire_link + config.response_timeout <= 30


async def test_close_waits_for_answers_and_unbinds(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(delay=200)
    async with bound() as carrier:
        call = asyncio.create_task(carrier.submit(submission()))
        await smsc.until("submit")
        assert sample("in_window") == 1
    assert isinstance(await call, Accepted)
    await smsc.until("unbind")
    assert sample("in_window") == 0
    assert smsc.count("bind") == 1


async def test_an_unbind_of_the_smsc_is_answered_and_the_session_made_anew(
    smsc: NpmSmsc, bound: Bound
) -> None:
    async with bound() as carrier:
        await smsc.command(request="unbind")
        await smsc.until("unbind_resp")
        await smsc.until("bind", 2)
        await wait_until(lambda: carrier.bound == 1, describe="bound again")


async def test_several_binds_share_the_work(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    before = sample("bound")
    await smsc.set(otherwise="silent")
    async with bound(binds=2, window=2) as carrier:
        assert sample("bound") == before + 2
        assert carrier.capabilities.calls == 4
        calls = [asyncio.create_task(carrier.submit(submission())) for _ in range(4)]
        await smsc.until("submit", 4)
        assert sample("in_window") == 4
        await smsc.command(drop=True)
        assert all(isinstance(outcome, InDoubt) for outcome in await asyncio.gather(*calls))
    assert sample("bound") == before


@pytest.mark.parametrize("status", [0x0E, None])
async def test_a_bind_that_is_refused_or_not_answered_is_tried_again(
    smsc: NpmSmsc, arrivals: Collected, status: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    await smsc.set(bindStatus=status)
    config = SmppConfig(
        "smsc",
        "127.0.0.1",
        "northwind",
        "secret12",
        port=smsc.port,
        bind_timeout=0.2,
        reconnect_first=0.05,
    )
    before = sample("reconnects_total")
    carrier = SmppCarrier(config)
    carrier.connect(arrivals)
    try:
        await smsc.until("bind", 2)
        assert carrier.bound == 0
        await smsc.set(bindStatus=0)
        await wait_until(lambda: carrier.bound == 1, describe="bound")
    finally:
        await carrier.close()
    assert sample("reconnects_total") > before
    assert "secret12" not in capsys.readouterr().out + repr(config)


async def test_a_request_that_we_do_not_know_is_answered_with_a_generic_nack(
    smsc: NpmSmsc, bound: Bound
) -> None:
    async with bound() as carrier:
        await smsc.command(raw=ALERT_NOTIFICATION + NOTHING_KNOWN)
        [nack] = await smsc.until("generic_nack")
        assert (nack["status"], nack["sequence"]) == (0x03, 7)
        await smsc.command(raw=DATA_SM)
        [refused] = await smsc.until("data_sm_resp")
        assert refused["status"] == 0x66
        assert carrier.bound == 1
    assert smsc.count("bind") == 1


async def test_octets_that_are_no_smpp_end_the_session(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    async with bound() as carrier:
        await smsc.command(raw=TOO_SHORT)
        await smsc.until("generic_nack")
        await smsc.until("bind", 2)
        await wait_until(lambda: carrier.bound == 1, describe="bound again")
        assert isinstance(await carrier.submit(submission()), Accepted)


async def test_tls_is_checked_against_the_host_and_the_authority(
    tmp_path: Path, submission: MakeSubmission, arrivals: Collected
) -> None:
    ca_file = make_tls_files(tmp_path, "localhost")
    async with running_smsc("--tls", str(tmp_path)) as smsc:

        def config(host: str, ca: Path | None) -> SmppConfig:
            return SmppConfig(
                "smsc",
                host,
                "northwind",
                "secret12",
                port=smsc.port,
                tls=True,
                ca_file=str(ca) if ca else None,
                reconnect_first=0.05,
            )

        for wrong in (config("127.0.0.1", ca_file), config("localhost", None)):
            before = sample("reconnects_total")
            carrier = SmppCarrier(wrong)
            carrier.connect(arrivals)
            await wait_until(lambda was=before: sample("reconnects_total") > was)  # type: ignore[misc]
            assert carrier.bound == 0
            await carrier.close()
        assert smsc.count("bind") == 0
        carrier = SmppCarrier(config("localhost", ca_file))
        carrier.connect(arrivals)
        await wait_until(lambda: carrier.bound == 1, describe="bound over TLS")
        assert isinstance(await carrier.submit(submission()), Accepted)
        await carrier.close()
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=tmp_path / "key.pem")
