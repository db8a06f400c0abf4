"""The socket of containerd or CRI-O -> names, image and labels of a container and its pod.

Kubernetes's Container Runtime Interface, version 1 (`pkg/apis/runtime/v1/api.proto` in
https://github.com/kubernetes/cri-api), whose field numbers stand here. Whoever may ask there may do
anything on the host: the agent asks these four questions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shipper.attribution.labels import image_part, kept_labels
from shipper.attribution.parts import Part
from shipper.attribution.paths import Place
from shipper.attribution.protobuf import Message, field

if TYPE_CHECKING:
    from shipper.attribution.unary import Connection

_SERVICE: Final = "/runtime.v1.RuntimeService/"
#: gRPC's NOT_FOUND: it has gone between two questions.
_NOT_FOUND: Final = "5"


class CriSocket:
    """One runtime that listens on a Unix socket."""

    def __init__(self, path: str, labels: Sequence[str]) -> None:
        """`labels` are the names, or globs, of those that are kept."""
        self.name = path
        self._labels = labels

    def ask(self, place: Place) -> Part:
        """The parts `container` and `kubernetes`; none for a container of somebody else."""
        if not place.container:
            return {}
        from shipper.attribution.unary import Refused, connected  # noqa: PLC0415 - brings h2 along

        with connected(self.name) as runtime:
            try:
                return _parts(runtime, place.container, self._labels)
            except Refused as refusal:
                if refusal.code == _NOT_FOUND:
                    return {}
                raise


def _parts(runtime: "Connection", identifier: str, globs: Sequence[str]) -> Part:
    listed = _ask(runtime, "ListContainers", field(1, field(1, identifier))).messages(1)
    sandbox = next((one.text(2) for one in listed if one.text(1) == identifier), None)
    if sandbox is None:
        return {}
    status = _ask(runtime, "ContainerStatus", field(1, identifier)).message(1)
    pod = _ask(runtime, "PodSandboxStatus", field(1, sandbox)).message(1)
    name = status.message(2).text(1)
    container = {"name": name, "runtime": _ask(runtime, "Version", b"").text(2)}
    return {
        "container": container | _described(status, globs),
        "kubernetes": _pod(pod, globs) | {"container": {"name": name}},
    }


def _ask(runtime: "Connection", method: str, request: bytes) -> Message:
    return Message(runtime.call(_SERVICE + method, request))


def _described(status: Message, globs: Sequence[str]) -> Part:
    """Image and labels of a ContainerStatus."""
    part: Part = {}
    if image := image_part(status.message(8).text(1)):
        part["image"] = image
    if kept := kept_labels(status.table(12), globs):
        part["labels"] = kept
    return part


def _pod(status: Message, globs: Sequence[str]) -> Part:
    """Of a PodSandboxStatus."""
    metadata = status.message(2)
    named: Part = {"name": metadata.text(1)}
    if address := status.message(5).text(1):
        named["ip"] = address
    part: Part = {"namespace": metadata.text(3), "pod": named}
    if kept := kept_labels(status.table(7), globs):
        part["labels"] = kept
    return part
