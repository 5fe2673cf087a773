"""Examples of accounts and sessions; see ``templatesvc.api.examples``."""

from __future__ import annotations

from typing import Any

from templatesvc.api.examples import API, CURSOR, ID

SESSION_ID = "0f8fad5bd9cb469fa16570867728950e"
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
QUOTA = {"documents": 42, "bytes": 51200, "max_documents": 100_000, "max_bytes": 1024**3}

EXAMPLES: dict[str, Any] = {
    "username": "ada",
    "password": "note-g-of-1843",
    "current_password": "note-g-of-1843",
    "new_password": "analytical-engine",
    "date_joined": "2026-01-31T11:58:00Z",
    "last_login": "2026-01-31T12:00:00Z",
    "access_token": TOKEN,
    "refresh_token": TOKEN,
    "token": TOKEN,
    "expires_in": 86400,
    "verify_token": {},
    "is_active": True,
    "must_change_password": False,
    "role": "staff",
    "OtherUser.role": None,
    "OtherUser.url": f"{API}/users/{ID}",
    "quota": QUOTA,
    **QUOTA,
    "list_users.ordering": "username",
    "list_users.search": "ad",
    "PaginatedOtherUserList.next": f"{API}/users?cursor={CURSOR}",
    "list_users.Link": f'<{API}/users?cursor={CURSOR}>; rel="next"',
    # Sessions
    "Session.id": SESSION_ID,
    "Session.url": f"{API}/sessions/{SESSION_ID}",
    "end_session.id": SESSION_ID,
    "last_used_at": "2026-02-01T09:30:00Z",
    "expires_at": "2026-02-15T09:30:00Z",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "ip": "203.0.113.7",
    "current": True,
    "keys": [],
}
