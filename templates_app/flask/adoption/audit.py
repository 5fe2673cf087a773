"""The audit actions of a takeover."""

from __future__ import annotations

from accounts.audit import AuditAction


class AdoptionAction(AuditAction):
    """The steps of a takeover."""

    BEGUN = "adoption_begun", "Taking over the Flask service's data was begun."
    APPLIED = "adoption_applied", "The Flask service's data were taken over."
    UNDO_BEGUN = (
        "adoption_undo_begun",
        "Undoing the taking over of the Flask service's data was begun.",
    )
    UNDONE = "adoption_undone", "Taking over the Flask service's data was undone."
