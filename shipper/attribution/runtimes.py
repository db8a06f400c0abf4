"""The socket of docker or podman -> name, image and labels of a container.

Docker's API (https://docs.docker.com/reference/api/engine/, "Inspect a container"), which podman
speaks too. Whoever may ask there may do anything on the host: the agent asks this one question.
"""

import http.client
import json
import socket
from collections.abc import Sequence
from typing import Any, Final

from shipper.attribution.labels import image_part, kept_labels, pod_of
from shipper.attribution.parts import Part
from shipper.attribution.paths import Place

_TIMEOUT: Final = 2.0
_OK: Final = 200
_NOT_FOUND: Final = 404
_MOST_BYTES: Final = 4 << 20


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(self._path)


class RuntimeSocket:
    """One runtime that listens on a Unix socket."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        """`labels` are the names, or globs, of those that are kept."""
        self.name = path
        self._labels = labels

    def ask(self, place: Place) -> Part:
        """The parts `container` and `kubernetes`; none for a container of somebody else."""
        if not place.container:
            return {}
        told = self._inspect(place.container)
        return {} if told is None else _parts(told, self._labels)

    def _inspect(self, identifier: str) -> dict[str, Any] | None:
        connection = _UnixConnection(self.name)
        try:
            connection.request("GET", f"/containers/{identifier}/json")
            answer = connection.getresponse()
            text = answer.read(_MOST_BYTES)
        except http.client.HTTPException as error:
            raise ValueError(f"it does not speak HTTP ({error!r})") from None
        finally:
            connection.close()
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise ValueError(f"it answers {answer.status} {answer.reason}")
        told = json.loads(text)
        if not isinstance(told, dict) or told.get("Id") != identifier:
            raise ValueError("it tells of another container")
        return told


def _parts(told: dict[str, Any], globs: Sequence[str]) -> Part:
    config = told.get("Config") or {}
    labels = config.get("Labels")
    container: Part = {}
    if name := str(told.get("Name") or "").removeprefix("/"):
        container["name"] = name
    if image := image_part(str(config.get("Image") or "")):
        container["image"] = image
    if kept := kept_labels(labels, globs):
        container["labels"] = kept
    parts = {"container": container, "kubernetes": pod_of(labels)}
    return {name: part for name, part in parts.items() if part}
