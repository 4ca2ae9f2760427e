"""The limit of file descriptors of the process, and the part of it for connections."""

import contextlib
import resource

RESERVED = 256
"""The descriptors reserved for the database, its pool, files and the log; half of all if there are
fewer than twice as many."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one, which needs no privilege."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(
        OSError, ValueError
    ):  # as on macOS, which doesn't allow its own hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors_for_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(soft - RESERVED, soft // 2)
