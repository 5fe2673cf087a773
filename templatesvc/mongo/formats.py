"""Which versions of the service can use a database: two do at once while one replaces the other.

docs/scaling.md says how documents may change. A version whose documents an older one can't read
raises both numbers. Once its ``ensureindexes`` has run, older versions refuse the database.
"""

from __future__ import annotations

from mongoengine import IntField, StringField

from templatesvc.mongo.documents import ServiceDocument

# What this version reads and writes.
FORMAT = 1
# The oldest format whose versions can still read what this version writes.
READABLE_FROM = 1


class DataFormat(ServiceDocument):
    """The least format that a version must have to use this database; one document."""

    id = StringField(primary_key=True, default="format")
    needed = IntField(required=True)

    meta = {"collection": "service"}

    @classmethod
    def declare(cls, needed: int = READABLE_FROM) -> None:
        """Have versions that can't read what is written from now on refuse the database."""
        query, change = {"_id": "format"}, {"$max": {"needed": needed}}
        cls._get_collection().update_one(query, change, upsert=True)

    @classmethod
    def refusal(cls) -> str:
        """Return why this version may not use the database; empty if it may."""
        found = cls.objects(id="format").first()
        if found is None or found.needed <= FORMAT:
            return ""
        return (
            f"A newer version of the service has changed the database: its format is "
            f"{found.needed}, and this version reads {FORMAT}"
        )
