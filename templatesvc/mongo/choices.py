"""Enumerations whose members have labels for people."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Choices(StrEnum):
    """A member equals its stored value, and has a ``label``."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def pairs(cls) -> list[tuple[str, str]]:
        """Return values and labels, as the choices of a field."""
        return [(member.value, member.label) for member in cls]
