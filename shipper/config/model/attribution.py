"""The keys of who is said to have taken part in an exchange."""

from typing import Self

from pydantic import Field, model_validator

from shipper.config.model.section import Section
from shipper.config.values import AbsolutePath, Several


class Attribution(Section):
    """What is told of the ends of a connection that are on this host."""

    containers: bool = Field(
        default=True,
        description="container, pod and systemd unit, as the path of the cgroup tells them",
    )
    processes: bool = Field(
        default=True,
        description="the process that deals with the connection (pid, name, start) and its user",
    )
    parents: bool = Field(default=False, description="its parent process too: pid and name")
    command_lines: bool = Field(
        default=False, description="its command line too, secrets masked as in headers and URLs"
    )
    hashes: bool = Field(
        default=False, description="SHA-256 of its executable; needs `attribution.lookup`"
    )
    runtime_sockets: Several[AbsolutePath] = Field(
        default=(),
        description="sockets of docker or podman that are asked for a container's name, image and "
        "labels; who may ask there is as good as root",
    )
    cri_sockets: Several[AbsolutePath] = Field(
        default=(),
        description="sockets of containerd or CRI-O that are asked for names, images and labels of "
        "containers and pods; who may ask there is as good as root",
    )
    pod_logs: str = Field(
        default="",
        description="folder of the pods' logs, as in `/var/log/pods`, which tells names and "
        "namespaces; empty: none",
    )
    kubelet: str = Field(
        default="",
        description="URL of this node's kubelet, as in `https://127.0.0.1:10250`, which tells "
        "names, labels and images of its pods; empty: none",
    )
    kubelet_token_file: str = Field(
        default="", description="file of the token shown to the kubelet; read each time"
    )
    kubelet_ca: str = Field(
        default="", description="file of certificates to trust; empty: those of the system"
    )
    lookup: bool = Field(
        default=False,
        description="ask for executables, `runtime_sockets`, `cri_sockets` and `pod_logs` through "
        "a process that stays root",
    )
    labels: Several[str] = Field(
        default=(
            "app",
            "app.kubernetes.io/*",
            "com.docker.compose.project",
            "com.docker.compose.service",
        ),
        description="labels of containers and pods that are kept; `*` and `?` match any",
    )
    max_wait: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="most seconds that the first record of a container waits for its names; the "
        "later ones have them",
    )

    @model_validator(mode="after")
    def _url(self) -> Self:
        if self.kubelet and not self.kubelet.startswith(("http://", "https://")):
            raise ValueError("kubelet has to be http(s)://HOST:PORT")
        return self
