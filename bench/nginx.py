"""nginx as deploy/nginx/ has it, but for where it listens and what it is put in front of."""

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import trustme

from bench.fleet import end, free_port, read_until

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
SHIPPED = Path(__file__).parent.parent / "deploy" / "nginx"
SERVER = "    server {}:{} max_fails=0;\n"
SERVERS = SERVER.format("172.30.42.11", 8000) + SERVER.format("172.30.42.12", 8000)


class Nginx:
    """In `folder`, in front of what listens on `ports`; it answers once it has been entered.

    `changes`: texts in the files of site/, and what stands there instead.
    """

    def __init__(self, folder: Path, ports: Iterable[int], **changes: str) -> None:
        assert NGINX is not None, "apt-get install nginx"
        port = free_port()
        self.address = f"https://127.0.0.1:{port}"
        self.trusted = ssl.create_default_context()
        self.log = folder / "access.log"
        certificate = folder / "certificate.pem"
        authority = trustme.CA()
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.configure_trust(self.trusted)
        own = {
            SERVERS: "".join(SERVER.format("127.0.0.1", port) for port in dict.fromkeys(ports)),
            "listen 8443": f"listen 127.0.0.1:{port}",
            "listen [::]:8443 ssl http2 backlog=1024;\n": "",
            "/run/secrets/tls_certificate": str(certificate),
            "/run/secrets/tls_key": str(certificate),
            "/dev/stdout": str(self.log),
        }
        configuration = configured(folder / "nginx", {**own, **changes})
        self.command = [NGINX, "-e", "stderr", "-p", f"{folder}/", "-c", str(configuration)]

    def __enter__(self) -> Self:
        # Else the workers become somebody who can't enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        self._process = subprocess.Popen(
            [*self.command, "-g", f"daemon off; {user} error_log stderr notice;"],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = read_until(self._process, "start worker process")
        return self

    def __exit__(self, *_: object) -> None:
        # By this one it finishes what it is at, and the log of it.
        end(self._process, self._reader, signal.SIGQUIT)


def configured(folder: Path, changes: dict[str, str]) -> Path:
    """A copy of what is shipped, with each of `changes` made once; its nginx.conf."""
    shutil.copytree(SHIPPED, folder)
    for old, new in changes.items():
        [path] = [path for path in (folder / "site").iterdir() if old in path.read_text()]
        path.write_text(path.read_text().replace(old, new))
    return folder / "nginx.conf"
