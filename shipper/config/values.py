"""Kinds of values that keys take, each with the words for what it allows.

A validator's message completes the sentence "capture.ring_bytes: got 3, ...".
"""

import ipaddress
import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator

Item = TypeVar("Item")

_LAST_PORT = 65535
_PAGE = 4096

_SIZE = re.compile(r"(\d+) ?(KiB|MiB|GiB)?")
_STATUS = re.compile(r"[1-9](\d\d|xx)")
_FACTOR = {None: 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _split(given: object) -> object:
    """The environment and flags give lists as text: "a,b"."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return given


def _table(given: object) -> object:
    """And tables as "name=value,name=value"."""
    if isinstance(given, str):
        pairs = [part.partition("=") for part in given.split(",") if part.strip()]
        return {name.strip(): value.strip() for name, _, value in pairs}
    return given


def _size(given: object) -> object:
    if isinstance(given, str) and (found := _SIZE.fullmatch(given.strip())):
        return int(found[1]) * _FACTOR[found[2]]
    return given


def _text(given: object) -> object:
    return str(given) if isinstance(given, int) else given


def _status(given: str) -> str:
    if not _STATUS.fullmatch(given):
        raise ValueError('a status or a class of them is needed, as in 404 or "2xx"')
    return given


def _port(given: int) -> int:
    if not 1 <= given <= _LAST_PORT:
        raise ValueError("a port is 1 to 65535")
    return given


def _cidr(given: str) -> str:
    try:
        return str(ipaddress.ip_network(given))
    except ValueError:
        raise ValueError(
            "a network in CIDR form is needed, as in 10.0.0.0/8 or fd00::/8, host bits zero"
        ) from None


def _host_port(given: str) -> str:
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= _LAST_PORT:
        raise ValueError("host:port is needed, as in kafka.example:9092 or [fd00::1]:9092")
    return given


def _listen(given: str) -> str:
    return _host_port(given) if given else given


def _pattern(given: str) -> str:
    try:
        re.compile(given)
    except re.error as e:
        raise ValueError(f"a regular expression is needed ({e})") from None
    return given


def _absolute(given: str) -> str:
    if not given.startswith("/"):
        raise ValueError("an absolute path is needed")
    return given


def _ring(given: int) -> int:
    if given < _PAGE or given & (given - 1):
        raise ValueError("a power of two of at least 4096 is needed, as in 4MiB")
    return given


def _output(given: str) -> str:
    path = given.removeprefix("file:")
    if given in {"kafka", "stdout"} or (path != given and path):
        return given
    raise ValueError('"kafka", "stdout" or "file:PATH" is needed')


#: A list that may also be given as text, separated by commas.
Several = Annotated[tuple[Item, ...], BeforeValidator(_split)]
#: A table that may also be given as text, "name=value" separated by commas.
Table = Annotated[dict[str, Item], BeforeValidator(_table)]
Port = Annotated[int, AfterValidator(_port)]
Cidr = Annotated[str, AfterValidator(_cidr)]
HostPort = Annotated[str, AfterValidator(_host_port)]
#: The same, or nothing.
ListenAddress = Annotated[str, AfterValidator(_listen)]
Pattern = Annotated[str, AfterValidator(_pattern)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
#: `404`, `2xx`; a number may be given as one.
StatusOrClass = Annotated[str, BeforeValidator(_text), AfterValidator(_status)]
Size = Annotated[int, BeforeValidator(_size)]
RingBytes = Annotated[int, BeforeValidator(_size), AfterValidator(_ring)]
Output = Annotated[str, AfterValidator(_output)]
