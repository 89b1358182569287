"""What a peer wrote that is no SMPP."""


class MalformedPdu(ValueError):
    """A PDU, or a part of one, that cannot be read. The text names the field, never its value."""
