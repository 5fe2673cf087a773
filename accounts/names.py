"""Usernames and passwords as people type them: one text in the many ways that Unicode can write it.

RFC 8265: a username is one or more userparts, spaces between them, each of the profile
UsernameCasePreserved; a password is compared by the profile OpaqueString. The library knows their
rules and the tables behind them.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from precis_i18n import get_profile

LONGEST = 512  # characters that are looked at: what is longer has one form
REASONS = {
    "DISALLOWED/precis_ignorable_properties": "it is invisible",
    "DISALLOWED/controls": "it is a control character",
    "DISALLOWED/unassigned": "Unicode has no such character",
    "DISALLOWED/spaces": "of spaces only the ordinary one is, between words",
    "DISALLOWED/symbols": "it is a symbol",
}


_profile = cache(get_profile)


def normalised_username(name: str) -> str:
    """Return the one form of a username; raises ValueError with a sentence if it can't be one."""
    if name.startswith(" ") or name.endswith(" "):
        raise ValueError("A username can't begin or end with a space.")
    return " ".join(_userpart(part) if part else "" for part in name.split(" "))


def _userpart(part: str) -> str:
    try:
        normalised: str = _profile("UsernameCasePreserved").enforce(part)
    except UnicodeEncodeError as error:
        if error.end - error.start != 1 or "bidi" in error.reason:
            raise ValueError("A word of it mixes directions of writing, or is none.") from error
        character = f"U+{ord(error.object[error.start]):04X}"
        why = REASONS.get(error.reason, "a username has letters, digits and ASCII's characters")
        raise ValueError(f"The character {character} is not allowed: {why}.") from error
    return normalised


def known_as(name: str) -> str | None:
    """Return the other form in which a name that nobody has may be somebody's; None without."""
    if name.isascii() or len(name) > LONGEST:
        return None
    try:
        normalised = normalised_username(name)
    except ValueError:
        return None
    return None if normalised == name else normalised


def opaque_password(password: str) -> str:
    """Return the one form of a password; itself if it has none, as one with a control character."""
    if password.isascii() or len(password) > LONGEST:
        return password
    try:
        opaque: str = _profile("OpaqueString").enforce(password)
    except UnicodeEncodeError:
        return password
    return opaque


def password_forms(password: str) -> list[str]:
    """Return the forms in which a password may have been set: as it was typed, and one other.

    The other one is that in which it is set today or, if it was typed so, the decomposed one, in
    which some systems type it, and in which it may be stored. Most passwords have one form.
    """
    opaque = opaque_password(password)
    is_short = not password.isascii() and len(password) <= LONGEST
    other = unicodedata.normalize("NFD", password) if is_short and opaque == password else opaque
    return list(dict.fromkeys([password, other]))
