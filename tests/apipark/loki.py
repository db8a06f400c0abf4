"""A real Loki: built from its Go module into `build/`, one process in a folder of its own."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

from brokers.fetching import alone, fetch
from brokers.ports import Ports
from brokers.server import Server, started

from shipper.errors import UnavailableError

_MODULE: Final = "github.com/grafana/loki/v3"
_VERSION: Final = "v3.7.8"
_BUILD: Final = Path(__file__).parents[2] / "build" / "loki"
_CONFIG: Final = """
auth_enabled: false
server: {{http_listen_address: 127.0.0.1, http_listen_port: {http}, grpc_listen_port: {grpc},
         grpc_listen_address: 127.0.0.1, log_level: warn}}
common:
  instance_addr: 127.0.0.1
  path_prefix: {at}
  replication_factor: 1
  ring: {{kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: {at}/chunks, rules_directory: {at}/rules}}}}
schema_config:
  configs:
    - {{from: 2020-10-24, store: tsdb, object_store: filesystem, schema: v13,
        index: {{prefix: index_, period: 24h}}}}
ingester: {{lifecycler: {{min_ready_duration: 0s}}}}
analytics: {{reporting_enabled: false}}
"""


def program() -> Path:
    """The program, built when it is first asked for (10 minutes of one core, 3 GB on the way).

    `go install` refuses a module that replaces others, so one of ours requires it with the same
    replacements. UnavailableError without Go, or when the build fails.
    """
    built = _BUILD / f"loki-{_VERSION}"
    with alone(_BUILD):
        if not built.exists():
            _build(built)
    return built


def _build(to: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("Loki has to be built, and Go is missing", "install Go 1.26")
    module = _BUILD / "module"
    module.mkdir(exist_ok=True)
    (module / "go.mod").write_text("module loki.test\n")
    told = subprocess.run(
        [go, "mod", "download", "-json", f"{_MODULE}@{_VERSION}"],
        cwd=module, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise UnavailableError(f"Go can't fetch Loki: {told.stdout.strip()}")
    source = Path(json.loads(told.stdout)["Dir"])
    theirs = (source / "go.mod").read_text().splitlines()
    # Their own subfolder is a module beside it, which their module does not bring along.
    replaced = [line for line in theirs if line.startswith("replace ") and "=> ./" not in line]
    version = next(line for line in theirs if line.startswith("go "))
    (module / "go.mod").write_text(
        "\n".join(["module loki.test", version, f"require {_MODULE} {_VERSION}", *replaced, ""])
    )
    shutil.copyfile(source / "go.sum", module / "go.sum")
    (module / "needed.go").write_text(f'package needed\n\nimport _ "{_MODULE}/pkg/loki"\n')
    fetch(
        f"and building Loki {_VERSION}, which takes a while",
        "nice", "env", "CGO_ENABLED=0", go, "build", "-C", str(module), "-mod=mod", "-trimpath",
        "-ldflags=-s -w", "-o", str(to), f"{_MODULE}/cmd/loki",
    )  # fmt: skip


class Loki(Server):
    """One Loki, ready when constructed."""

    def __init__(self, at: Path) -> None:
        ports = Ports()
        http, grpc = ports.free(), ports.free()
        self.url = f"http://127.0.0.1:{http}"
        config = at / "loki.yaml"
        config.write_text(_CONFIG.format(http=http, grpc=grpc, at=at))
        super().__init__("Loki", at / "said")
        self._process = started(
            *(program(), f"-config.file={config}"),
            output=self.output,
            cwd=at,
            env={**os.environ, "GOMAXPROCS": "2"},
        )
        self.ready()

    def push(self, cluster: str, lines: list[tuple[int, bytes]]) -> None:
        """Lines with their times (ms), under the one label that `apipark.alloy` gives them."""
        values = [[str(ms * 1_000_000), value.decode()] for ms, value in lines]
        body = {"streams": [{"stream": {"cluster": cluster}, "values": values}]}
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/loki/api/v1/push", json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.status == 204

    def ask(self, path: str, **queries: str) -> list[dict[str, Any]]:
        """`data.result` of a query, as APIPark's driver takes it."""
        url = f"{self.url}/loki/api/v1/{path}?{urllib.parse.urlencode(queries)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{queries}: {error.read().decode()}") from error
        return found

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)

    def close(self) -> None:
        """End it."""
        self._end()
