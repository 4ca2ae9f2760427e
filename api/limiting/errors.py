"""The errors of rate limits."""


class RateLimited(Exception):
    """The limit is exceeded; the next request is accepted in `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class RedisUnavailable(Exception):
    """Redis can't be reached, is too slow or can't write."""
