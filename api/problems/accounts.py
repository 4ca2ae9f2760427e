"""The problems of access tokens and accounts."""

from werkzeug import exceptions as http

from api.identity import errors as identity
from api.problems.requests import RETRY
from schemas.problems import ProblemType
from schemas.tokens import TokenProblem
from storage import errors
from storage.accounts import errors as accounts

CHALLENGE = 'Bearer realm="api"'
"""The scheme needs at least one parameter (RFC 6750 §3)."""
INVALID_TOKEN = ProblemType(
    slug="invalid-token",
    status=401,
    detail="The access token is invalid or no longer valid.",
    meaning="The access token is malformed, has expired or was not issued for this service, its "
    "session has ended, or its account is closed.",
    remedy="Get a new one from /api/auth/token, with the refresh token or by signing in again.",
    challenge=f'{CHALLENGE}, error="invalid_token"',
)

PROBLEMS: dict[type[Exception], ProblemType] = {
    identity.InvalidGrant: ProblemType(
        slug="invalid-grant",
        status=400,
        detail="The email address or the password is wrong.",
        meaning="The email address or the password is wrong, the account is closed, or the refresh "
        "token is expired, revoked or already used.",
        remedy="Sign in with the right address and password.",
        code="invalid_grant",
        schema=TokenProblem,
    ),
    identity.UnsupportedGrantType: ProblemType(
        slug="unsupported-grant-type",
        status=400,
        detail="The grant_type must be password or refresh_token.",
        remedy="Send grant_type=password, or grant_type=refresh_token.",
        code="unsupported_grant_type",
        schema=TokenProblem,
    ),
    http.Unauthorized: ProblemType(
        slug="authentication-required",
        status=401,
        detail="This operation needs an access token.",
        remedy="Get one from /api/auth/token, and send it as Authorization: Bearer.",
        challenge=CHALLENGE,
    ),
    identity.InvalidToken: INVALID_TOKEN,
    errors.SignedOut: INVALID_TOKEN,
    errors.UnknownIdentity: INVALID_TOKEN,
    errors.NotAdmin: ProblemType(
        slug="forbidden",
        status=403,
        detail="Only admins may do this.",
        meaning="The operation is for admins, and the access token's user is not an admin.",
        remedy="Ask an admin to do it, or to give you the role admin.",
    ),
    accounts.WrongPassword: ProblemType(
        slug="wrong-password",
        status=403,
        detail="The current password is incorrect.",
        meaning="The current password in the request is incorrect, or the account has no password "
        "because another identity provider signs its user in.",
        remedy="Send the password that you sign in with. The access token is still valid.",
    ),
    identity.RegistrationClosed: ProblemType(
        slug="registration-closed",
        status=403,
        detail="This service is not open for registration.",
        remedy="Ask an admin for an account.",
    ),
    accounts.EmailTaken: ProblemType(
        slug="email-taken",
        status=409,
        detail="Another account has this email address.",
        meaning="Another account has this email address; upper and lower case are the same.",
        remedy="Sign in to that account, or use another address.",
    ),
    accounts.LastAdmin: ProblemType(
        slug="last-admin",
        status=409,
        detail="This is the last active admin.",
        meaning="This user is the last active admin; without an admin, no account can be managed.",
        remedy="Make another user an admin first.",
    ),
    accounts.UserOwnsRows: ProblemType(
        slug="user-owns-data",
        status=409,
        detail="This user owns data: send delete_owned=true to delete it too.",
        meaning="The user owns data, and the request doesn't ask to delete it.",
        remedy="Send delete_owned=true to delete it with the user, or deactivate the user.",
    ),
    identity.ProviderUnavailable: ProblemType(
        slug="identity-provider-unavailable",
        status=503,
        detail="The identity provider's keys can't be fetched at the moment.",
        meaning="The access token is signed with a key that the server doesn't know, and the "
        "identity provider's keys can't be fetched.",
        remedy="Try again with the same token after the number of seconds in Retry-After.",
        retry_after=30,
    ),
    identity.PasswordsBusy: ProblemType(
        slug="passwords-busy",
        status=503,
        detail="Too many passwords are being checked at the moment.",
        meaning="More passwords are waiting to be hashed than the server can hash in a second.",
        remedy=RETRY,
        retry_after=1,
    ),
}
