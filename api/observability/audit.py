"""The audit log of accounts; docs/accounts.md lists its events.

Lines have ids and addresses, never text from a client: a password typed into the wrong field must
not be logged.
"""

from typing import Literal
from uuid import UUID

import structlog
from flask import has_request_context

from api.observability.request_log import current_record

Event = Literal[
    "user_registered",
    "user_created",
    "login_succeeded",
    "login_failed",
    "attempt_limited",
    "refresh_token_reused",
    "logged_out",
    "sessions_ended",
    "current_password_refused",
    "email_changed",
    "password_changed",
    "admin_refused",
    "role_changed",
    "user_deactivated",
    "user_reactivated",
    "user_deleted",
]

log = structlog.get_logger("audit")


def record(event: Event, *, user_id: UUID | None, by: UUID | None = None, **about: str) -> None:
    """Write a line about the account `user_id`, or None if the named account doesn't exist. `by`:
    the user who made the change; it is left out if it is the account's own user."""
    address = current_record().client if has_request_context() else None
    if by not in {None, user_id}:
        about["by"] = str(by)
    log.info(event, user_id=user_id and str(user_id), address=address, **about)
