import logging
from collections.abc import Iterator

import pytest

from serving import Bridge
from tests.serving.observed import Observed
from tests.serving.views import Views


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail the test if our code, asyncio or Hypercorn logs an error."""
    yield
    errors = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors, "\n".join(r.getMessage() + f"\n{r.exc_info}" for r in errors)


@pytest.fixture
def views() -> Views:
    return Views()


@pytest.fixture
def application(views: Views) -> Observed:
    return Observed(Bridge(views))
