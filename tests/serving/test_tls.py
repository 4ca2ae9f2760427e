"""TLS by the settings, with HTTP/1.1 and HTTP/2 behind it."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.live import HUNG
from tests.serving.test_runner import Server, running
from tests.serving.test_start import last_line


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    """What a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> dict[str, Any]:
    """The settings that turn TLS on."""
    issued = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    for certificate in issued.cert_chain_pems:
        certificate.write_to_path(chain, append=True)
    issued.private_key_pem.write_to_path(key)
    return {"TLS_CERTFILE": str(chain), "TLS_KEYFILE": str(key)}


def end(server: Server) -> None:
    server.process.terminate()
    code, log = server.end()
    assert (code, "Traceback" in log) == (0, False)


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_speaks_the_version_that_the_client_prefers(
    tmp_path: Path, trust: ssl.SSLContext, files: dict[str, Any], http2: bool, version: str
) -> None:
    with running(tmp_path, ("tests.asgi",), **files) as server:
        address = server.wait_until_it_listens()
        assert address.startswith("https://")
        with httpx.Client(base_url=address, http2=http2, verify=trust) as client:
            created = client.post("/api/gizmos", json={"name": "First item"})
            assert (created.status_code, created.http_version) == (201, version)
            assert created.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert client.get(created.headers["Location"]).json() == created.json()
        end(server)


def test_without_tls_no_browser_is_kept_to_it(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        response = httpx.get(f"{server.wait_until_it_listens()}/api/health")
        assert "Strict-Transport-Security" not in response.headers
        end(server)


def test_the_certificate_and_its_key_may_be_in_one_file(
    tmp_path: Path, authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    both = tmp_path / "both.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(both)
    with running(tmp_path, TLS_CERTFILE=str(both)) as server:
        address = server.wait_until_it_listens()
        assert httpx.get(f"{address}/api/health", verify=trust).status_code == 200
        end(server)


def offered(context: ssl.SSLContext, *, newest: ssl.TLSVersion, ciphers: str = "DEFAULT") -> None:
    """Limit what a client offers."""
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # the old ones, which we want refused
@pytest.mark.parametrize(
    ("newest", "ciphers", "version"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+CHACHA20", "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256", None),  # without forward secrecy
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AES+SHA1", None),
        (ssl.TLSVersion.TLSv1_1, "ALL", None),
    ],
)
async def test_accepts_only_strong_ciphers(
    tmp_path: Path,
    trust: ssl.SSLContext,
    files: dict[str, Any],
    newest: ssl.TLSVersion,
    ciphers: str,
    version: str | None,
) -> None:
    offered(trust, newest=newest, ciphers=ciphers)
    with running(tmp_path, **files) as server:
        server.wait_until_it_listens()
        async with asyncio.timeout(HUNG):
            if version is None:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
            else:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
                assert writer.get_extra_info("ssl_object").version() == version
                writer.close()
        end(server)


def test_who_speaks_no_tls_gets_nothing(tmp_path: Path, files: dict[str, Any]) -> None:
    with running(tmp_path, **files) as server:
        address = server.wait_until_it_listens()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{server.port}/api/health")
        with pytest.raises(httpx.ConnectError):  # a client that doesn't trust the certificate
            httpx.get(f"{address}/api/health")
        end(server)


def test_a_key_that_does_not_fit_stops_it_in_one_line(
    tmp_path: Path, authority: trustme.CA, files: dict[str, Any]
) -> None:
    key = tmp_path / "other.pem"
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(key)
    line = last_line(tmp_path, **{**files, "TLS_KEYFILE": str(key)})
    assert line.startswith(f"no TLS with {files['TLS_CERTFILE']} and {key}: ")
    assert "key values mismatch" in line
    line = last_line(tmp_path, TLS_CERTFILE=files["TLS_CERTFILE"])
    assert line.startswith(f"no TLS with {files['TLS_CERTFILE']}: ")
