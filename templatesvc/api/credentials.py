"""The ``Authorization`` header (RFC 9110, section 11.6.2)."""

from __future__ import annotations

import re

BEARER = "bearer"
# A signed token's compact serialization: base64url without padding (RFC 7515, section 7.1).
COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.A)


def bearer_token(header: str) -> str | None:
    """Return the bearer token of a header, None if it has none; raises ValueError with a sentence.

    The case of the scheme does not matter (section 11.1). Credentials of other schemes may stand
    beside the token, separated by commas.
    """
    credentials = [parts for each in header.split(",") if (parts := each.split())]
    tokens = [parts[1:] for parts in credentials if parts[0].lower() == BEARER]
    if not tokens:
        return None
    if len(tokens) > 1 or len(tokens[0]) != 1:
        raise ValueError("Send Authorization: Bearer, a space, and the token.")
    return tokens[0][0]
