"""The screen in a real terminal: what it shows, what its keys change."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from live.running import eventually

from shipper.delivery import MockBroker

from .records import TOPIC, publish, record
from .terminal import Terminal

_ROUTES = {  # route: how often in a second, seconds, status
    "/users/{}": (9, 0.004, 200),
    "/orders/{}": (5, 0.020, 503),
    "/carts/{}": (2, 0.300, 201),
}


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    """A broker to whose topic the same traffic comes all the time."""
    stop = threading.Event()
    with MockBroker() as broker:
        broker.create_topic(TOPIC)

        def send() -> None:
            while not stop.wait(0.3):
                now = time.time()
                publish(
                    broker.bootstrap,
                    *(
                        record(now, path.format(n), seconds=seconds, status=status, client=f"::{n}")
                        for path, (often, seconds, status) in _ROUTES.items()
                        for n in range(often)
                    ),
                )

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        yield broker.bootstrap
        stop.set()
        sender.join()


@contextmanager
def showing(
    bootstrap: str, *arguments: str, size: tuple[int, int] = (80, 24)
) -> Iterator[Terminal]:
    """`shipper top` with all three routes on the screen."""
    with Terminal(*size, "top", "--bootstrap-servers", bootstrap, *arguments) as terminal:
        terminal.until(lambda s: not arguments or "shipper top" in s, "a screen")
        yield terminal


def running() -> dict[int, str]:
    """The command lines of all processes."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found[int(path.parent.name)] = path.read_text().replace("\0", " ")
    return found


def names(screen: str) -> list[str]:
    """What the lines of the table are about, in order."""
    return [line.split("GET ")[1].strip() for line in screen.splitlines() if "GET /" in line]


RATE = ["/users/{id}", "/orders/{id}", "/carts/{id}"]


def test_keys_change_order_filter_and_view(bootstrap: str) -> None:
    """One visit: by rate, by latency, reversed, filtered, with errors, by client, and out."""
    with showing(bootstrap) as terminal:
        screen = terminal.until(lambda s: names(s) == RATE, "all routes, the busiest first")
        assert "last 10 s" in screen
        assert "▼req/s" in screen
        terminal.press("Right", "Right")
        screen = terminal.until(lambda s: "▼p50 ms" in s, "sorted by p50")
        assert names(screen) == ["/carts/{id}", "/orders/{id}", "/users/{id}"]
        terminal.press("r")
        terminal.until(lambda s: "▲p50 ms" in s and names(s) == RATE, "the fastest first")
        terminal.press("/", "/", "C", "A", "R", "T")
        screen = terminal.until(lambda s: names(s) == ["/carts/{id}"], "only what holds /cart")
        assert "“/CART”" in screen
        terminal.press("Enter")
        terminal.until(lambda s: "Enter keeps" not in s and len(names(s)) == 1, "it is kept")
        terminal.press("/")
        terminal.press("Escape")
        terminal.until(lambda s: len(names(s)) == 3, "all again")
        terminal.press("e")
        terminal.until(lambda s: names(s) == ["/orders/{id}"], "only what has errors")
        terminal.press("e", "w")
        terminal.until(lambda s: "last 1 min" in s and len(names(s)) == 3, "the next window")
        terminal.press("Tab")
        terminal.until(lambda s: " client" in s and "::8" in s, "by client")
        terminal.press("q")
        screen = terminal.until(lambda s: "ended with" in s, "the end")
        assert "ended with 0" in screen
        assert "req/s" not in screen  # the screen from before is back


@pytest.mark.parametrize("keys", [("C-c",), ("/", "C-c")], ids=["table", "filter"])
def test_ctrl_c_leaves(bootstrap: str, keys: tuple[str, ...]) -> None:
    """As everywhere else."""
    with showing(bootstrap) as terminal:
        terminal.until(lambda s: "shipper top" in s, "a screen")
        terminal.press(*keys)
        screen = terminal.until(lambda s: "ended with" in s, "the end")
        assert "ended with 0" in screen


def test_figures_on_the_screen(bootstrap: str) -> None:
    """Errors of 100 %, latencies within the sketch's bound, the share of each class."""
    with showing(bootstrap) as terminal:
        screen = terminal.until(lambda s: names(s) == RATE, "all routes")
    users, orders, carts = (line.split() for line in screen.splitlines() if "GET /" in line)
    assert [users[1], orders[1], carts[1]] == ["·", "100.0", "·"]
    assert float(users[2]) == pytest.approx(4, rel=0.02)
    assert float(orders[3]) == pytest.approx(20, rel=0.02)
    assert float(carts[4]) == pytest.approx(300, rel=0.02)
    assert "5xx 31.2 %" in screen


def test_a_terminal_that_goes_takes_it_along(bootstrap: str) -> None:
    """Closed window, lost connection: nothing is left that draws for nobody."""
    with showing(bootstrap) as terminal:
        terminal.until(lambda s: names(s) == RATE, "all routes")
        processes = [pid for pid, command in running().items() if bootstrap in command]
        assert processes
    eventually(lambda: not set(processes) & set(running()), "they have ended")


def test_a_pause_holds_what_is_shown(bootstrap: str) -> None:
    """Paused, the screen stays as it is while traffic goes on."""
    with showing(bootstrap) as terminal:
        terminal.until(lambda s: names(s) == RATE, "all routes")
        terminal.press("Space")
        screen = terminal.until(
            lambda s: "paused" in s and terminal.unchanged(s), "the pause, drawn to its end"
        )
        time.sleep(2.5)  # two more would have been drawn
        assert terminal.screen() == screen
        terminal.press("Space")
        terminal.until(lambda s: "paused" not in s and s != screen, "it goes on")


def test_a_larger_terminal_shows_more(bootstrap: str) -> None:
    """Pulled larger, there are more columns, the rate of two minutes, clients and User-Agents."""
    with showing(bootstrap) as terminal:
        terminal.until(lambda s: names(s) == RATE, "all routes")
        terminal.resize(140, 40)
        screen = terminal.until(lambda s: "user agent" in s and "curl/8.5.0" in s, "more")
        assert "2xx    3xx" in screen
        assert "req/s, 2 min" in screen
