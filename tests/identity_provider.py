"""An identity provider: a real HTTP server with a JWK set, and tokens signed with its keys."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example.com/", "https://items.example.com"

Jwk = dict[str, Any]


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def jwk_of(key: PrivateKeyTypes, kid: str, **members: Any) -> Jwk:
    """The public half of `key`."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", **members}


KEY, OTHER_KEY, EC_KEY = rsa_key(), rsa_key(), ec_key()


def claims_of(subject: str = "ada", **changes: Any) -> dict[str, Any]:
    """What a token says; None leaves a claim out."""
    now = int(time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


class IdentityProvider:
    """What it answers, how often it was asked, and whether it answers at all."""

    def __init__(self) -> None:
        self.keys: list[Jwk] = []
        self.content: bytes | None = None
        """Sent in place of the keys."""
        self.status = 200
        self.location = ""
        self.asked = 0
        self.reached = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                provider.reached.set()
                assert provider.open.wait(60)
                content = provider.content or json.dumps({"keys": provider.keys}).encode()
                self.send_response(provider.status)
                if provider.location:
                    self.send_header("Location", provider.location)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing: the tests count."""

        return Handler

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.url = f"http://127.0.0.1:{server.server_port}/keys"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self.open.set()
            server.shutdown()
            thread.join()
            server.server_close()


def bearer(
    key: Any, kid: str, *, algorithm: str = "RS256", typ: str | None = "at+jwt", **claims: Any
) -> dict[str, str]:
    """The header of a request with a token of the provider's; `typ` is its own header's."""
    header = {"kid": kid, "typ": typ}
    token = jwt.encode(claims_of(**claims), key, algorithm, headers=header)
    return {"Authorization": f"Bearer {token}"}


async def listed(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await client.get("/api/gizmos", headers=headers)


async def status(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await listed(client, headers)).status_code
