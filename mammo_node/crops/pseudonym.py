"""Names for images and studies that tell nothing to those who do not have them."""

from __future__ import annotations

import hashlib

#: 64 bits: no two images of an archive meet.
_DIGITS = 16


def pseudonym(uid: str) -> str:
    """Return 16 hexadecimal digits for a UID.

    Whoever has the image can compute it and so find the crop's image again; whoever has not
    cannot guess a UID.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:_DIGITS]
