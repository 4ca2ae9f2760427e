"""nginx with the configuration of deploy/nginx/, except for its address and its servers."""

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
SERVER = "    server {} max_fails=1 fail_timeout=10s;\n"
BACKUP = "    server {} max_fails=0 backup;\n"
ADDRESSES = ("172.30.42.11:8000", "172.30.42.12:8000")


class Nginx:
    """Run nginx in `folder` in front of the processes on `ports`; it is ready inside the block.

    `changes`: texts in the files of site/, and their replacements.
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
            servers(*ADDRESSES): servers(*(f"127.0.0.1:{port}" for port in dict.fromkeys(ports))),
            "listen 8443": f"listen 127.0.0.1:{port}",
            "listen [::]:8443 ssl http2 backlog=1024;\n": "",
            "/run/secrets/tls_certificate": str(certificate),
            "/run/secrets/tls_key": str(certificate),
            "/dev/stdout": str(self.log),
        }
        configuration = configured(folder / "nginx", {**own, **changes})
        self.command = [NGINX, "-e", "stderr", "-p", f"{folder}/", "-c", str(configuration)]

    def __enter__(self) -> Self:
        # Otherwise the workers run as a user that can't enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        self._process = subprocess.Popen(
            [*self.command, "-g", f"daemon off; {user} error_log stderr notice;"],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = read_until(self._process, "start worker process")
        return self

    def __exit__(self, *_: object) -> None:
        # On this signal nginx finishes its requests and their log lines.
        end(self._process, self._reader, signal.SIGQUIT)


def servers(*addresses: str) -> str:
    """Return the lines of the configuration for the processes at `addresses`."""
    return "".join(line.format(address) for line in (SERVER, BACKUP) for address in addresses)


def configured(folder: Path, changes: dict[str, str]) -> Path:
    """Copy the configuration with each of `changes` made once; return its nginx.conf."""
    shutil.copytree(SHIPPED, folder)
    for old, new in changes.items():
        [path] = [path for path in (folder / "site").iterdir() if old in path.read_text()]
        path.write_text(path.read_text().replace(old, new))
    return folder / "nginx.conf"
