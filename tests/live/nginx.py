"""nginx as the truth: it writes down what it served, one JSON object a line."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = "/usr/sbin/nginx"
MARKER = b"~BODY~BYTES~STAY~IN~THE~KERNEL~"
_FIELDS = (
    "connection",
    "connection_requests",
    "remote_addr",
    "remote_port",
    "server_addr",
    "server_port",
    "request_method",
    "request_uri",
    "status",
    "http_user_agent",
    "http_x_request_id",
    "body_bytes_sent",
    "request_time",
)
_CONFIG = """
user root;
worker_processes {workers};
daemon off;
pid {at}/nginx.pid;
error_log {at}/error.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 2048; }}
http {{
  log_format truth escape=json '{{{fields}}}';
  access_log {at}/access.log truth;
  log_format who escape=json '{{"port":"$remote_port","pid":"$pid"}}';
  access_log {at}/who.log who;
  client_body_temp_path {at}/body;
  proxy_temp_path {at}/proxy;
  fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi;
  scgi_temp_path {at}/scgi;
  client_max_body_size 64m;
  keepalive_requests 100000;
  sendfile on;
  tcp_nopush on;
  default_type text/plain;
  root {at}/files;
  server {{
    {listen}
    location / {{ return 200 "{marker}\\n"; }}
    location /empty {{ return 200 ""; }}
    location /created {{ return 201 "made\\n"; }}
    location /none {{ return 204; }}
    location /moved {{ return 302 /elsewhere; }}
    location /missing {{ return 404 "not here\\n"; }}
    location /broken {{ return 500; }}
    location /files/ {{ alias {at}/files/; }}
    {more}
  }}
}}
"""


class Nginx:
    """One server; start it inside the namespace where it shall listen."""

    def __init__(
        self, at: Path, listen: list[str], port: int, more: str = "", workers: int = 1
    ) -> None:
        self.at = at
        (at / "files").mkdir(parents=True)
        (at / "files" / "page.html").write_bytes(b"<p>" + MARKER + b"</p>\n")
        (at / "files" / "big").write_bytes(MARKER * (8 * 1024 * 1024 // len(MARKER)))
        at.joinpath("nginx.conf").write_text(
            _CONFIG.format(
                at=at,
                fields=",".join(f'"{name}":"${name}"' for name in _FIELDS),
                listen=" ".join(
                    f"listen {f'[{a}]' if ':' in a else a}:{port} backlog=2048;" for a in listen
                ),
                marker=MARKER.decode(),
                more=more,
                workers=workers,
            )
        )
        self._process = subprocess.Popen(
            [PROGRAM, "-p", str(at), "-c", str(at / "nginx.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=at.joinpath("stderr").open("wb"),
        )
        self.pid = self._process.pid
        deadline = time.monotonic() + 20
        while not (at / "nginx.pid").exists() or not (at / "nginx.pid").read_text().strip():
            said = (at / "stderr").read_text()
            assert self._process.poll() is None, f"nginx did not start: {said}"
            assert time.monotonic() < deadline, f"nginx is not up after 20 s: {said}"
            time.sleep(0.01)

    def log(self) -> list[dict[str, Any]]:
        """What it has written down so far."""
        lines = (self.at / "access.log").read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def log_with(self, *ids: str) -> dict[str, dict[str, Any]]:
        """The log by request id, once all of these are there: it is written behind the answer."""
        deadline = time.monotonic() + 10
        while (
            not set(ids) <= (log := {line["http_x_request_id"]: line for line in self.log()}).keys()
        ):
            assert time.monotonic() < deadline, f"nginx has not served {set(ids) - log.keys()}"
            time.sleep(0.01)
        return log

    def lines(self) -> int:
        """How many requests that were."""
        return (self.at / "access.log").read_bytes().count(b"\n")

    def stop(self) -> list[dict[str, Any]]:
        """End it once everything is served and written down."""
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.close()
            raise
        return self.log()

    def close(self) -> None:
        """End it, if it runs."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
