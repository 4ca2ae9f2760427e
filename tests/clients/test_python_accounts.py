"""The generated Python client against a live Hypercorn: registering, signing in and out."""

from http import HTTPStatus

from items_api_client import AuthenticatedClient, Client
from items_api_client.api.auth import create_token, register_user, revoke_token
from items_api_client.api.users import get_current_user, list_users, update_current_user
from items_api_client.models import (
    CurrentUserPatch,
    Problem,
    TokenPair,
    TokenProblem,
    TokenRequest,
    TokenRevocation,
    User,
    UserInput,
)

from tests.clients.answers import Answer, parsed
from tests.factory import PASSWORD

ADA = UserInput("ada@example.com", PASSWORD)


def grant_of(user: UserInput, password: str = PASSWORD) -> TokenRequest:
    return TokenRequest("password", username=user.email, password=password)


def token_problem(answer: Answer) -> str:
    """OAuth's code for why there are no tokens."""
    problem = parsed(TokenProblem, answer)
    assert answer.status_code == problem.status == HTTPStatus.BAD_REQUEST
    assert problem.error_description == problem.detail
    return problem.error


async def test_a_user_registers_signs_in_and_signs_out(live: str) -> None:
    async with Client(live) as client:
        registered = await register_user.asyncio_detailed(client=client, body=ADA)
        assert registered.status_code == HTTPStatus.CREATED
        user = parsed(User, registered)
        assert (user.email, user.role, user.active) == (ADA.email, "user", True)
        signed_in = await create_token.asyncio_detailed(client=client, body=grant_of(ADA))
        assert signed_in.headers["Cache-Control"] == "no-store"
        tokens = parsed(TokenPair, signed_in)

    async with AuthenticatedClient(live, tokens.access_token) as client:
        me = await get_current_user.asyncio_detailed(client=client)
        assert parsed(User, me) == user
        changed = await update_current_user.asyncio_detailed(
            client=client,
            body=CurrentUserPatch(current_password=PASSWORD, email="ada@example.org"),
            if_match=me.headers["ETag"],
        )
        assert parsed(User, changed).email == "ada@example.org"
        refused = parsed(Problem, await list_users.asyncio_detailed(client=client))
        assert (refused.status, refused.type_) == (403, "/errors/forbidden")

        body = TokenRevocation(tokens.refresh_token)
        ended = await revoke_token.asyncio_detailed(client=client, body=body)
        assert ended.status_code == HTTPStatus.NO_CONTENT
        answer = await get_current_user.asyncio_detailed(client=client)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        problem = parsed(Problem, answer)
        assert (problem.status, problem.type_) == (401, "/errors/invalid-token")


async def test_a_refresh_token_is_good_for_one_use(live: str) -> None:
    async with Client(live) as client:
        await register_user.asyncio(client=client, body=ADA)
        signed_in = await create_token.asyncio_detailed(client=client, body=grant_of(ADA))
        old = TokenRequest(
            "refresh_token", refresh_token=parsed(TokenPair, signed_in).refresh_token
        )
        renewed = await create_token.asyncio_detailed(client=client, body=old)
        assert parsed(TokenPair, renewed).expires_in > 0
        successor = TokenRequest(
            "refresh_token", refresh_token=parsed(TokenPair, renewed).refresh_token
        )
        again = await create_token.asyncio_detailed(client=client, body=successor)
        assert parsed(TokenPair, again).expires_in > 0
        used_up = await create_token.asyncio_detailed(client=client, body=old)
        assert token_problem(used_up) == "invalid_grant"


def test_the_errors_of_registering_and_signing_in_have_types(live: str) -> None:
    with Client(live) as client:
        assert isinstance(register_user.sync(client=client, body=ADA), User)
        taken = parsed(Problem, register_user.sync_detailed(client=client, body=ADA))
        assert (taken.status, taken.type_) == (409, "/errors/email-taken")
        wrong = create_token.sync_detailed(client=client, body=grant_of(ADA, PASSWORD[::-1]))
        assert token_problem(wrong) == "invalid_grant"
        incomplete = create_token.sync_detailed(client=client, body=TokenRequest("password"))
        assert token_problem(incomplete) == "invalid_request"


async def test_too_many_guesses_are_429_with_retry_after(live: str) -> None:
    guess = grant_of(ADA, "wrong")
    async with Client(live) as client:
        answers = [
            await create_token.asyncio_detailed(client=client, body=guess) for _ in range(11)
        ]
    problem = parsed(TokenProblem, answers[-1])
    assert answers[-1].status_code == problem.status == HTTPStatus.TOO_MANY_REQUESTS
    assert problem.type_ == "/errors/rate-limited"
    assert int(answers[-1].headers["Retry-After"]) > 0
