"""The limits on guessing passwords; docs/rate-limits.md explains them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from hashlib import blake2b
from ipaddress import IPv6Address
from uuid import UUID

from api.limiting.errors import RateLimited
from api.limiting.windows import Policy
from api.observability import audit
from api.observability.request_log import current_record
from api.runtime.proxies import network

Client = tuple[Policy, str]
Networks = dict[int, Policy]
"""The policies for IPv6 networks by their bits, the smallest network first; IPv4 addresses count in
that one."""

HOME = 48
"""The bits of the largest IPv6 network that one customer has (RFC 6177)."""


class Attempts:
    """Counts attempts at passwords, if `enabled`; `policy` makes one of a name and a rate.

    An attempt beyond a limit raises RateLimited, and is recorded in the audit log.
    """

    def __init__(self, policy: Callable[[str, str], Policy], *, enabled: bool) -> None:
        def networks(name: str, rates: dict[int, str]) -> Networks:
            return {bits: policy(f"{name}-{bits}", rate) for bits, rate in rates.items()}

        self._enabled = enabled
        # For one account.
        self._from_address = policy("account-from-address", "10/15 minutes")
        self._from_known = policy("account-known", "30/day")
        self._first = networks("account-first", {HOME: "3/day", 40: "12/day", 32: "24/day"})
        self._first_together = policy("account-first", "50/day")
        self._from_anywhere = policy("account", "100/hour")
        # For all accounts.
        self._failed = networks("failed", {64: "100/hour", HOME: "200/hour", 32: "2000/hour"})
        # By the user of an access token.
        self._changes = policy("account-changes", "10/hour")
        self._new_emails = policy("email-changes", "5/day")

    @asynccontextmanager
    async def attempt(
        self, account: str, *, user_id: UUID | None, known: bool
    ) -> AsyncIterator[None]:
        """Count an attempt before a password is checked; uncount it unless the block raises.

        `account` is the address that was sent, `user_id` its user's. `known`: the account has an
        open session whose tokens were requested from the same network. Raises RateLimited and
        RedisUnavailable.
        """
        if not self._enabled:
            yield
            return
        account = digest(account)
        from_address = (self._from_address, f"{account} {_network(64)}")
        from_known = (self._from_known, f"{account} {_network(HOME)}")
        failed = [] if known else _clients(self._failed)
        first = [from_known] if known else _clients(self._first, account)
        together = [] if known else [(self._first_together, account)]
        async with AsyncExitStack() as counted:
            with _audited(user_id):
                await _admit([from_address, *failed], counted)
                if not await _all_allowed([*first, *together], counted):
                    await _admit([(self._from_anywhere, account)], counted)
            uncount = counted.pop_all().aclose
        yield
        await uncount()
        for policy, client in (from_address, first[0]):
            await policy.forget(client)

    async def count_change(self, user_id: UUID) -> None:
        """Count a change of an account, whether its password is right or wrong. Raises RateLimited
        and RedisUnavailable."""
        if self._enabled:
            with _audited(user_id):
                await self._changes.admit(str(user_id))

    async def count_new_email(self, user_id: UUID) -> None:
        """Count an attempt to find out whether an email address is taken. Raises as
        count_change."""
        if self._enabled:
            with _audited(user_id):
                await self._new_emails.admit(str(user_id))


@contextmanager
def _audited(user_id: UUID | None) -> Iterator[None]:
    try:
        yield
    except RateLimited:
        audit.record("attempt_limited", user_id=user_id)
        raise


async def _admit(clients: list[Client], counted: AsyncExitStack) -> None:
    """Count each of `clients` until `counted` is closed. Raises RateLimited."""
    for policy, client in clients:
        await policy.admit(client)
        counted.push_async_callback(policy.give_back, client)


async def _all_allowed(clients: list[Client], counted: AsyncExitStack) -> bool:
    """Return whether all of `clients` are allowed, and count those that are, as `_admit`."""
    for policy, client in clients:
        if not (await policy.hit(client)).allowed:
            return False
        counted.push_async_callback(policy.give_back, client)
    return True


def digest(*texts: str) -> str:
    """Return a short hash of texts that may be long or private."""
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _clients(networks: Networks, *of: str) -> list[Client]:
    """Return the networks that the request came from, each with its policy."""
    clients = [(policy, " ".join([*of, _network(bits)])) for bits, policy in networks.items()]
    is_v6 = isinstance(current_record().address, IPv6Address)
    return clients if is_v6 else clients[:1]


def _network(bits: int) -> str:
    return f"address {network(current_record().address, bits)}"
