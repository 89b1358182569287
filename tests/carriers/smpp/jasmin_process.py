"""Serves each of Jasmin's SMSC simulators on a port of its own, and prints the ports by name.

Runs with the Python of `.venv/smpp-peers`, beside nothing of ours; its folder is the argument.
"""

import json
import sys

NAMES = (
    "AlertNotificationSMSC",
    "BindErrorGenericNackSMSC",
    "BindErrorSMSC",
    "BlackHoleSMSC",
    "CommandLengthTooLongSMSC",
    "CommandLengthTooShortSMSC",
    "DeliverSMAndUnbindSMSC",
    "DeliverSMBeforeBoundSMSC",
    "DeliverSMSMSC",
    "DeliveryReceiptSMSC",
    "EnquireLinkEchoSMSC",
    "ErrorOnSubmitSMSC",
    "GenericNackNoSeqNumOnSubmitSMSC",
    "GenericNackWithSeqNumOnSubmitSMSC",
    "HappySMSC",
    "HappySMSCRecorder",
    "InvalidCommandIdSMSC",
    "NoResponseOnSubmitSMSC",
    "NoSubmitSmWhenReceiverIsBoundSMSC",
    "NonFatalParseErrorSMSC",
    "OutbindSMSC",
    "QoSSMSC_2MPS",
    "UnbindNoResponseSMSC",
    "UnbindOnSubmitSMSC",
)


def main() -> None:
    """Serves until killed."""
    sys.path.insert(0, sys.argv[1])
    import smsc_simulator  # type: ignore[import-not-found]
    from twisted.internet import reactor  # type: ignore[import-not-found]
    from twisted.internet.protocol import Factory  # type: ignore[import-not-found]

    ports = {}
    for name in NAMES:
        factory = Factory.forProtocol(getattr(smsc_simulator, name))
        ports[name] = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
    print(json.dumps(ports), flush=True)  # noqa: T201
    reactor.run()


if __name__ == "__main__":
    main()
