"""The end of an account, however much is to be deleted.

The user's document becomes a tombstone, which holds only the name: nobody can log in, and nobody
can register the name and find what is left. Everything of the user is deleted in batches, by as
many requests as it takes. A request that was running may still write something. So the name is
freed only when the longest request must be over and a last sweep finds nothing.
"""

from __future__ import annotations

from functools import partial

from django.conf import settings

from accounts.documents import Session, User
from accounts.operators import Operators
from templatesvc.mongo import batches
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.leases import lease_name

# Names of earlier erasures that an erasure frees as well.
MAX_FREED = 10


def begin(user: User) -> bool:
    """Begin to erase a user; tell whether this call did. Raises LastSuperuser.

    Whatever fails afterwards, ``go_on`` can finish the erasure.
    """
    return user.erased_at is None and user.bury()


def go_on(user: User, session: Session | None = None) -> bool:
    """Delete what is a user's for a while; tell whether nothing is left to delete.

    ``session`` is the one in which users delete themselves; it stays until all is deleted.
    """
    Operators.appoint(user, None)  # they may have been appointed while the erasure began
    others = Session.objects(user_id=user.id, username=user.username)
    others.filter(id__ne=session.id if session else None).delete()
    is_finished = sweep(user)
    if is_finished:
        Session.objects(user_id=user.id, username=user.username).delete()
        for tombstone in User.tombstones().order_by("erased_at").limit(MAX_FREED):
            free(tombstone)
    return is_finished


def sweep(user: User) -> bool:
    """Delete what is left of the user's; tell whether the time was enough to delete all."""
    # Noted first: if there is no tombstone, what has the name is another person's.
    user.swept_at = now()
    tombstone = User.tombstones().filter(__raw__=user.identity_query)
    if not tombstone.update_one(set__swept_at=user.swept_at):
        return True
    theirs = ServiceDocument.belongings(user)
    steps = (partial(document.delete_some, query) for document, query in theirs)
    return batches.finish(lease_name(user.username, work="erase"), steps)


def free(tombstone: User) -> bool:
    """Free a name if its time is over and nothing is left; tell whether it is free."""
    moment = now()
    is_held = tombstone.erased_at > moment - settings.ERASED_NAME_HOLD
    # A sweep that may still be running must not go on once the name is somebody else's.
    is_being_swept = tombstone.swept_at and tombstone.swept_at > moment - batches.LEASE_DURATION
    if is_held or is_being_swept or not sweep(tombstone):
        return False
    mine = User.tombstones().filter(__raw__=tombstone.identity_query, swept_at=tombstone.swept_at)
    return bool(mine.delete())


def free_name(username: str) -> bool:
    """Free a name that only a tombstone holds; tell whether that was possible."""
    tombstone = User.tombstones().filter(username=username).first()
    return tombstone is not None and free(tombstone)
