"""Users and their sessions."""

from accounts.documents.sessions import Session
from accounts.documents.users import User

__all__ = ["Session", "User"]
