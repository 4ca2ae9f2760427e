"""The table of problems: the error response for each exception.

The responses, their descriptions in the OpenAPI document and the pages under /errors/ are all made
from it.
"""

from dataclasses import replace
from functools import cache

from werkzeug import exceptions as http

from api.identity.errors import (
    InvalidGrant,
    InvalidToken,
    PasswordsBusy,
    ProviderUnavailable,
    RegistrationClosed,
    UnsupportedGrantType,
)
from api.limiting.errors import RateLimited, RedisUnavailable
from schemas.health import ReadinessProblem
from schemas.problems import ProblemType
from schemas.tokens import TokenProblem
from storage import DatabaseUnavailable
from storage.accounts.errors import EmailTaken, LastAdmin, UserOwnsRows, WrongPassword
from storage.engines.revisions import RevisionError
from storage.errors import (
    AlreadyExists,
    KeyInUse,
    KeyReused,
    NotAdmin,
    NotFound,
    QuotaExceeded,
    RelatedRowNotFound,
    RuleBroken,
    SignedOut,
    StillReferenced,
    UnknownIdentity,
    VersionConflict,
)


class NotReady(Exception):
    """A dependency of the service is missing, or the server is about to stop.

    `checks`: the state of each dependency.
    """

    def __init__(self, checks: dict[str, str]) -> None:
        super().__init__(checks)
        self.checks = checks


CHALLENGE = 'Bearer realm="api"'
"""The scheme needs at least one parameter (RFC 6750 §3)."""
INTERNAL_ERROR = ProblemType(
    slug="internal-error",
    status=500,
    title="Internal error",
    detail="The server failed to handle the request.",
    meaning="The server failed unexpectedly.",
    remedy="Try again once. If it fails again, report it with the request_id.",
)
INVALID_REQUEST = ProblemType(
    slug="invalid-request",
    status=400,
    title="Invalid request",
    detail="The request is invalid: see errors.",
    meaning="The body, a parameter or a header is malformed or not allowed.",
    remedy="Each entry of errors says what is wrong and where; correct that and send it again.",
)
INVALID_TOKEN = ProblemType(
    slug="invalid-token",
    status=401,
    title="Invalid token",
    detail="The access token is invalid or no longer valid.",
    meaning="The access token is malformed, has expired or was not issued for this service, its "
    "session has ended, or its account is closed.",
    remedy="Get a new one from /api/auth/token, with the refresh token or by signing in again.",
    challenge=f'{CHALLENGE}, error="invalid_token"',
)
DATABASE_UNAVAILABLE = ProblemType(
    slug="database-unavailable",
    status=503,
    title="Database unavailable",
    detail="The database can't be used at the moment.",
    meaning="The database is down, too busy, or can't write.",
    remedy="Try again after the number of seconds in Retry-After.",
    retry_after=1,
)

PROBLEMS: dict[type[Exception], ProblemType] = {
    http.BadRequest: INVALID_REQUEST,
    RelatedRowNotFound: INVALID_REQUEST,
    RuleBroken: INVALID_REQUEST,
    InvalidGrant: ProblemType(
        slug="invalid-grant",
        status=400,
        title="Invalid grant",
        detail="The email address or the password is wrong.",
        meaning="The email address or the password is wrong, the account is closed, or the refresh "
        "token is expired, revoked or already used.",
        remedy="Sign in with the right address and password.",
        code="invalid_grant",
        schema=TokenProblem,
    ),
    UnsupportedGrantType: ProblemType(
        slug="unsupported-grant-type",
        status=400,
        title="Unsupported grant type",
        detail="The grant_type must be password or refresh_token.",
        meaning="This service doesn't support this grant_type.",
        remedy="Send grant_type=password, or grant_type=refresh_token.",
        code="unsupported_grant_type",
        schema=TokenProblem,
    ),
    http.Unauthorized: ProblemType(
        slug="authentication-required",
        status=401,
        title="Authentication required",
        detail="This operation needs an access token.",
        meaning="The request has no access token, and the operation needs one.",
        remedy="Get one from /api/auth/token, and send it as Authorization: Bearer.",
        challenge=CHALLENGE,
    ),
    InvalidToken: INVALID_TOKEN,
    SignedOut: INVALID_TOKEN,
    UnknownIdentity: INVALID_TOKEN,
    NotAdmin: ProblemType(
        slug="forbidden",
        status=403,
        title="Forbidden",
        detail="Only admins may do this.",
        meaning="The operation is for admins, and the access token's user is not an admin.",
        remedy="Ask an admin to do it, or to give you the role admin.",
    ),
    WrongPassword: ProblemType(
        slug="wrong-password",
        status=403,
        title="Wrong password",
        detail="The current password is incorrect.",
        meaning="The current password in the request is incorrect, or the account has no password "
        "because another identity provider signs its user in.",
        remedy="Send the password that you sign in with. The access token is still valid.",
    ),
    RegistrationClosed: ProblemType(
        slug="registration-closed",
        status=403,
        title="Registration closed",
        detail="This service is not open for registration.",
        meaning="This service doesn't let people create their own accounts.",
        remedy="Ask an admin for an account.",
    ),
    http.NotFound: ProblemType(
        slug="not-found",
        status=404,
        title="Not found",
        detail="There is nothing at this address.",
        meaning="No operation has this path.",
        remedy="Compare the path with the documentation at /docs.",
    ),
    NotFound: ProblemType(
        slug="unknown-id",
        status=404,
        title="Unknown id",
        detail="There is no resource with this id.",
        meaning="No resource of this kind has this id; it may have been deleted.",
        remedy="List the resources to see their ids.",
    ),
    http.MethodNotAllowed: ProblemType(
        slug="method-not-allowed",
        status=405,
        title="Method not allowed",
        detail="This address doesn't support this method: see Allow.",
        meaning="The path exists, but doesn't support this method.",
        remedy="Use one of the methods in the Allow header.",
    ),
    EmailTaken: ProblemType(
        slug="email-taken",
        status=409,
        title="Email taken",
        detail="Another account has this email address.",
        meaning="Another account has this email address; upper and lower case are the same.",
        remedy="Sign in to that account, or use another address.",
    ),
    LastAdmin: ProblemType(
        slug="last-admin",
        status=409,
        title="Last admin",
        detail="This is the last active admin.",
        meaning="This user is the last active admin; without an admin, no account can be managed.",
        remedy="Make another user an admin first.",
    ),
    UserOwnsRows: ProblemType(
        slug="user-owns-data",
        status=409,
        title="User owns data",
        detail="This user owns data: send delete_owned=true to delete it too.",
        meaning="The user owns data, and the request doesn't ask to delete it.",
        remedy="Send delete_owned=true to delete it with the user, or deactivate the user.",
    ),
    AlreadyExists: ProblemType(
        slug="already-exists",
        status=409,
        title="Already exists",
        detail="Another resource has this value, which must be unique.",
        meaning="Another resource has a value of the request that must be unique.",
        remedy="Find and use that resource, or send another value.",
    ),
    StillReferenced: ProblemType(
        slug="still-referenced",
        status=409,
        title="Still referenced",
        detail="It can't be deleted, because another resource refers to it.",
        meaning="Another resource refers to the resource that the request would delete.",
        remedy="Delete or change the resources that refer to it first.",
    ),
    QuotaExceeded: ProblemType(
        slug="quota-exceeded",
        status=409,
        title="Quota exceeded",
        detail="The account can't have more of these.",
        meaning="The account has as many resources of this kind as it may; detail has the number.",
        remedy="Delete those that are no longer needed, or ask the operator for a higher limit.",
    ),
    KeyInUse: ProblemType(
        slug="idempotency-key-in-use",
        status=409,
        title="Idempotency key in use",
        detail="A request with this idempotency key is still running.",
        meaning="A request with the same Idempotency-Key has not been answered yet.",
        remedy="Send it again, with the same key, after the number of seconds in Retry-After.",
        retry_after=1,
    ),
    VersionConflict: ProblemType(
        slug="precondition-failed",
        status=412,
        title="Precondition failed",
        detail="The current version doesn't meet the request's preconditions.",
        meaning="The resource was changed after the ETag in If-Match was read, or its ETag is in "
        "If-None-Match.",
        remedy="Read it again, decide which version you want to keep, and send the new ETag.",
    ),
    http.MisdirectedRequest: ProblemType(
        slug="misdirected-request",
        status=421,
        title="Misdirected request",
        detail="This service does not answer for this host.",
        meaning="The host in the request's address (Host, or :authority in HTTP/2) is not one of "
        "the names of this service.",
        remedy="Use an address of the service itself. Its operator can allow a name with "
        "ALLOWED_HOSTS.",
    ),
    KeyReused: ProblemType(
        slug="idempotency-key-reused",
        status=422,
        title="Idempotency key reused",
        detail="This idempotency key has been used for another request.",
        meaning="The Idempotency-Key was first sent with another method, path, query or body.",
        remedy="Generate a new key for each new write.",
    ),
    http.PreconditionRequired: ProblemType(
        slug="precondition-required",
        status=428,
        title="Precondition required",
        detail="This server requires an If-Match header with every change.",
        meaning="The server accepts a change only if it says which version it is based on.",
        remedy="Read the resource and send its ETag in If-Match; or If-Match: * to overwrite it.",
    ),
    http.RequestTimeout: ProblemType(
        slug="request-timeout",
        status=408,
        title="Request timeout",
        detail="The body didn't arrive in time.",
        meaning="The request body took longer to arrive than the server waits.",
        remedy="Nothing was changed. Try again over a better connection.",
        retry_after=1,
    ),
    http.RequestEntityTooLarge: ProblemType(
        slug="content-too-large",
        status=413,
        title="Content too large",
        detail="The body is larger than the server accepts.",
        meaning="The request body has more bytes than the server accepts.",
        remedy="Send a smaller body.",
    ),
    http.UnsupportedMediaType: ProblemType(
        slug="unsupported-media-type",
        status=415,
        title="Unsupported media type",
        detail="The body's media type is not supported.",
        meaning="The operation does not accept this Content-Type or Content-Encoding.",
        remedy="Send the body with a Content-Type that detail names, in UTF-8 and uncompressed.",
    ),
    http.RequestedRangeNotSatisfiable: ProblemType(
        slug="range-not-satisfiable",
        status=416,
        title="Range not satisfiable",
        detail="The file doesn't contain the requested range.",
        meaning="The Range header asks for bytes beyond the end of a file of the documentation.",
        remedy="Leave the Range header out.",
    ),
    RateLimited: ProblemType(
        slug="rate-limited",
        status=429,
        title="Rate limited",
        detail="Too many requests.",
        meaning="One user or address has sent more requests than allowed, or there were too many "
        "attempts at one account's password.",
        remedy="Wait for the number of seconds in Retry-After. The headers RateLimit and "
        "RateLimit-Policy of each response say how many requests are left.",
        retry_after=1,
    ),
    Exception: INTERNAL_ERROR,
    DatabaseUnavailable: DATABASE_UNAVAILABLE,
    RevisionError: DATABASE_UNAVAILABLE,
    ProviderUnavailable: ProblemType(
        slug="identity-provider-unavailable",
        status=503,
        title="Identity provider unavailable",
        detail="The identity provider's keys can't be fetched at the moment.",
        meaning="The access token is signed with a key that the server doesn't know, and the "
        "identity provider's keys can't be fetched.",
        remedy="Try again with the same token after the number of seconds in Retry-After.",
        retry_after=30,
    ),
    PasswordsBusy: ProblemType(
        slug="passwords-busy",
        status=503,
        title="Passwords busy",
        detail="Too many passwords are being checked at the moment.",
        meaning="More passwords are waiting to be hashed than the server can hash in a second.",
        remedy="Try again after the number of seconds in Retry-After.",
        retry_after=1,
    ),
    RedisUnavailable: ProblemType(
        slug="limits-unavailable",
        status=503,
        title="Limits unavailable",
        detail="Attempts can't be counted at the moment, so they are refused.",
        meaning="Redis, which counts attempts to sign in and to register, can't be used.",
        remedy="Try again after the number of seconds in Retry-After. Other operations work.",
        retry_after=1,
    ),
    NotReady: ProblemType(
        slug="not-ready",
        status=503,
        title="Not ready",
        detail="The service should get no traffic now: see checks.",
        meaning="A dependency of the service is missing, or the server is about to stop.",
        remedy="Try again after the number of seconds in Retry-After.",
        retry_after=1,
        schema=ReadinessProblem,
    ),
}

BY_SLUG = {problem.slug: problem for problem in PROBLEMS.values()}


OAUTH_CODES = {
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}
"""By status; OAuth's token endpoint has no codes of its own for these (RFC 6749 §4.1.2.1)."""


@cache
def as_oauth(problem: ProblemType) -> ProblemType:
    """Return `problem` in the form that OAuth prescribes, with a code (RFC 6749 §5.2)."""
    code = problem.code or OAUTH_CODES.get(problem.status, "invalid_request")
    return replace(problem, code=code, schema=TokenProblem)


def problem_of(error: type[Exception]) -> ProblemType:
    """Return the row of an exception's class, or of its nearest base class that has a row."""
    return next(PROBLEMS[cls] for cls in error.__mro__ if cls in PROBLEMS)
