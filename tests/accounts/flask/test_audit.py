"""What the audit says of a takeover."""

from __future__ import annotations

from accounts.audit import sentences


def test_the_actions_of_a_takeover_are_known() -> None:
    assert sentences()["adoption_begun"] == "Taking over the Flask service's data was begun."
