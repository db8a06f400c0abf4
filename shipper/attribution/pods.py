"""What a kubelet keeps on its node -> name and namespace of a pod.

The kubelet gives each pod a folder of logs, `<namespace>_<name>_<uid>` (`BuildPodLogsDirectory` in
`pkg/kubelet/kuberuntime/helpers.go`); no name holds the character that parts them. The UID is the
one of the pod's cgroup, a static pod's hash included.
"""

from pathlib import Path
from typing import Final

from shipper.attribution.parts import Part
from shipper.attribution.paths import Place

_PARTS: Final = 3


class PodLogs:
    """The folder of the pods' logs, /var/log/pods unless the kubelet is told otherwise."""

    def __init__(self, folder: str) -> None:
        self.name = folder
        self._pods: dict[str, tuple[str, str]] = {}

    def ask(self, place: Place) -> Part:
        """The part `kubernetes`; none for what is no pod, or not one of this node."""
        if not place.pod:
            return {}
        if place.pod not in self._pods:
            self._pods = dict(self._read())
        found = self._pods.get(place.pod)
        if found is None:
            return {}
        namespace, name = found
        return {"kubernetes": {"namespace": namespace, "pod": {"name": name}}}

    def _read(self) -> list[tuple[str, tuple[str, str]]]:
        found = []
        for entry in Path(self.name).iterdir():
            parts = entry.name.split("_")
            if len(parts) == _PARTS and all(parts):
                namespace, name, uid = parts
                found.append((uid, (namespace, name)))
        return found
