"""The problems of requests, of the data that they ask for, and of what the service depends on."""

from werkzeug import exceptions as http

from api.limiting.errors import RateLimited, RedisUnavailable
from api.observability.readiness import NotReady
from schemas.health import ReadinessProblem
from schemas.problems import ProblemType
from storage import DatabaseUnavailable, errors
from storage.engines.revisions import RevisionError

RETRY = "Try again after the number of seconds in Retry-After."
INTERNAL_ERROR = ProblemType(
    slug="internal-error",
    status=500,
    detail="The server failed to handle the request.",
    remedy="Try again once. If it fails again, report it with the request_id.",
)
PRECONDITION_FAILED = ProblemType(
    slug="precondition-failed",
    status=412,
    detail="The current version doesn't meet the request's preconditions.",
    meaning="The resource was changed after the ETag in If-Match was read, or its ETag is in "
    "If-None-Match.",
    remedy="Read it again, decide which version you want to keep, and send the new ETag.",
)
INVALID_REQUEST = ProblemType(
    slug="invalid-request",
    status=400,
    detail="The request is invalid: see errors.",
    meaning="The body, a parameter or a header is malformed or not allowed.",
    remedy="Each entry of errors says what is wrong and where; correct that and send it again.",
)
DATABASE_UNAVAILABLE = ProblemType(
    slug="database-unavailable",
    status=503,
    detail="The database can't be used at the moment.",
    meaning="The database is down, too busy, or can't write.",
    remedy=RETRY,
    retry_after=1,
)

PROBLEMS: dict[type[Exception], ProblemType] = {
    http.BadRequest: INVALID_REQUEST,
    errors.RelatedRowNotFound: INVALID_REQUEST,
    errors.RuleBroken: INVALID_REQUEST,
    http.NotFound: ProblemType(
        slug="not-found",
        status=404,
        detail="There is nothing at this address.",
        remedy="Compare the path with the documentation at /docs.",
    ),
    errors.NotFound: ProblemType(
        slug="unknown-id",
        status=404,
        detail="There is no resource with this id.",
        meaning="No resource of this kind has this id; it may have been deleted.",
        remedy="List the resources to see their ids.",
    ),
    http.MethodNotAllowed: ProblemType(
        slug="method-not-allowed",
        status=405,
        detail="This address doesn't support this method: see Allow.",
        meaning="The path exists, but doesn't support this method.",
        remedy="Use one of the methods in the Allow header.",
    ),
    errors.AlreadyExists: ProblemType(
        slug="already-exists",
        status=409,
        detail="Another resource has this value, which must be unique.",
        remedy="Find and use that resource, or send another value.",
    ),
    errors.StillReferenced: ProblemType(
        slug="still-referenced",
        status=409,
        detail="It can't be deleted, because another resource refers to it.",
        remedy="Delete or change the resources that refer to it first.",
    ),
    errors.QuotaExceeded: ProblemType(
        slug="quota-exceeded",
        status=409,
        detail="The account can't have more of these.",
        meaning="The account has as many resources of this kind as it may; detail has the number.",
        remedy="Delete those that are no longer needed, or ask the operator for a higher limit.",
    ),
    errors.KeyInUse: ProblemType(
        slug="idempotency-key-in-use",
        status=409,
        detail="A request with this idempotency key is still running.",
        remedy="Send it again, with the same key, after the number of seconds in Retry-After.",
        retry_after=1,
    ),
    errors.VersionConflict: PRECONDITION_FAILED,
    http.PreconditionFailed: PRECONDITION_FAILED,
    http.MisdirectedRequest: ProblemType(
        slug="misdirected-request",
        status=421,
        detail="This service does not answer for this host.",
        meaning="The host in the request's address (Host, or :authority in HTTP/2) is not one of "
        "the names of this service.",
        remedy="Use an address of the service itself. Its operator can allow a name with "
        "ALLOWED_HOSTS.",
    ),
    errors.KeyReused: ProblemType(
        slug="idempotency-key-reused",
        status=422,
        detail="This idempotency key has been used for another request.",
        meaning="The Idempotency-Key was first sent with another method, path, query or body.",
        remedy="Generate a new key for each new write.",
    ),
    errors.PreconditionMissing: ProblemType(
        slug="precondition-required",
        status=428,
        detail="This server requires an If-Match header with every change.",
        remedy="Read the resource and send its ETag in If-Match; or If-Match: * to overwrite it.",
    ),
    http.RequestTimeout: ProblemType(
        slug="request-timeout",
        status=408,
        detail="The body didn't arrive in time.",
        remedy="Nothing was changed. Try again over a better connection.",
        retry_after=1,
    ),
    http.RequestEntityTooLarge: ProblemType(
        slug="content-too-large",
        status=413,
        detail="The body is larger than the server accepts.",
        remedy="Send a smaller body.",
    ),
    http.UnsupportedMediaType: ProblemType(
        slug="unsupported-media-type",
        status=415,
        detail="The body's media type is not supported.",
        meaning="The operation does not accept this Content-Type or Content-Encoding.",
        remedy="Send the body with a Content-Type that detail names, in UTF-8 and uncompressed.",
    ),
    http.RequestedRangeNotSatisfiable: ProblemType(
        slug="range-not-satisfiable",
        status=416,
        detail="The file doesn't contain the requested range.",
        meaning="The Range header asks for bytes beyond the end of a file of the documentation.",
        remedy="Leave the Range header out.",
    ),
    RateLimited: ProblemType(
        slug="rate-limited",
        status=429,
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
    RedisUnavailable: ProblemType(
        slug="limits-unavailable",
        status=503,
        detail="Attempts can't be counted at the moment, so they are refused.",
        meaning="Redis, which counts attempts to sign in and to register, can't be used.",
        remedy=f"{RETRY} Other operations work.",
        retry_after=1,
    ),
    NotReady: ProblemType(
        slug="not-ready",
        status=503,
        detail="The service should get no traffic now: see checks.",
        meaning="A dependency of the service is missing, or the server is about to stop.",
        remedy=RETRY,
        retry_after=1,
        schema=ReadinessProblem,
    ),
}
