"""Clients: curl, and what it was told to ask."""

import json
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from .netns import Namespace


class Ask(NamedTuple):
    """One request."""

    id: str
    method: str = "GET"
    target: str = "/"
    agent: str = "curl"
    body: str = ""
    close: bool = False


def several(prefix: str) -> list[Ask]:
    """One of each kind, over one connection as long as nothing closes it."""
    return [
        Ask(f"{prefix}-get"),
        Ask(f"{prefix}-head", "HEAD", "/files/page.html"),
        Ask(f"{prefix}-file", "GET", "/files/page.html?a=1&b=two"),
        Ask(f"{prefix}-post", "POST", "/created", body="x" * 3000),
        Ask(f"{prefix}-missing", "GET", "/missing"),
        Ask(f"{prefix}-none", "DELETE", "/none"),
        Ask(f"{prefix}-broken", "PUT", "/broken", body="y"),
        Ask(f"{prefix}-close", "GET", "/moved", close=True),
        Ask(f"{prefix}-again"),
    ]


def url(host: str, port: int, target: str = "/") -> str:
    """An address as a URL has it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{target}"


def start_curl(host: str, port: int, asks: Iterable[Ask]) -> subprocess.Popen[str]:
    """curl, asking one after the other; it prints a JSON object for each."""
    parts = []
    for ask in asks:
        lines = [
            "silent",
            "show-error",
            "globoff",
            'output = "/dev/null"',
            'write-out = "%{stdout}{\\"port\\":%{local_port},\\"status\\":%{http_code}}\\n"',
            f"url = {json.dumps(url(host, port, ask.target))}",
            f"header = {json.dumps(f'X-Request-Id: {ask.id}')}",
            f"user-agent = {json.dumps(ask.agent, ensure_ascii=False)}",
            "head" if ask.method == "HEAD" else f"request = {ask.method}",
        ]
        if ask.body:
            lines += [f"data-binary = {json.dumps(ask.body)}", 'header = "Expect:"']
        if ask.close:
            lines.append('header = "Connection: close"')
        parts.append("\n".join(lines))
    process = subprocess.Popen(
        ["curl", "-q", "-K", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write("\nnext\n".join(parts))
    process.stdin.close()
    process.stdin = None
    return process


def answers(process: subprocess.Popen[str]) -> list[tuple[int, int]]:
    """What curl was answered: its port and the status of each."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"curl: {err.strip()}"
    said = [json.loads(line) for line in out.splitlines()]
    return [(one["port"], one["status"]) for one in said]


def curl(client: Namespace, host: str, port: int, asks: Iterable[Ask]) -> list[tuple[int, int]]:
    """Ask from inside a namespace."""
    with client.inside():
        process = start_curl(host, port, asks)
    return answers(process)
