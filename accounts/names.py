"""Usernames and passwords, one text in the many ways that Unicode can write it.

RFC 8265: a username is one or more userparts with spaces between them, each in the profile
UsernameCasePreserved; passwords are compared in the profile OpaqueString. The library knows the
rules and tables of these profiles.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from precis_i18n import get_profile

MAX_NORMALIZED_LENGTH = 512  # characters: a longer text is left as it is
REASONS = {
    "DISALLOWED/precis_ignorable_properties": "it is invisible",
    "DISALLOWED/controls": "it is a control character",
    "DISALLOWED/unassigned": "Unicode has no such character",
    "DISALLOWED/spaces": "of spaces only the ordinary one is, between words",
    "DISALLOWED/symbols": "it is a symbol",
}


_profile = cache(get_profile)


def normalised_username(name: str) -> str:
    """Return the one form of a username; raises ValueError with a sentence if it is invalid."""
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
    """Return the normalised form of a name, if it differs; None otherwise."""
    if name.isascii() or len(name) > MAX_NORMALIZED_LENGTH:
        return None
    try:
        normalised = normalised_username(name)
    except ValueError:
        return None
    return None if normalised == name else normalised


def opaque_password(password: str) -> str:
    """Return the one form of a password, or itself if it has none, for example with a control."""
    if password.isascii() or len(password) > MAX_NORMALIZED_LENGTH:
        return password
    try:
        opaque: str = _profile("OpaqueString").enforce(password)
    except UnicodeEncodeError:
        return password
    return opaque


def password_forms(password: str) -> list[str]:
    """Return the forms in which a password may have been stored: as it was typed, and one other.

    The other form is the one in which passwords are stored today. If it was typed in that form, the
    other is the decomposed one, which some systems type. Most passwords have one form.
    """
    opaque = opaque_password(password)
    is_short = not password.isascii() and len(password) <= MAX_NORMALIZED_LENGTH
    other = unicodedata.normalize("NFD", password) if is_short and opaque == password else opaque
    return list(dict.fromkeys([password, other]))
