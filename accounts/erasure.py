"""The end of an account, however much is to be deleted.

The user's document becomes a tombstone, which holds only the name: nobody can log in, and nobody
can register the name and find what is left. Everything of the user is deleted in batches, by as
many requests as it takes. A request that was running may still write something. So the name is
freed only when the longest request must be over and a last sweep finds nothing.
"""

from __future__ import annotations

import time
from functools import partial

from bson import ObjectId
from django.conf import settings
from mongoengine.queryset import QuerySet

from accounts.documents import Session, User
from accounts.operators import Operators
from templatesvc.mongo import batches
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import tidying_up
from templatesvc.mongo.leases import lease_name

# Names of earlier erasures that an erasure frees as well.
MAX_FREED = 10


def begin(user: User) -> ObjectId | None:
    """Begin to erase a user, or find that it was begun; return the id that its audit entry has.

    It is None if another request began first. Whatever fails afterwards, the same two calls can be
    repeated: the entry is made once, and ``go_on`` finishes the erasure. Raises LastSuperuser.
    """
    if user.erased_at is None:
        user.bury()
    entry: ObjectId | None = user.erasure_entry
    return entry


def go_on(user: User, session: Session | None = None) -> bool:
    """Delete what is a user's for a while; tell whether nothing is left to delete.

    ``session`` is the one in which users delete themselves; it stays until all is deleted.
    """
    is_finished = sweep(user, session)
    if is_finished:
        with tidying_up("Names that were erased earlier are not freed"):
            _free_others()
        _sessions_of(user).delete()
    return is_finished


def _free_others() -> None:
    end = time.monotonic() + batches.SECONDS
    for tombstone in User.tombstones().order_by("erased_at").limit(MAX_FREED):
        free(tombstone)
        if time.monotonic() > end:
            return


def _sessions_of(user: User) -> QuerySet:
    return Session.objects(user_id=user.id, username=user.username)


def sweep(user: User, session: Session | None = None) -> bool:
    """Delete what is left of the user's, but this session; tell whether all of it is deleted."""
    stone = User.tombstones().filter(__raw__=user.identity_query)
    return not _note_sweep(user, stone) or _delete_all(user, session)


def _note_sweep(user: User, stone: QuerySet) -> bool:
    """Note that a sweep begins; False if there is no such tombstone.

    Then what has the name is another person's, and must stay.
    """
    user.swept_at = now()
    return bool(stone.update_one(set__swept_at=user.swept_at))


def _delete_all(user: User, session: Session | None = None) -> bool:
    Operators.appoint(user, None)  # they may have been appointed while the erasure began
    _sessions_of(user).filter(id__ne=session.id if session else None).delete()
    theirs = ServiceDocument.belongings(user)
    steps = (partial(document.delete_some, query) for document, query in theirs)
    return batches.finish(lease_name(user.username, work="erase"), steps)


def free(tombstone: User) -> bool:
    """Free a name if its time is over and nothing is left; tell whether it is free."""
    moment = now()
    is_held = tombstone.erased_at > moment - settings.ERASED_NAME_HOLD
    # A sweep that may still be running must not go on once the name is somebody else's.
    is_being_swept = tombstone.swept_at and tombstone.swept_at > moment - batches.LEASE_DURATION
    mine = User.tombstones().filter(__raw__=tombstone.identity_query)
    if is_held or is_being_swept:
        return False
    # Only if nobody has swept since this tombstone was read.
    if not _note_sweep(tombstone, mine.filter(swept_at=tombstone.swept_at)):
        return False
    return _delete_all(tombstone) and bool(mine.filter(swept_at=tombstone.swept_at).delete())


def free_name(username: str) -> bool:
    """Free a name that only a tombstone holds; tell whether that was possible."""
    tombstone = User.tombstones().filter(username=username).first()
    return tombstone is not None and free(tombstone)
