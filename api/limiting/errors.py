"""Why a request is not counted, or counted and not answered."""


class RateLimited(Exception):
    """A request too many; the next one is answered in `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class RedisUnavailable(Exception):
    """Redis can't be reached, is too slow or can't write."""
