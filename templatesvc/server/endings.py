"""How a connection ends: what the application in threads and gunicorn's worker agree on.

The worker imports this before Django is set up.
"""

from __future__ import annotations

from collections.abc import Callable

Abort = Callable[[], None]

ABORT = "templatesvc.abort"  # the key in a scope of what breaks the connection
CLOSE = (b"connection", b"close")  # the header of an answer after which it is closed


def leave_it() -> None:
    """Break no connection: another server has its own way."""
