"""Who saw and who took part: agent, host, observer; container, pod, process, user, service."""

from typing import Annotated, Required

from pydantic import Field
from typing_extensions import TypedDict

from shipper.record.model.scalars import Count, Ip, Labels, Timestamp, Word, about

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_EPHEMERAL = "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11"


class Agent(TypedDict, total=False):
    """The shipper that wrote the record."""

    id: Required[Annotated[Word, about("Agent id", "Stays the same across restarts.", "a1b2c3")]]
    type: Required[Annotated[Word, about("Agent type", "What kind of agent it is.", "shipper")]]
    version: Required[
        Annotated[Word, about("Agent version", "The version of the program.", "0.1.0")]
    ]
    ephemeral_id: Required[
        Annotated[
            str, Field(pattern=_UUID), about("Ephemeral id", "New at every start.", _EPHEMERAL)
        ]
    ]
    name: Annotated[Word, about("Agent name", "As configured.", "edge-7")]


class Host(TypedDict, total=False):
    """The machine that the agent runs on."""

    id: Annotated[Word, about("Host id", "The machine id.", "5f2d0c3b9f1a4e0e8f0c")]
    name: Annotated[Word, about("Host name", "As the machine calls itself.", "web-1")]
    hostname: Annotated[Word, about("Hostname", "As `hostname` says.", "web-1")]
    architecture: Annotated[
        Word, about("Architecture", "The machine's processor architecture.", "x86_64")
    ]
    ip: Annotated[list[Ip], about("Host addresses", "The addresses of the machine.", ["192.0.2.1"])]


class Observer(TypedDict, total=False):
    """The observer of the traffic."""

    type: Annotated[
        Word, about("Observer type", "ECS's word for what kind of observer it is.", "sensor")
    ]
    vendor: Annotated[Word, about("Vendor", "Whose product observed.", "shipper")]
    product: Annotated[Word, about("Product", "What observed.", "shipper")]
    version: Annotated[Word, about("Observer version", "The version of the program.", "0.1.0")]
    name: Annotated[Word, about("Observer name", "As configured.", "mirror-3")]
    hostname: Annotated[Word, about("Observer hostname", "The machine that observed.", "tap-1")]


class ImageHash(TypedDict, total=False):
    """Digests of an image."""

    all: Annotated[list[Word], about("Digests", "Algorithm and value.", ["sha256:f8fe"])]


class Image(TypedDict, total=False):
    """The image of a container."""

    name: Annotated[
        Word, about("Image name", "Name of the image without its tag.", "docker.io/library/nginx")
    ]
    tag: Annotated[list[Word], about("Image tags", "The tags of the image.", ["1.27"])]
    hash: ImageHash


class Container(TypedDict, total=False):
    """The container that the local side runs in."""

    id: Annotated[Word, about("Container id", "The runtime's full id.", "f1d2d2f924e986ac")]
    name: Annotated[Word, about("Container name", "As the runtime calls it.", "web")]
    runtime: Annotated[Word, about("Runtime", "The container runtime.", "containerd")]
    image: Image
    labels: Annotated[
        Labels, about("Container labels", "The labels that the runtime knows.", {"app": "web"})
    ]


class Cluster(TypedDict, total=False):
    """The cluster."""

    id: Annotated[Word, about("Cluster id", "The id of the cluster.", "c-1")]
    name: Annotated[Word, about("Cluster name", "As the operator calls the cluster.", "blue")]


class Resource(TypedDict, total=False):
    """The orchestrated thing."""

    id: Annotated[Word, about("Resource id", "The id of the resource.", "3f0c")]
    type: Annotated[Word, about("Resource type", "What kind of resource it is.", "pod")]
    name: Annotated[Word, about("Resource name", "The name of the resource.", "web-0")]


class Orchestrator(TypedDict, total=False):
    """The orchestrator, in ECS words."""

    type: Annotated[Word, about("Orchestrator", "What orchestrates, lower-case.", "kubernetes")]
    namespace: Annotated[Word, about("Namespace", "The namespace that it runs in.", "shop")]
    cluster: Cluster
    resource: Resource


class Pod(TypedDict, total=False):
    """The pod."""

    uid: Annotated[
        Word,
        about(
            "Pod UID", "The UID that the API server gave.", "0b3f4a8e-4b9e-4a36-8e0a-6b3c1d5f2a77"
        ),
    ]
    name: Annotated[Word, about("Pod name", "The name of the pod.", "web-7d4b9c-x2x9z")]
    ip: Annotated[Ip, about("Pod address", "The address of the pod.", "10.1.2.3")]


class Named(TypedDict, total=False):
    """A thing of Kubernetes that is known by its name."""

    name: Required[Annotated[Word, about("Name", "What it is called.", "web")]]


# Types of their own, because each is something else to others (`counterparts`).
class Node(Named):
    """The node."""


class PodContainer(Named):
    """The container in the pod."""


class Deployment(Named):
    """The deployment."""


class Kubernetes(TypedDict, total=False):
    """What Kubernetes says of the local side, in the words of Beats and OpenTelemetry."""

    namespace: Annotated[Word, about("Namespace", "The namespace that it runs in.", "shop")]
    pod: Pod
    node: Node
    container: PodContainer
    deployment: Deployment
    labels: Annotated[Labels, about("Pod labels", "The labels of the pod.", {"app": "web"})]


class ProcessHash(TypedDict, total=False):
    """Digests of an executable."""

    sha256: Annotated[
        str, Field(pattern="^[0-9a-f]{64}$"), about("SHA-256", "Of the executable.", "0" * 64)
    ]


class ParentHash(ProcessHash):
    """Digests of the parent's executable."""


class Parent(TypedDict, total=False):
    """The parent process."""

    pid: Annotated[Count, about("Parent pid", "In the host's pid namespace.", 1)]
    name: Annotated[Word, about("Parent name", "The name of the parent process.", "nginx")]
    executable: Annotated[
        Word, about("Parent executable", "The path of its executable.", "/usr/sbin/nginx")
    ]
    hash: ParentHash


class Process(TypedDict, total=False):
    """The process at the local end of the connection."""

    pid: Annotated[Count, about("Pid", "In the host's pid namespace.", 4242)]
    vpid: Annotated[Count, about("Virtual pid", "In the container's pid namespace.", 7)]
    name: Annotated[Word, about("Process name", "As the kernel calls it.", "nginx")]
    executable: Annotated[
        Word, about("Executable", "The path of its executable.", "/usr/sbin/nginx")
    ]
    command_line: Annotated[Word, about("Command line", "Redacted; off by default.", "nginx -g")]
    start: Annotated[
        Timestamp,
        about("Process start", "When the process started.", "2026-01-01T00:00:00.000000Z"),
    ]
    hash: ProcessHash
    parent: Parent


class User(TypedDict, total=False):
    """The user that the process runs as."""

    id: Annotated[Word, about("User id", "The numeric id as text.", "33")]
    name: Annotated[Word, about("User name", "The name that goes with the id.", "www-data")]


class Service(TypedDict, total=False):
    """The service of the local side."""

    name: Annotated[
        Word,
        about(
            "Service name", "The unit or service that the local side belongs to.", "nginx.service"
        ),
    ]
    id: Annotated[
        Word,
        about("Service id", "The id of this service, the same on all its nodes.", "edge-nginx"),
    ]
    type: Annotated[Word, about("Service type", "What software the service is.", "nginx")]
    version: Annotated[Word, about("Service version", "The version of the service.", "1.27.3")]
    environment: Annotated[
        Word, about("Environment", "Where the service is deployed.", "production")
    ]
