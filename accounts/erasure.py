"""The end of an account, however much is to be deleted.

The user's document becomes a tombstone, which holds the name and nothing else of the person: nobody
can log in, and nobody can register the name and find what was left. All that was theirs is deleted
in batches, by as many requests as it takes. A request that was under way may still write something;
so the name is freed only when the longest request is over and a last sweep finds nothing.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from django.conf import settings

from accounts.documents import Session, User
from templatesvc.mongo import batches
from templatesvc.mongo.documents import ServiceDocument, now
from templatesvc.mongo.leases import turn_of

LONGEST_SWEEP = timedelta(seconds=batches.SECONDS + batches.BATCH_SECONDS)
# Names that an erasure frees beside its own work.
MOST_FREED = 10


class Erasure(NamedTuple):
    """What became of it: whether this call began it, and whether nothing is left to delete."""

    is_begun: bool
    is_finished: bool


def erase(user: User, session: Session | None = None) -> Erasure:
    """Delete a user with all that is theirs, or go on with it for a while; raises LastSuperuser.

    ``session`` is the one they do it in: it stands until all is deleted, only to go on in.
    """
    is_begun = user.erased_at is None and user.bury(session)
    is_finished = sweep(user)
    if is_finished:
        Session.objects(user_id=user.id, username=user.username).delete()
        for tombstone in User.tombstones().order_by("erased_at").limit(MOST_FREED):
            free(tombstone)
    return Erasure(is_begun, is_finished)


def sweep(user: User) -> bool:
    """Delete what is left of the user's; tell whether nothing is, or else the time was up."""
    # Noted first, because without a tombstone what has the name is somebody else's.
    user.swept_at = now()
    tombstone = User.tombstones().filter(__raw__=user.identity_query)
    if not tombstone.update_one(set__swept_at=user.swept_at):
        return True
    theirs = ServiceDocument.belongings(user)
    steps = (partial(document.delete_some, query) for document, query in theirs)
    return batches.finish(turn_of(user.username, at="erase"), steps)


def free(tombstone: User) -> bool:
    """Give a name free again if its time is over and nothing is left; tell whether it is free."""
    moment = now()
    is_held = tombstone.erased_at > moment - settings.ERASED_NAME_HOLD
    # Another sweep may still be under way: it must not go on when the name is somebody else's.
    is_being_swept = tombstone.swept_at and tombstone.swept_at > moment - LONGEST_SWEEP
    if is_held or is_being_swept or not sweep(tombstone):
        return False
    mine = User.tombstones().filter(__raw__=tombstone.identity_query, swept_at=tombstone.swept_at)
    return bool(mine.delete())


def free_name(username: str) -> bool:
    """Tell whether a name that is taken was held by a tombstone alone, and is free now."""
    tombstone = User.tombstones().filter(username=username).first()
    return tombstone is not None and free(tombstone)
