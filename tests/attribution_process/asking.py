"""How the tests ask, and what they compare: an exchange's process with what its own headers say."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from live.clients import url
from live.watch import header

from shipper.contract.exchange import Exchange

_TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(_TESTS)])}
#: The shell's pid, which curl keeps, because it takes the shell's place.
_ASK = 'exec curl --silent --output /dev/null --header "X-Pid: $$" --header "X-Name: curl" "$1"'


def curl(port: int, times: int = 1, host: str = "127.0.0.1") -> None:
    """Ask so many times, each in a process of its own, several at once."""
    subprocess.run(
        ["xargs", "-P", "4", "-I", "@", "sh", "-c", _ASK, "sh", url(host, port, "/@")],
        input="\n".join(map(str, range(times))),
        text=True,
        check=True,
    )


def asked_of(exchange: Exchange) -> tuple[int, str]:
    """Pid and name of who asked, as it says itself."""
    return int(header(exchange.request, "x-pid") or 0), header(exchange.request, "x-name")


def answered_by(exchange: Exchange) -> tuple[int, str]:
    """Pid and name of who answered, as it says itself."""
    return int(header(exchange.response, "x-pid") or 0), header(exchange.response, "x-name")


def told(exchange: Exchange) -> tuple[int, str] | None:
    """Pid and name as the kernel told them."""
    process = exchange.process
    return None if process is None else (process.pid, process.name)


def wrong(exchanges: Iterable[Exchange], *, asking: bool) -> list[tuple[object, object]]:
    """What was told and what is true, where these differ."""
    truth = asked_of if asking else answered_by
    return [(told(each), truth(each)) for each in exchanges if told(each) != truth(each)]
