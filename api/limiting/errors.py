"""The errors of rate limits."""


class RateLimited(Exception):
    """The limit is exceeded; the next request is accepted in `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.detail = f"Too many requests: try again in {wait} s."
        self.headers = {"Retry-After": str(wait)}


class RedisUnavailable(Exception):
    """Redis can't be reached, is too slow or can't write."""
