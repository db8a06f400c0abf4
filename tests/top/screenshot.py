"""A picture of `shipper top` for the README: real traffic on a topic, a real terminal, its screen.

make screenshot         writes docs/top.svg
"""

import io
import itertools
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.text import Text

from shipper.delivery import MockBroker

from .records import TOPIC, publish, record
from .terminal import Terminal

_AT = Path(__file__).parents[2] / "docs" / "top.svg"
_SIZE = (124, 34)
_SECONDS = 75.0
_TURN_S = 1.0
#: Before what is watched, so that it is known what is usual: so long ago (s), and so rarely.
_PAST = range(-600, -60)
_PAST_RATE, _RATE = 24, 220
#: What is slower than it was, and how much.
_SLOWED, _SLOWER = "/search", 4.0

#: method, path, weight, median seconds, share of 4xx, share of 5xx
_ROUTES = (
    ("GET", "/products/{n}", 30, 0.006, 0.03, 0.0),
    ("GET", "/users/{n}/orders/{uuid}", 16, 0.018, 0.01, 0.0),
    ("POST", "/orders", 9, 0.045, 0.02, 0.06),
    ("GET", "/search", 8, 0.120, 0.0, 0.004),
    ("PUT", "/carts/{hex}/items/{n}", 7, 0.012, 0.01, 0.0),
    ("GET", "/static/main.{short}.js", 7, 0.001, 0.0, 0.0),
    ("GET", "/reports/{date}", 2, 0.900, 0.0, 0.02),
    ("POST", "/v1/chat/completions", 3, 1.800, 0.05, 0.01),
    ("DELETE", "/carts/{hex}", 2, 0.009, 0.1, 0.0),
    ("GET", "/health", 4, 0.0004, 0.0, 0.0),
    ("GET", "/.env", 1, 0.001, 1.0, 0.0),
)
_CLIENTS = ("198.51.100.7", "198.51.100.12", "198.51.100.41", "203.0.113.9", "2001:db8::4a")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "shop-app/4.2 (Android 15)",
    "openai-python/2.3.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "curl/8.5.0",
)


def traffic(
    chance: Random, now: float, rate: int = _RATE, slower: float = _SLOWER
) -> Iterator[dict[str, Any]]:
    """What happened in one turn, some of it more often than other."""
    for _ in range(round(chance.gauss(rate, rate / 7))):
        (chosen,) = chance.choices(_ROUTES, [route[2] for route in _ROUTES])
        method, path, _, median, refused, failing = chosen
        unique = uuid.UUID(int=chance.getrandbits(128), version=4)
        drawn = chance.random()
        yield record(
            now - _TURN_S * chance.random(),
            path.format(
                n=chance.randrange(10**6),
                uuid=unique,
                hex=unique.hex,
                short=f"a{unique.hex[:6]}7",
                date="2026-11-23",
            ),
            method=method,
            status=503 if drawn < failing else 404 if drawn < failing + refused else 200,
            seconds=median * (slower if path == _SLOWED else 1.0) * chance.lognormvariate(0, 0.5),
            client=chance.choices(_CLIENTS, [6, 5, 4, 2, 1])[0],
            agent=chance.choices(_AGENTS, [8, 6, 3, 2, 1])[0],
            host=chance.choice(("shop.example", "api.example")),
        )


def picture(screen: str, width: int) -> str:
    """A screen with its escape sequences as SVG, without a font from elsewhere."""
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), soft_wrap=True)
    svg = console.export_svg(title="shipper top", unique_id="top")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main() -> int:
    """Play the traffic, look, write the file."""
    chance = Random(7)
    with MockBroker() as broker:
        broker.create_topic(TOPIC)
        before = time.time()
        for minute in _PAST[::60]:
            seconds = (traffic(chance, before + minute + n, _PAST_RATE, 1.0) for n in range(60))
            publish(broker.bootstrap, *itertools.chain.from_iterable(seconds))
        where = ("--bootstrap-servers", broker.bootstrap)
        arguments = (*where, "--window", "1m", "--from-beginning")
        with Terminal(*_SIZE, "top", *arguments) as terminal:
            begin = time.time()
            for turn in itertools.count(1):
                due = begin + turn * _TURN_S
                time.sleep(max(0.0, due - time.time()))
                publish(broker.bootstrap, *traffic(chance, due))
                if due > begin + _SECONDS:
                    break
            screen = terminal.coloured()
    _AT.write_text(picture(screen, _SIZE[0]))
    sys.stdout.write(f"{_AT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
