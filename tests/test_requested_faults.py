"""Faults of a sandbox that were requested: each happens once, to what it was meant for."""

from enum import StrEnum

from outbound_sms.sandbox_faults import RequestedFaults


class Fault(StrEnum):
    FIRST = "first"
    SECOND = "second"


def test_a_fault_of_its_own_comes_before_those_of_whoever_comes_next() -> None:
    requested = RequestedFaults[Fault]()
    requested.request(Fault.FIRST, subject=None, count=1)
    requested.request(Fault.SECOND, subject="a", count=2)
    assert [requested.next("a"), requested.next("b")] == [Fault.SECOND, Fault.FIRST]
    assert [requested.next(subject) for subject in "baa"] == [None, Fault.SECOND, None]


def test_cleared_faults_do_not_happen() -> None:
    requested = RequestedFaults[Fault]()
    requested.request(Fault.FIRST, subject="a", count=3)
    requested.clear()
    assert requested.next("a") is None
