"""How many descriptors the process may have, and how many of them are left for connections."""

import contextlib
import resource

RESERVED = 256
"""Descriptors that connections leave to the database, its pool, files and the log; half of them
where there are not twice as many."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one, which needs no privilege."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(
        OSError, ValueError
    ):  # such as on macOS, whose hard limit is a fiction
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors_for_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(soft - RESERVED, soft // 2)
