"""The labels of containers and pods -> those that enter records, and what they say of a pod."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from shipper.attribution.parts import Part

#: Bounds of what one container can put into every record of its traffic.
_MOST: Final = 32
_LONGEST: Final = 256

#: Labels that a kubelet gives the containers of its pods (`pkg/kubelet/types/labels.go`).
_POD: Final = "io.kubernetes.pod.name"
_NAMESPACE: Final = "io.kubernetes.pod.namespace"
_CONTAINER: Final = "io.kubernetes.container.name"


def kept_labels(labels: Mapping[str, Any] | None, globs: Sequence[str]) -> dict[str, str]:
    """Those whose names match one of `globs` and whose values are texts, in the order of names."""
    found = {
        name: value
        for name, value in sorted((labels or {}).items())
        if isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and any(fnmatchcase(name, glob) for glob in globs)
    }
    return dict(list(found.items())[:_MOST])


def pod_of(labels: Mapping[str, Any] | None) -> Part:
    """The part `kubernetes` as far as a container's labels tell it."""
    labels = labels or {}
    part: Part = {}
    if namespace := labels.get(_NAMESPACE):
        part["namespace"] = namespace
    if name := labels.get(_POD):
        part["pod"] = {"name": name}
    if container := labels.get(_CONTAINER):
        part["container"] = {"name": container}
    return part


def image_part(reference: str) -> Part:
    """A reference as in `registry:5000/shop/web:1.2@sha256:…` -> the part `container.image`.

    Names, tags and digests as https://github.com/distribution/reference has them. The id of an
    image (`sha256:…` alone) is no name.
    """
    if reference.startswith("sha256:"):
        return {}
    name, _, digest = reference.partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    part: Part = {}
    if last:
        part["name"] = f"{path}{slash}{last}"
    if tag:
        part["tag"] = [tag]
    if digest:
        part["hash"] = {"all": [digest]}
    return part
