"""A distribution in; one running OpenSearch or Elasticsearch out, ours alone.

    with Store(OPENSEARCH) as store:
        store.put("/_index_template/x", {...})
        assert store.ask("GET", "/_count").body["count"] == 0

It listens on 127.0.0.1 only and has no log-in. Neither store runs as root: started by root, it
becomes nobody, with a folder of its own, which is forgotten at `close`.
"""

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brokers.ports import Ports
from brokers.server import Server, started

from .artefacts import ELASTICSEARCH, Distribution, home, java_home

_ANSWER_S = 60.0
_HEAP_MB = 512
#: It may still read what root may: the checkout can lie in a folder that is closed to others.
_NOBODY = (
    *("--reuid", "nobody", "--regid", "nogroup", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
)
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Xms{_HEAP_MB}m", f"-Xmx{_HEAP_MB}m")


@dataclass(frozen=True)
class Answer:
    """What a store answered: the HTTP status and the JSON body."""

    status: int
    body: dict[str, Any]


class Store(Server):
    """One node, with `wait` ready when constructed.

    Raises UnavailableError when it does not get ready.
    """

    def __init__(self, distribution: Distribution, *, wait: bool = True) -> None:
        self.distribution = distribution
        self._home = home(distribution)
        self._java = java_home(distribution.java)
        ports = Ports()
        self._port, self._transport = ports.free(), ports.free()
        self._folder = tempfile.TemporaryDirectory(prefix=f"shipper-{distribution.name}-")
        super().__init__(distribution.name, Path(self._folder.name) / "output.log")
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        if wait:
            self.ready()

    @property
    def address(self) -> str:
        """host:port where it listens."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request with a JSON body; any status is an answer."""
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json")

    def put(self, path: str, body: object) -> None:
        """PUT that has to be accepted."""
        answer = self.ask("PUT", path, body)
        assert answer.status in (200, 201), answer.body

    def create(self, stream: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> list[int]:
        """Create (id, document) pairs in one bulk request, as the sinks do; the status of each."""
        lines: list[str] = []
        for key, document in documents:
            lines += [json.dumps({"create": {"_id": key}}), json.dumps(document)]
        text = "".join(f"{line}\n" for line in lines).encode()
        answer = self._send("POST", f"/{stream}/_bulk", text, "application/x-ndjson")
        assert answer.status == 200, answer.body
        return [item["create"]["status"] for item in answer.body["items"]]

    def search(self, index: str, body: object) -> dict[str, Any]:
        """Search in everything written so far."""
        self.ask("POST", f"/{index}/_refresh")
        answer = self.ask("POST", f"/{index}/_search", body)
        assert answer.status == 200, answer.body
        return answer.body

    def close(self) -> None:
        """End it and forget its data."""
        self._end()
        self._folder.cleanup()

    def _begin(self) -> None:
        name, folder = self.distribution.name, Path(self._folder.name)
        self._configure(folder)
        prefix = "ES" if self.distribution == ELASTICSEARCH else "OPENSEARCH"
        user = _NOBODY if os.geteuid() == 0 else ()
        self._process = started(
            self._home / "bin" / name,
            output=self.output,
            user=user,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                f"{prefix}_PATH_CONF": str(folder / "config"),
                f"{prefix}_JAVA_HOME": str(self._java),
                f"{prefix}_TMPDIR": str(folder / "temporary"),
                "CLI_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m",
            },
        )

    def _configure(self, folder: Path) -> None:
        settings: dict[str, object] = {
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self._port,
            "transport.port": self._transport,
            "path.data": folder / "data",
            "path.logs": folder / "logs",
            # A full disk of the machine is not what is tested.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        options = [*_QUICK, f"-Djava.io.tmpdir={folder}/temporary"]
        if self.distribution == ELASTICSEARCH:
            settings["xpack.security.enabled"] = "false"
        else:
            # From its own jvm.options, for Java 21 and later; without jdk.incubator.vector, which
            # makes searches for vectors faster and which not every Java brings.
            options += [
                f"-javaagent:{self._home}/agent/opensearch-agent.jar",
                "--add-opens=java.base/java.nio=org.apache.arrow.memory.core,ALL-UNNAMED",
            ]
        for part in ("config", "data", "logs", "temporary"):
            (folder / part).mkdir()
        config = folder / "config"
        lines = "".join(f"{key}: {value}\n" for key, value in settings.items())
        (config / f"{self.distribution.name}.yml").write_text(lines)
        (config / "jvm.options").write_text("".join(f"{option}\n" for option in options))
        shutil.copyfile(self._home / "config" / "log4j2.properties", config / "log4j2.properties")
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")

    def _answers(self) -> bool:
        return self.ask("GET", "/_cluster/health").status == 200

    def _send(self, method: str, path: str, data: bytes | None, kind: str) -> Answer:
        request = urllib.request.Request(  # noqa: S310 - the address is our own
            self.url + path, data=data, method=method, headers={"Content-Type": kind}
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
                return _answer(answer.status, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return _answer(refused.code, refused.read())


def _answer(status: int, body: bytes) -> Answer:
    try:
        return Answer(status, json.loads(body or b"{}"))
    except ValueError:
        return Answer(status, {"text": body.decode(errors="replace")})
