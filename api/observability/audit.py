"""What became of accounts, for whoever has to find out later: docs/accounts.md lists the events.

Ids and addresses, never what a client typed: a password in the wrong field must not end up here.
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
    """Write a line about the account `user_id`; None where nobody has the one that was named.

    `by`: who did it; not written where that was the user.
    """
    address = current_record().client if has_request_context() else None
    if by not in {None, user_id}:
        about["by"] = str(by)
    log.info(event, user_id=user_id and str(user_id), address=address, **about)
