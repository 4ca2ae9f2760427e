"""A user's sessions: list and end them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from flask import Blueprint

from api.http.caller import Caller
from api.observability import audit
from api.operations import operation
from openapi.operation import Access
from schemas.sessions import SessionList
from storage.accounts import sessions as stored
from storage.accounts.errors import SessionNotFound
from storage.accounts.sessions import SessionRow

sessions = Blueprint("sessions", __name__, url_prefix="/api/users/me/sessions")


class OpenSessions(NamedTuple):
    sessions: Sequence[SessionRow]


@sessions.get("")
@operation(returns=SessionList, access=Access.USERS)
async def list_sessions(caller: Caller) -> OpenSessions:
    """List your sessions.

    Each sign-in starts a session. The list has no pages: the setting `SESSIONS_PER_USER` limits its
    length.
    """
    return OpenSessions(await caller.read(stored.list_sessions, caller.session_id))


@sessions.delete("")
@operation(status=204, access=Access.USERS)
async def end_sessions(caller: Caller) -> None:
    """End all your sessions.

    The current session ends too. All your tokens are invalid from the next request on.
    """
    await caller.write(stored.end_sessions)
    audit.record("sessions_ended", user_id=caller.user_id)


@sessions.delete("/<id:session_id>")
@operation(status=204, access=Access.USERS, raises=[SessionNotFound])
async def end_session(session_id: UUID, caller: Caller) -> None:
    """End one of your sessions.

    Its tokens are invalid from the next request on.
    """
    await caller.write(stored.end_session, session_id)
    audit.record("logged_out", user_id=caller.user_id)
