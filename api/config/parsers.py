"""The parsers of settings. Each has a sentence that says what it takes, for error messages."""

import ipaddress
import re
from pathlib import Path
from typing import TypeVar

from limits import RateLimitItem, parse_many

from api.config.declaration import Parser, takes
from api.runtime.proxies import TrustedProxies

T = TypeVar("T")

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
NAME = rf"{LABEL}(\.{LABEL})*"
WILDCARD = rf"\*(\.{LABEL}){{2,}}"
"""`*` for any one label, before two labels or more."""
YEAR = 360 * 24 * 60 * 60
"""The seconds of a year, as the library limits counts them."""
MAPPED_FROM_IPV4 = ipaddress.IPv6Network("::ffff:0:0/96")
A_KEY = "32 bytes or more, with 8 different characters or more"
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def integer(low: int, high: int) -> Parser[int]:
    def parse(text: str) -> int:
        # int() would also take other scripts' digits, signs, spaces and underscores.
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return Parser(parse, f"{low} to {high}")


def one_of(*values: str) -> Parser[str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError
        return text

    return Parser(parse, f"{', '.join(values[:-1])} or {values[-1]}")


def text_of(pattern: str, allowed: str) -> Parser[str]:
    """A printable text that is empty or matches `pattern`."""

    def parse(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            raise ValueError
        return printable(text)

    return Parser(parse, allowed)


def words_of(pattern: str, allowed: str) -> Parser[tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        found = words(text)
        if not all(re.fullmatch(pattern, word) for word in found):
            raise ValueError
        return found

    return Parser(parse, allowed)


def optional(parser: Parser[T]) -> Parser[T | None]:
    """The empty text is None."""
    return Parser(lambda text: parser.parse(text) if text else None, parser.allowed)


def unless_off(parser: Parser[T]) -> Parser[T | None]:
    """`off` is None."""
    allowed = f"{parser.allowed}, or off"
    return Parser(lambda text: None if text == "off" else parser.parse(text), allowed)


hosts = words_of(
    rf"(?ai:{NAME}|{WILDCARD}|\*)",
    "names such as api.example.com or *.example.com, separated by spaces; or *",
)
header_names = words_of(r"[A-Za-z0-9_-]{1,100}", "names of headers, separated by spaces")
short_text = text_of(r"(?! ).{1,255}(?<! )", "at most 255 characters")
claim = text_of(r"(?![ =]).{1,255}(?<![ =])", "a claim's name, or name=value")
contact_address = text_of(
    r"[^\s@]+@[^\s@/]+|https?://[^\s/]\S*",
    "an e-mail address, or one that starts with http:// or https://",
)
folder = text_of(".+", "the path of a folder")
socket_address = text_of("[/@].+", "an absolute path, or @ and a name")
# A header can carry no other characters, and loses spaces at the ends.
bearer_token = text_of("[!-~][ -~]{30,}[!-~]", "32 or more ASCII characters")


@takes("true or false")
def boolean(text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise ValueError
    return text.lower() in TRUE


@takes(f"a host name or an address; one of {', '.join(LOOPBACK)} unless AUTH_REQUIRED is on")
def host(text: str) -> str:
    """A name, an IPv4 address, or an IPv6 address without brackets."""
    if not re.fullmatch(NAME, text, re.IGNORECASE):
        ipaddress.ip_address(text)
    return text


@takes(
    "addresses, networks such as 10.0.0.0/8, and unix for clients on a Unix socket, "
    "separated by spaces"
)
def proxies(text: str) -> TrustedProxies:
    """An address is a network of one. One that is mapped from IPv4 would never match, since the
    clients' addresses are compared as IPv4."""
    found = words(text)
    networks = tuple(ipaddress.ip_network(word) for word in found if word != "unix")
    for network in networks:
        if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED_FROM_IPV4):
            raise ValueError
    return TrustedProxies(networks, unix="unix" in found)


@takes("such as 600/minute or 10/15 minutes, at most 1000000000 requests and at most a year")
def rate(text: str) -> RateLimitItem:
    """In the notation of the library limits."""
    limit, *others = parse_many(text)
    if others or not 1 <= limit.amount <= 10**9 or limit.get_expiry() > YEAR:
        raise ValueError
    return limit


@takes("the path of a file")
def file(text: str) -> str:
    if text and not Path(text).is_file():
        raise ValueError
    return printable(text)


@takes(f"{A_KEY}; in production it can't be left out")
def secret_key(text: str) -> str:
    return long_enough(text) if text else ""


@takes(f"keys separated by spaces, each of {A_KEY}")
def secret_keys(text: str) -> tuple[str, ...]:
    return tuple(long_enough(word) for word in text.split())


def printable(text: str) -> str:
    """Return `text` unless it has line breaks or control characters, which would forge lines of the
    log."""
    if not text.isprintable():
        raise ValueError
    return text


def long_enough(key: str) -> str:
    if len(key.strip().encode()) < 32 or len(set(key)) < 8:
        raise ValueError
    return key


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list, which spaces or commas separate."""
    return tuple(text.replace(",", " ").split())
