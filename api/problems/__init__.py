"""The table of problems: for each exception its response, its description in the OpenAPI document
and its page under /errors/."""

from dataclasses import replace
from functools import cache

from api.problems import accounts, requests
from schemas.problems import ProblemType
from schemas.tokens import TokenProblem

PROBLEMS = requests.PROBLEMS | accounts.PROBLEMS
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
