"""The options of the server, which asgi.py takes from the settings of the same names."""

from typing import get_type_hints

import pytest

from api.config.server_settings import ServerSettings
from serving.config import Options

SETTINGS = get_type_hints(ServerSettings)


@pytest.mark.parametrize(("name", "kind"), get_type_hints(Options).items())
def test_an_option_is_a_setting_of_the_same_type(name: str, kind: object) -> None:
    whole = int if kind is float else kind  # only tests use fractions of a second
    assert SETTINGS[name] == whole
