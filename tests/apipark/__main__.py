"""Live traffic to a real Loki, and the questions that APIPark's pages ask it.

    make apipark      builds Loki when it is first run (10 minutes of one core)

The agent captures, a broker holds the lines, and they go to Loki as `config/loki/apipark.alloy`
says: one label, the message's time. Each question is sent as the driver of APIPark composes it
(`log-driver/loki/loki.go`), and its answer is held against what the client sent.
"""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from live.netns import PORT
from live.running import Agent, eventually

from shipper.delivery import MockBroker, Start, TopicReader

from .lines import BODIES, COLUMNS, FIELDS
from .loki import Loki

_TOPIC = "http.header.apipark.v1"
_CLUSTER = "apinto"
_HOSTS = ("shop.example", "ai.example")
_PATHS = ("/v1/chat/completions", "/users/4711/orders", "/missing", "/search?q=a%20b&token=abc")
_EACH = 30
_PAGE = 15
_HEADERS = {"x-ratelimit-remaining-tokens": "149984", "openai-model": "gpt-4o"}
_ROOT = Path(__file__).parents[2]
_ALLOY = _ROOT / "config" / "loki" / "apipark.alloy"


class Sent(NamedTuple):
    """A request that was answered, by the id that it bore."""

    host: str
    method: str
    target: str
    status: int


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as an AI interface would."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "2")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 - http.server asks for this name

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@contextmanager
def _serving() -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", PORT), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _send() -> dict[str, Sent]:
    """Requests to each host and path, no two in the same millisecond."""
    sent = {}
    for number in range(_EACH):
        for host in _HOSTS:
            for path in _PATHS:
                connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
                method = "POST" if "chat" in path else "GET"
                name = str(uuid.uuid4())
                headers = {
                    "Host": host,
                    "X-Request-Id": name,
                    "Authorization": "Bearer abcdef",
                    "User-Agent": f"client/{number % 3}",
                }
                connection.request(method, path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                connection.close()
                sent[name] = Sent(host, method, path, answer.status)
                time.sleep(0.002)
    return sent


def _captured() -> tuple[dict[str, Sent], list[tuple[int, bytes]]]:
    """What was sent, and what the topic holds of it: times (ms) and lines."""
    headers = (_ROOT / "config" / "loki" / "shipper.toml").read_text()
    headers = headers[: headers.index("[kafka]")]
    with MockBroker() as broker, _serving():
        broker.create_topic(_TOPIC)
        agent = Agent(
            f'{headers}\n[kafka]\n"bootstrap.servers" = "{broker.bootstrap}"', outputs=("kafka",)
        )
        try:
            sent = _send()
            eventually(lambda: len(agent.records()) == len(sent), "every exchange is told")
            if code := agent.signal():
                raise AssertionError(f"the agent ended with {code}")
        finally:
            agent.close()
        with TopicReader(
            {"bootstrap.servers": broker.bootstrap},
            _TOPIC,
            log=lambda _level, _line: None,
            start=Start.BEGINNING,
        ) as reader:
            return sent, [(m.timestamp_ms, m.value) for m in reader.until_end()]


def _configuration() -> None:
    """Alloy's own parser reads `config/loki/apipark.alloy`, and finds what leads to Loki."""
    done = subprocess.run(
        ["go", "run", "-C", str(Path(__file__).parent / "alloy"), ".", str(_ALLOY)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "loki.source.kafka shipper",
        "loki.process services",
        "loki.write apipark",
    ]


def _count_by_group(loki: Loki, sent: dict[str, Sent]) -> None:
    """`LogCount`: how many in the last hours, by a field, under a condition and without."""
    for group, of in (("provider", _host), ("request_method", _method), ("status", _status)):
        query = f'sum(count_over_time({{cluster="{_CLUSTER}"}} | json  [24h])) by ({group})'
        answer = loki.ask("query", query=query)
        counts = {each["metric"][group]: int(each["value"][1]) for each in answer}
        assert counts == Counter(of(each) for each in sent.values()), (group, counts)
    condition = f'|provider="{_HOSTS[0]}"'
    query = f'sum(count_over_time({{cluster="{_CLUSTER}"}} | json {condition} [1h])) by (api)'
    counts = {
        each["metric"]["api"]: int(each["value"][1]) for each in loki.ask("query", query=query)
    }
    assert counts == dict.fromkeys(("/v1/chat/completions", "/users", "/missing", "/search"), _EACH)


def _page_of_logs(loki: Loki, sent: dict[str, Sent]) -> None:
    """`Logs`: how many in 30 days, then the page, newest first, and the one before by its msec."""
    now = time.time_ns()
    condition = f'provider="{_HOSTS[1]}"'
    query = f'sum(count_over_time({{cluster="{_CLUSTER}"}} | json |{condition} [720h]))'
    (total,) = loki.ask("query", query=query, start=str(now - 10**13), end=str(now))
    assert int(total["value"][1]) == len(sent) // 2
    page = {
        "query": f'{{cluster="{_CLUSTER}"}} | json | provider=~"{_HOSTS[1]}"',
        "limit": str(_PAGE),
        "direction": "backward",
        "start": str(now - 10**13),
    }
    newest = [name for name, each in sent.items() if each.host == _HOSTS[1]][::-1]
    first = [each["stream"] for each in loki.ask("query_range", **page, end=str(now))]
    assert {_name(line) for line in first} == set(newest[:_PAGE])
    last = min(int(line["msec"]) for line in first)
    second = [each["stream"] for each in loki.ask("query_range", **page, end=str(last * 1_000_000))]
    assert {_name(line) for line in second} == set(newest[_PAGE : 2 * _PAGE])
    for line in first + second:
        assert line.keys() >= FIELDS | BODIES
        assert line["cluster"] == _CLUSTER
        assert line["authorization"] == "***"


def _one_log(loki: Loki, sent: dict[str, Sent]) -> None:
    """`LogInfo`: one line by its request id; its headers can be read."""
    now = time.time_ns()
    window = {"start": str(now - 30 * 86_400 * 10**9), "end": str(now)}
    some = loki.ask("query_range", query=f'{{cluster="{_CLUSTER}"}} | json', limit="5", **window)
    for each in some:
        wanted = each["stream"]["request_id"]
        query = f'{{cluster="{_CLUSTER}"}} | json | request_id = `{wanted}`'
        (found,) = loki.ask("query_range", query=query, limit="1", **window)
        line = found["stream"]
        request = sent[_name(line)]
        assert line["request_uri"] == request.target.replace("token=abc", "token=***")
        assert line["status"] == str(request.status)
        assert "Openai-Model=gpt-4o" in line["response_header"]
        assert "X-Ratelimit-Remaining-Tokens=149984" in line["response_header"]
        assert "abcdef" not in found["values"][0][1]


def _copied_lines(loki: Loki, sent: dict[str, Sent]) -> None:
    """`LogRecords`: every line of some time, as rows: unique ids, in the columns' lengths."""
    now = time.time_ns()
    lines = [
        each["stream"]
        for each in loki.ask(
            "query_range",
            query=f'{{cluster="{_CLUSTER}"}} | json',
            direction="backward",
            start=str(now - 600 * 10**9),
            end=str(now),
            limit="5000",
        )
    ]
    assert len({line["request_id"] for line in lines}) == len(lines) == len(sent)
    for line in lines:
        assert int(line["status"]) == sent[_name(line)].status
        assert int(line["request_time"]) >= 0
        assert all(len(line[name]) <= longest for name, longest in COLUMNS.items())


def _host(sent: Sent) -> str:
    return sent.host


def _method(sent: Sent) -> str:
    return sent.method


def _status(sent: Sent) -> str:
    return str(sent.status)


def _name(line: dict[str, Any]) -> str:
    _, _, rest = line["request_header"].partition("X-Request-Id=")
    name: str = rest.partition("&")[0]
    return name


_QUESTIONS: tuple[Callable[[Loki, dict[str, Sent]], None], ...] = (
    _count_by_group,
    _page_of_logs,
    _one_log,
    _copied_lines,
)


def _well(what: str | None, question: Callable[..., None], *given: object) -> bool:
    """Whether it is as it should be; one line for a person."""
    try:
        question(*given)
    except AssertionError as error:
        sys.stdout.write(f"FAIL {what}\n     {error}\n")
        return False
    sys.stdout.write(f"ok   {what}\n")
    return True


def main() -> int:
    """All questions; 0 if each is answered as it should be."""
    answered = {"configuration": _well(_configuration.__doc__, _configuration)}
    sent, lines = _captured()
    with tempfile.TemporaryDirectory(prefix="shipper-loki-") as folder, Loki(Path(folder)) as loki:
        # The second time is a repetition, as Kafka may deliver it.
        loki.push(_CLUSTER, lines)
        loki.push(_CLUSTER, lines)
        for question in _QUESTIONS:
            answered[question.__name__.strip("_")] = _well(question.__doc__, question, loki, sent)
    told = {"requests": len(sent), "lines": len(lines), **answered}
    sys.stdout.write(f"{json.dumps(told)}\n")
    return 0 if all(answered.values()) and len(lines) == len(sent) else 1


if __name__ == "__main__":
    sys.exit(main())
