"""Origins that are let in and not, requests from them, and what the answers' headers say."""

from typing import Any

import httpx

from api.runtime.async_flask import AsyncFlask
from tests.conftest import bridged

CORS_ORIGINS = (
    "https://app.example.com http://localhost:5173 http://[::1]:3000 "
    "https://*.example.org https://*.example.org:8443 "
    "http://127.0.0.1:* capacitor://localhost chrome-extension://abcdefghijklmnop"
)
ALLOWED = [
    "https://app.example.com",
    "http://localhost:5173",
    "http://[::1]:3000",
    "https://a.example.org",
    "https://pull-request-7.example.org",
    "https://xn--tr-xka.example.org",
    "https://a.example.org:8443",
    "http://127.0.0.1:49152",
    "http://127.0.0.1",
    "capacitor://localhost",
    "chrome-extension://abcdefghijklmnop",
]
REFUSED = {
    "another site": "https://evil.net",
    "an allowed one, and more": "https://app.example.com.evil.net",
    "an allowed one, with more before it": "https://evil-app.example.com",
    "as the user of another": "https://app.example.com@evil.net",
    "a label above it": "https://example.com",
    "a label below it": "https://a.app.example.com",
    "another character for a dot": "https://appxexample.com",
    "another port": "https://app.example.com:8443",
    "the port that browsers leave out": "https://app.example.com:443",
    "no port where there is one": "http://localhost",
    "a longer port": "http://localhost:51730",
    "another scheme": "http://app.example.com",
    "no scheme": "app.example.com",
    "upper case": "HTTPS://APP.EXAMPLE.COM",
    "some upper case": "https://App.example.com",
    "a slash at the end": "https://app.example.com/",
    "a dot at the end": "https://app.example.com.",
    "a blank at the end": "https://app.example.com ",
    "a newline at the end": "https://app.example.com\n",
    "two at once": "https://app.example.com, https://app.example.com",
    "null": "null",
    "everybody": "*",
    "nothing": "",
    "what brackets mean in an expression": "http://1:3000",
    "no label": "https://example.org",
    "an empty label": "https://.example.org",
    "two labels": "https://a.b.example.org",
    "a label without its dot": "https://aexample.org",
    "one label, and more": "https://a.example.org.evil.net",
    "one label, with another port": "https://a.example.org:8444",
    "one label, with a longer port": "https://a.example.org:84430",
    "one label, with another scheme": "http://a.example.org",
    "one label, with a newline": "https://a.example.org\n",
    "one label, upper case": "https://A.example.org",
    "a user for a label": "https://evil.net/@a.example.org",
    "the asterisk itself": "https://*.example.org",
    "no ASCII": "https://\xe4.example.org",
    "any port, and more": "http://127.0.0.1:80.evil.net",
    "any port, with another scheme": "https://127.0.0.1:8443",
    "any port, as the user of another": "http://127.0.0.1:80@evil.net",
    "another extension": "chrome-extension://ponmlkjihgfedcba",
    "another scheme of an app": "tauri://localhost",
    "the scheme of an app, with a port": "capacitor://localhost:3000",
}
PREFLIGHT = {"headers": {"Access-Control-Request-Method": "POST"}}
EXPOSED = {"ETag", "Link", "Location", "Retry-After", "X-Request-ID"}


def connect(app: AsyncFlask, **options: Any) -> httpx.AsyncClient:
    """A client like the fixture, over a bridge with `options`."""
    transport = httpx.ASGITransport(bridged(app, **options))
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


async def ask(
    client: httpx.AsyncClient, method: str, path: str, origin: str | None, **options: Any
) -> httpx.Response:
    """Send a request from `origin`, which may be more than httpx would send of itself."""
    headers = dict(options.pop("headers", {}))
    if origin is not None:
        headers["Origin"] = origin.encode("latin-1")
    return await client.request(method, path, headers=headers, **options)


def cors_headers(response: httpx.Response) -> dict[str, list[str]]:
    return {
        name: response.headers.get_list(name)
        for name in response.headers
        if name.startswith("access-control-")
    }


def assert_granted(response: httpx.Response, origin: str) -> None:
    headers = cors_headers(response)
    assert headers["access-control-allow-origin"] == [origin]
    assert "access-control-allow-credentials" not in headers
    assert names(response, "Access-Control-Expose-Headers") >= EXPOSED
    assert "Origin" in names(response, "Vary")


def assert_refused(response: httpx.Response, why: str) -> None:
    assert cors_headers(response) == {}, why
    assert "Origin" in names(response, "Vary"), why


def names(response: httpx.Response, header: str) -> set[str]:
    return set(response.headers.get(header, "").split(", ")) - {""}
