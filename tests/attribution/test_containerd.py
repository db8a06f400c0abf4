"""A real containerd, asked through its CRI: names of a pod's container, as containerd has them."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.containerd import IMAGE, Containerd, Pod, containerd
from attribution.world import agent, ask, open_folder
from shipper.attribution import CriSocket
from shipper.attribution.paths import Place
from shipper.attribution.protobuf import Message, field
from shipper.attribution.unary import Refused, connected

PORT = 21500 + os.getpid() % 8000
POD = Pod(
    name="web-7d4b9",
    namespace="shop",
    uid="6f6a2b1e-3a53-4c0b-9d5b-1f6f0f6b6a11",
    labels={"app": "shop", "secret": "s3cr3t"},
    container="web",
    container_labels={"app": "shop", "io.kubernetes.container.name": "web"},
    command=["/bin/busybox", "httpd", "-f", "-p", f"127.0.0.1:{PORT}", "-h", "/bin"],
)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Containerd]:
    """Open to root alone, as it comes."""
    with open_folder() as folder, containerd(folder) as made:
        assert made.socket.stat().st_mode & 0o007 == 0
        yield made


@pytest.fixture(scope="module")
def container(runtime: Containerd) -> Iterator[str]:
    """A web server in a pod; its id."""
    with runtime.run(POD) as identifier:
        yield identifier


def test_a_container_of_a_pod_is_named(runtime: Containerd, container: str) -> None:
    """Id and pod from its cgroup, which tells no runtime here; the rest from the socket.

    The agent may not open it: the look-up process asks there.
    """
    ask(PORT)
    with agent(
        capture__include__ports=[PORT],
        attribution__cri_sockets=[str(runtime.socket)],
        attribution__lookup=True,
        attribution__max_wait=1,
    ) as records:
        for _ in range(5):
            ask(PORT)
        found = records.finish()
    assert len(found) == 5
    for record in found:
        assert record["container"] == {
            "id": container,
            "runtime": "containerd",
            "name": "web",
            "image": {"name": IMAGE.removesuffix(":1.2"), "tag": ["1.2"]},
            "labels": {"app": "shop"},
        }
        assert record["kubernetes"] == {
            "namespace": "shop",
            "pod": {"uid": POD.uid, "name": POD.name},
            "labels": {"app": "shop"},
            "container": {"name": "web"},
        }


def test_the_socket_itself(runtime: Containerd, container: str) -> None:
    """What it tells is what containerd's own command line says, and of nobody else's."""
    source = CriSocket(str(runtime.socket), ["*"])
    told = source.ask(Place(container=container))
    info = runtime.info(container)
    image = told["container"]["image"]
    assert f"{image['name']}:{image['tag'][0]}" == info["Image"]
    assert told["container"]["labels"].items() <= info["Labels"].items()
    assert told["container"]["labels"] == POD.container_labels
    assert told["kubernetes"]["labels"] == POD.labels
    assert source.ask(Place(container="0a" * 32)) == {}
    assert source.ask(Place(pod=POD.uid)) == {}


def test_a_refusal_has_its_code(runtime: Containerd) -> None:
    """NOT_FOUND, and UNIMPLEMENTED as of a runtime whose CRI is older; the connection goes on."""
    with connected(str(runtime.socket)) as made:
        for method, code in (("ContainerStatus", "5"), ("Novel", "12")):
            with pytest.raises(Refused, match=f"^it answers {code}: ") as caught:
                made.call(f"/runtime.v1.RuntimeService/{method}", field(1, "0a" * 32))
            assert caught.value.code == code
        answer = made.call("/runtime.v1.RuntimeService/Version", b"")
        assert Message(answer).text(2) == "containerd"


def test_one_that_hangs_up(tmp_path: Path) -> None:
    """An error of the system, as of any source."""
    at = tmp_path / "gone.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(at))
        listening.listen()

        def hang_up() -> None:
            listening.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(OSError, match=r"hung up|reset|Broken pipe"):
            CriSocket(str(at), []).ask(Place(container="0a" * 32))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_are_refused(content: bytes) -> None:
    """No other error, whatever comes; and no field has bytes that did not come."""
    try:
        message = Message(content)
    except ValueError:
        return
    for number in range(1, 1 << 4):
        try:
            assert message.text(number).encode() in content
        except UnicodeDecodeError:
            continue


@given(st.text(max_size=300), st.integers(1, 1 << 20))
def test_what_is_written_is_read(text: str, number: int) -> None:
    """A text in a field, beside a number and a field of another kind that are passed over."""
    beside = b"\x08\x96\x01" + b"\x15abcd"  # field 1 = 150, and four bytes in field 2
    message = Message(beside + field(number + 2, text) + beside)
    assert message.text(number + 2) == text
    assert message.text(1) == ""
