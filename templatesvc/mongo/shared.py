"""Documents without owners: a catalogue, which everybody reads and operators change."""

from __future__ import annotations

from templatesvc.mongo.resources import ResourceDocument


class SharedDocument(ResourceDocument):
    """What everybody sees; it counts in no quota, and stays when the person who made it goes.

    In ``meta`` a subclass may say ``unique_together``: lists of fields that no two documents share.
    Its collection stays on one shard of a cluster, because only there such a rule can hold.
    """

    meta = {"abstract": True}
