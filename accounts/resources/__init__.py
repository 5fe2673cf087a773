"""What operators do to documents: pages, routes, and the operations behind both.

An app's ``admin.py`` registers a ``ResourceAdmin`` for a document; CONTRIBUTING says how.
"""

from accounts.resources.admin import ResourceAdmin
from accounts.resources.operations import Operations

__all__ = ["Operations", "ResourceAdmin"]
