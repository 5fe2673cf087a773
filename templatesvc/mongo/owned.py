"""Documents that each belong to one user.

They count in the user's quota, and are exported and erased with the user, without being registered.
"""

from __future__ import annotations

from mongoengine import StringField

from templatesvc.mongo.resources import ResourceDocument, Values


class OwnedDocument(ResourceDocument):
    """What one user keeps, and nobody else can see or change.

    In ``meta`` a subclass may say ``unique_for_owner``: lists of fields that no two documents of an
    owner's share.
    """

    owner = StringField(required=True)

    meta = {"abstract": True}

    @classmethod
    def whose(cls, owner: str | None) -> Values:
        return {"owner": owner}
