"""What the calls of the generated Python client have in common."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol, TypeVar

T = TypeVar("T")


class Answer(Protocol):
    """The result of every call, with any type of parsed body."""

    @property
    def status_code(self) -> HTTPStatus: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def parsed(self) -> object: ...


def parsed(kind: type[T], answer: Answer) -> T:
    """What the client made of the answer."""
    assert isinstance(answer.parsed, kind), answer
    return answer.parsed
