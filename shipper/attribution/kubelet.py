"""The kubelet of this node -> names, labels and images of its pods.

It lists its own pods at `/pods` (a PodList of the Kubernetes API) to whoever has the right
`nodes/proxy`, or `nodes/pods` where its authorization is fine-grained; the address can't be any
other node's. Read-only ports (http, 10255) ask for no right.
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from shipper.attribution.labels import image_part, kept_labels
from shipper.attribution.parts import Part
from shipper.attribution.paths import Place

_TIMEOUT: Final = 5.0
#: Seconds that a list serves; a pod that it lacks has it read again, but not more often.
_FRESH: Final = 10.0
_MOST_BYTES: Final = 64 << 20


class Kubelet:
    """One kubelet; `token_file` is read for each question, as tokens are rotated."""

    def __init__(self, url: str, *, token_file: str, ca: str, labels: Sequence[str]) -> None:
        """`ca` is the file of certificates to trust; empty: those of the system."""
        self.name = url
        self._token_file = token_file
        self._ca = ca
        self._labels = labels
        self._pods: dict[str, dict[str, Any]] = {}
        self._read_at = float("-inf")

    def ask(self, place: Place) -> Part:
        """The parts `kubernetes` and `container`; none for what is no pod of this node."""
        if not place.pod:
            return {}
        if time.monotonic() - self._read_at > _FRESH:
            self._read_at = time.monotonic()
            self._pods = self._read()
        pod = self._pods.get(place.pod)
        return {} if pod is None else _parts(pod, place, self._labels)

    def _read(self) -> dict[str, dict[str, Any]]:
        """The pods by UID."""
        request = urllib.request.Request(f"{self.name.rstrip('/')}/pods")  # noqa: S310 - the operator's
        if self._token_file:
            token = Path(self._token_file).read_text("utf-8").strip()
            request.add_header("Authorization", f"Bearer {token}")
        context = None
        if self.name.startswith("https:"):
            context = ssl.create_default_context(cafile=self._ca or None)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
                listed = json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as refusal:
            raise ValueError(f"it answers {refusal.code} {refusal.reason}") from None
        return {pod["metadata"]["uid"]: pod for pod in listed["items"] or []}


def _parts(pod: dict[str, Any], place: Place, globs: Sequence[str]) -> Part:
    metadata = pod["metadata"]
    named: Part = {"name": metadata["name"]}
    if address := (pod.get("status") or {}).get("podIP"):
        named["ip"] = address
    kubernetes: Part = {"namespace": metadata["namespace"], "pod": named}
    if node := (pod.get("spec") or {}).get("nodeName"):
        kubernetes["node"] = {"name": node}
    if kept := kept_labels(metadata.get("labels"), globs):
        kubernetes["labels"] = kept
    parts: Part = {"kubernetes": kubernetes}
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        runtime, _, identifier = str(status.get("containerID") or "").partition("://")
        if identifier and identifier == place.container:
            kubernetes["container"] = {"name": status["name"]}
            parts["container"] = {"runtime": runtime}
            if image := image_part(str(status.get("image") or "")):
                parts["container"]["image"] = image
    return parts
