"""Text from the network: AE titles, UIDs and names, fit for comparison and for a log."""

from __future__ import annotations


def to_text(value: bytes) -> str:
    """Return the characters of a padded field; what is not printable ASCII becomes ``?``.

    Some peers pad UIDs with NUL or spaces; neither counts. Nothing that we know contains a
    question mark, so that a replaced character never matches by accident.
    """
    stripped = value.strip(b" \0")
    return "".join(chr(octet) if 0x20 <= octet < 0x7F else "?" for octet in stripped)
