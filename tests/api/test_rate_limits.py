"""How often one client may ask: whom a request counts for, and what its answer says.

Attempts at passwords: test_attempts.py; together with other processes: tests/faults/test_redis.py.
"""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from api import create_app, load_settings
from api.config.settings import Settings
from api.limiting.rate_limits import RateLimits
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from openapi.operation import Limit
from tests.accounts import account, another_session
from tests.api.origins import ALLOWED, CORS_ORIGINS, ask, assert_granted, names
from tests.factory import SECRET_KEY, UNLIMITED, settings_for
from tests.limited_app import (
    LOGIN,
    MEMBERS,
    PUBLIC,
    REGISTRATION,
    add_limited_operations,
    client_at,
)
from tests.openapi.validation import Json, responses
from tests.sqlite import migrated_database

FIELDS = {"RateLimit", "RateLimit-Policy"}
GUEST = {"account": "anna", "password": "open"}
Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path,
        RATE_LIMIT="3/hour",
        LOGIN_RATE_LIMIT="2/hour",
        REGISTRATION_RATE_LIMIT="1/hour",
        TRUSTED_PROXIES="10.0.0.0/8",
        CORS_ORIGINS=CORS_ORIGINS,
        MAX_BODY_BYTES="1000",
    )


@pytest.fixture
def app(app: AsyncFlask) -> AsyncFlask:
    add_limited_operations(app)
    return with_stopped_clock(app)


def with_stopped_clock(app: AsyncFlask) -> AsyncFlask:
    app.services[RateLimits] = RateLimits(app.services[Settings], clock=lambda: 1.7)
    return app


@pytest.fixture
def connect(app: AsyncFlask) -> Connect:
    """Makes clients, each at an address and with headers of its own."""
    return partial(client_at, app)


async def statuses(client: httpx.AsyncClient, times: int, path: str = PUBLIC) -> list[int]:
    return [(await client.get(path)).status_code for _ in range(times)]


def limit_headers(response: httpx.Response) -> dict[str, str]:
    """The headers of `response` that speak of limits."""
    wanted = {"RateLimit", "RateLimit-Policy", "Retry-After"}
    return {name: response.headers[name] for name in wanted if name in response.headers}


async def test_every_answer_says_what_is_left(connect: Connect) -> None:
    client = connect()
    policy = '"general";q=3;w=3600'
    for left in (2, 1, 0):
        response = await client.get("/api/gizmos")
        assert response.status_code == 200
        assert limit_headers(response) == {
            "RateLimit": f'"general";r={left};t=3600',
            "RateLimit-Policy": policy,
        }


async def test_a_request_beyond_the_limit_is_refused(connect: Connect) -> None:
    client = connect()
    assert await statuses(client, 3, "/api/gizmos") == [200] * 3
    for _ in range(2):
        response = await client.get("/api/gizmos", headers={"X-Request-ID": "abc"})
        assert response.status_code == 429
        assert response.headers["Content-Type"] == "application/problem+json"
        assert limit_headers(response) == {
            "RateLimit": '"general";r=0;t=3600',
            "RateLimit-Policy": '"general";q=3;w=3600',
            "Retry-After": "3600",
        }
        assert response.json() == {
            "type": "/errors/rate-limited",
            "title": "Rate limited",
            "status": 429,
            "detail": "Too many requests: try again in 3600 s.",
            "error": "Too many requests: try again in 3600 s.",
            "errors": [],
            "request_id": "abc",
        }


async def test_requests_that_come_at_once_get_no_more(connect: Connect) -> None:
    client = connect()
    answers = await asyncio.gather(*(client.get("/api/gizmos") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 17


async def test_errors_count_and_say_so_too(connect: Connect) -> None:
    client = connect()
    answers = [
        await client.get("/api/gizmos?limit=0"),
        await client.post("/api/gizmos", content=b"name=x"),
        await client.get("/api/gizmos/1"),
        await client.get("/api/gizmos/1"),
    ]
    assert [answer.status_code for answer in answers] == [400, 415, 404, 429]
    assert all(limit_headers(answer).keys() >= FIELDS for answer in answers)


async def test_counts_before_it_reads_the_body(connect: Connect) -> None:
    client = connect()
    large = json.dumps({"name": "x" * 2000}).encode()
    headers = {"Content-Type": "application/json"}
    answers = [await client.post("/api/gizmos", content=large, headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [413, 413, 413, 429]


async def test_addresses_count_apart_and_networks_of_ipv6_together(connect: Connect) -> None:
    assert await statuses(connect("203.0.113.1"), 4) == [204, 204, 204, 429]
    assert await statuses(connect("203.0.113.2"), 1) == [204]
    assert await statuses(connect("2001:db8::1"), 2) == [204, 204]
    assert await statuses(connect("2001:db8::ffff:2"), 2) == [204, 429]
    assert await statuses(connect("2001:db8:0:1::1"), 1) == [204]


async def test_behind_a_trusted_proxy_its_clients_count(connect: Connect) -> None:
    def behind(proxy: str, client: str) -> httpx.AsyncClient:
        return connect(proxy, **{"X-Forwarded-For": client})

    assert await statuses(behind("10.0.0.1", "203.0.113.1"), 4) == [204, 204, 204, 429]
    assert await statuses(behind("10.0.0.2", "198.51.100.7, 203.0.113.1"), 1) == [429]
    assert await statuses(behind("10.0.0.2", "203.0.113.2"), 1) == [204]
    assert await statuses(behind("192.0.2.1", "203.0.113.3"), 3) == [204, 204, 204]
    assert await statuses(behind("192.0.2.1", "203.0.113.4"), 1) == [429]


async def test_a_user_counts_as_one_wherever_they_are(app: AsyncFlask, connect: Connect) -> None:
    anna, bert = await account(app), await account(app)
    again = await another_session(app, anna.user)
    assert await statuses(connect("203.0.113.1", **anna.headers), 2, MEMBERS) == [204, 204]
    assert await statuses(connect("203.0.113.2", **again.headers), 2, MEMBERS) == [204, 429]
    assert await statuses(connect("203.0.113.2", **bert.headers), 1, MEMBERS) == [204]


async def test_users_do_not_use_up_the_limit_of_their_address(
    app: AsyncFlask, connect: Connect
) -> None:
    anna = await account(app)
    signed_in, not_signed_in = connect(**anna.headers), connect()
    assert await statuses(signed_in, 4, MEMBERS) == [204, 204, 204, 429]
    assert await statuses(not_signed_in, 4) == [204, 204, 204, 429]


@pytest.mark.parametrize("authorization", [None, "Bearer forged", "Basic YTpi"])
async def test_a_request_with_an_invalid_token_counts_for_its_address(
    connect: Connect, authorization: str | None
) -> None:
    client = connect(**({} if authorization is None else {"Authorization": authorization}))
    refused = await client.get(MEMBERS)
    assert refused.status_code == 401
    assert limit_headers(refused)["RateLimit"] == '"general";r=2;t=3600'
    assert await statuses(client, 3, MEMBERS) == [401, 401, 429]
    assert await statuses(connect(), 1) == [429]


async def test_signing_in_and_registering_have_limits_of_their_own(connect: Connect) -> None:
    client = connect()
    for path, allowed, policy in (
        (LOGIN, 2, '"login";q=2;w=3600'),
        (REGISTRATION, 1, '"registration";q=1;w=3600'),
    ):
        answers = [await client.post(path, json=GUEST) for _ in range(allowed + 1)]
        assert [answer.status_code for answer in answers] == [204] * allowed + [429]
        assert {limit_headers(answer)["RateLimit-Policy"] for answer in answers} == {policy}
    assert await statuses(client, 4) == [204, 204, 204, 429]


async def test_health_and_readiness_have_none(connect: Connect) -> None:
    client = connect()
    assert await statuses(client, 4) == [204, 204, 204, 429]
    for path in ("/api/health", "/api/ready"):
        for method in ("GET", "HEAD", "OPTIONS"):
            response = await client.request(method, path)
            assert response.status_code == 200
            assert limit_headers(response) == {}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/gizmos", 405),
        ("POST", "/api/health", 405),
        ("OPTIONS", "/api/gizmos", 200),
        ("OPTIONS", "/nowhere", 404),
        ("GET", "/openapi.json", 200),
        ("GET", "/openapi.yaml", 200),
        ("GET", "/openapi-3.0.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/page.css", 200),
        ("GET", "/", 302),
        ("GET", "/errors", 200),
        ("GET", "/errors/rate-limited", 200),
    ],
)
async def test_requests_without_an_operation_count_for_their_address(
    app: AsyncFlask, connect: Connect, method: str, path: str, status: int
) -> None:
    client = connect()
    answers = [await client.request(method, path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status] * 3 + [429]
    assert [limit_headers(answer)["RateLimit"] for answer in answers] == [
        f'"general";r={left};t=3600' for left in (2, 1, 0, 0)
    ]
    assert await statuses(client, 1) == [429]
    assert await statuses(connect("203.0.113.2"), 1) == [204]


async def test_a_preflight_counts_but_is_not_refused(connect: Connect) -> None:
    """A browser shows a page nothing of a request whose preflight was refused."""
    client = connect()
    asked = {"Access-Control-Request-Method": "POST"}
    preflights = [
        await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0], headers=asked) for _ in range(4)
    ]
    assert [answer.status_code for answer in preflights] == [204] * 4
    refused = await ask(client, "POST", "/api/gizmos", ALLOWED[0], json={"name": "Lamps"})
    assert refused.status_code == 429
    assert_granted(refused, ALLOWED[0])


async def test_monitoring_is_not_limited_but_guesses_at_its_token_are(tmp_path: Path) -> None:
    token = "m" * 32
    app = create_app(settings_for(tmp_path, RATE_LIMIT="2/hour", METRICS_TOKEN=token))
    async with app, client_at(app) as client:
        answers = [await client.get("/metrics") for _ in range(4)]
        right = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert right.status_code == 200


async def test_an_app_on_another_origin_can_read_them(connect: Connect) -> None:
    client = connect()
    answers = [await ask(client, "GET", "/api/gizmos", ALLOWED[0]) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    for answer in answers:
        assert_granted(answer, ALLOWED[0])
        assert names(answer, "Access-Control-Expose-Headers") >= FIELDS | {"Retry-After"}


async def test_the_log_names_the_limit_and_the_client_of_a_refusal(
    logged: Callable[[], str], settings: Settings
) -> None:
    app = create_app(settings)
    add_limited_operations(app)
    async with app:
        assert await statuses(client_at(app, "2001:db8::1"), 4) == [204, 204, 204, 429]
    lines = [json.loads(line) for line in logged().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line.get("refused_by") for line in requests] == [None, None, None, "general"]
    assert {line["client"] for line in requests} == {"2001:db8::1"}


@pytest.mark.parametrize(
    ("setting", "method", "path"),
    [
        ("RATE_LIMIT", "GET", PUBLIC),
        ("LOGIN_RATE_LIMIT", "POST", LOGIN),
        ("REGISTRATION_RATE_LIMIT", "POST", REGISTRATION),
    ],
)
async def test_a_limit_that_is_off_refuses_nothing_and_sends_no_headers(
    tmp_path: Path, setting: str, method: str, path: str
) -> None:
    app = create_app(
        settings_for(tmp_path, **(dict.fromkeys(UNLIMITED, "1/hour") | {setting: "off"}))
    )
    add_limited_operations(app)
    async with app, client_at(app) as client:
        answers = [await client.request(method, path, json=GUEST) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [204] * 5
    assert [limit_headers(answer) for answer in answers] == [{}] * 5


async def test_the_defaults_leave_room_for_a_busy_page(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)
    environ = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": "t"}
    settings = load_settings(environ)
    app = with_stopped_clock(create_app(settings))
    add_limited_operations(app)
    async with app, client_at(app) as client:
        first = {
            PUBLIC: await client.get(PUBLIC),
            LOGIN: await client.post(LOGIN, json=GUEST),
            REGISTRATION: await client.post(REGISTRATION),
        }
    assert {path: limit_headers(answer) for path, answer in first.items()} == {
        PUBLIC: {
            "RateLimit": '"general";r=1199;t=60',
            "RateLimit-Policy": '"general";q=1200;w=60',
        },
        LOGIN: {
            "RateLimit": '"login";r=59;t=60',
            "RateLimit-Policy": '"login";q=60;w=60',
        },
        REGISTRATION: {
            "RateLimit": '"registration";r=19;t=3600',
            "RateLimit-Policy": '"registration";q=20;w=3600',
        },
    }


def test_the_same_under_plain_wsgi(app: AsyncFlask) -> None:
    client = app.test_client()
    assert [client.get(PUBLIC).status_code for _ in range(4)] == [204, 204, 204, 429]
    environ = {"REMOTE_ADDR": "203.0.113.2"}
    assert client.get(PUBLIC, environ_overrides=environ).status_code == 204


def test_the_document_has_429_and_limit_headers_where_requests_are_counted(app: AsyncFlask) -> None:
    views = app.view_functions.values()
    limits = {v.operation.operation_id: v.operation.limit for v in views if hasattr(v, "operation")}
    assert {name: limit for name, limit in limits.items() if limit is not Limit.GENERAL} == {
        "get_health": Limit.NONE,
        "get_readiness": Limit.NONE,
        "sign_in": Limit.LOGIN,
        "register_user": Limit.REGISTRATION,
        "register": Limit.REGISTRATION,
    }
    documented: dict[str, Json] = {}
    for place, response in responses(build_document(app)):
        name, status = place.split()
        expected = set() if limits[name] is Limit.NONE else FIELDS
        assert set(response["headers"]) & FIELDS == expected, place
        documented.setdefault(name, {})[status] = response
    for name, answers in documented.items():
        assert ("429" in answers) == (limits[name] is not Limit.NONE), name
        fails_closed = limits[name] in {Limit.LOGIN, Limit.REGISTRATION}
        # These ask for a password.
        fails_closed |= name in {"create_token", "update_current_user", "delete_current_user"}
        assert ("limits-unavailable" in str(answers.get("503"))) == fails_closed, name
