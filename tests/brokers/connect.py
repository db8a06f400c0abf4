"""A cluster's address in; one running Kafka Connect worker out, ours alone.

    with Connect(kafka.inside) as connect:
        connect.put("x", {"connector.class": FILE_SINK, "topics": "t", "file": "/tmp/x"})

A standalone worker of Kafka 4.1 with Kafka's own connectors and no vendor's: one writes values to
a file, one prints what it is given. `settings` are laid over the worker's own. It listens on
127.0.0.1 only.
"""

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shipper.delivery.errors import Setting

from .artefacts import connect_class_path
from .ports import Ports
from .server import READY_S, Server, started
from .waiting import eventually

FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
#: Prints each record as its task is given it: JSON with the key as `task`, the value as `seqno`,
#: topic and offset; once more with `flushed` when its offset is committed.
PRINTING_SINK = "org.apache.kafka.connect.tools.VerifiableSinkConnector"
_LOGGING = Path(__file__).parent / "log4j2.properties"
_JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m")
_ANSWER_S = 60.0


class Connect(Server):
    """One worker, with `wait` ready when constructed.

    Raises UnavailableError when it does not get ready.
    """

    def __init__(
        self,
        kafka: Mapping[str, Setting],
        settings: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-connect-")
        folder = Path(self._folder.name)
        super().__init__("Kafka Connect", folder / "output.log")
        self._port = Ports().free()
        own = {
            "bootstrap.servers": kafka["bootstrap.servers"],
            "listeners": f"http://{self.address}",
            "offset.storage.file.filename": folder / "offsets",
            "offset.flush.interval.ms": 1000,
            "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            **(settings or {}),
        }
        properties = folder / "worker.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in own.items()))
        self._process = started(
            *(*_JAVA, f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", connect_class_path()),
            *("org.apache.kafka.connect.cli.ConnectStandalone", properties),
            output=self.output,
        )
        if wait:
            self.ready()

    @property
    def address(self) -> str:
        """host:port of its API."""
        return f"127.0.0.1:{self._port}"

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Make a connector, or change it; it has to be accepted."""
        status, answer = self.ask("PUT", f"/connectors/{name}/config", config)
        assert status in (200, 201), answer

    def validate(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        """Setting that the worker knows -> what is wrong with it, for a connector of this class."""
        kind = config["connector.class"].rpartition(".")[2]
        status, answer = self.ask("PUT", f"/connector-plugins/{kind}/config/validate", config)
        assert status == 200, answer
        return {one["value"]["name"]: one["value"]["errors"] for one in answer["configs"]}

    def states(self, name: str) -> list[str]:
        """The state of a connector, then of each of its tasks."""
        status, answer = self.ask("GET", f"/connectors/{name}/status")
        if status != 200:
            return []
        return [answer["connector"]["state"], *(task["state"] for task in answer["tasks"])]

    def restart(self, name: str) -> None:
        """Forget a connector's offsets: it begins again at the start of its topics."""
        status, answer = self.ask("PUT", f"/connectors/{name}/stop")
        assert status == 204, answer
        eventually(lambda: self.states(name) == ["STOPPED"], f"{name} stops", READY_S)
        status, answer = self.ask("DELETE", f"/connectors/{name}/offsets")
        assert status == 200, answer
        status, answer = self.ask("PUT", f"/connectors/{name}/resume")
        assert status == 202, answer

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request with a JSON body; any status is an answer."""
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, _read(refused.read())

    def close(self) -> None:
        """End it and forget its offsets."""
        self._end()
        self._folder.cleanup()

    def _answers(self) -> bool:
        return self.ask("GET", "/connectors")[0] == 200


def printed(line: bytes) -> dict[str, Any] | None:
    """A record that the printing sink was given; None for all else that stands in `output`."""
    if not line.startswith(b"{"):
        return None
    said: dict[str, Any] = json.loads(line)
    return None if said.get("flushed") else said


def _read(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON there is
    try:
        return json.loads(body or b"null")
    except ValueError:  # before it serves, its web server answers in HTML
        return body.decode(errors="replace")
