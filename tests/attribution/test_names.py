"""Names asked in the background: kubelets, folders, labels, and those who do not answer."""

import errno
import http.server
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shipper.attribution import Kubelet, PodLogs, RuntimeSocket
from shipper.attribution.labels import image_part, kept_labels, pod_of
from shipper.attribution.names import Names
from shipper.attribution.parts import Part
from shipper.attribution.paths import Place

A = "0a" * 32
UID = "12fdc709-933e-41d0-917f-cd84de9afa94"
HASH = "8a3d2a6fd8ab7b0dd1d1c5a3e9a5b3f1"
POD = Place(A, "containerd", UID)
LOG = logging.getLogger("test")

#: What a kubelet answers at /pods (a PodList of the Kubernetes API, v1), shortened.
PODS = {
    "kind": "PodList",
    "apiVersion": "v1",
    "metadata": {},
    "items": [
        {
            "metadata": {
                "name": "web-7d4b9c-x2x9z",
                "namespace": "shop",
                "uid": UID,
                "labels": {"app": "web", "pod-template-hash": "7d4b9c"},
            },
            "spec": {"nodeName": "node-1", "containers": [{"name": "nginx"}]},
            "status": {
                "podIP": "10.1.2.3",
                "containerStatuses": [
                    {
                        "name": "nginx",
                        "image": "docker.io/library/nginx:1.27",
                        "imageID": "docker.io/library/nginx@sha256:67f9a4f10d147a6e04629340e6493c9",
                        "containerID": f"containerd://{A}",
                    }
                ],
            },
        }
    ],
}


@contextmanager
def answering(status: int, text: str, asked: list[str] | None = None) -> Iterator[str]:
    """A server that answers all the same; where it listens."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def kubelet(url: str, token_file: str = "") -> Kubelet:
    """One of which the label `app` is kept."""
    return Kubelet(url, token_file=token_file, ca="", labels=["app"])


def test_the_pods_of_a_kubelet(tmp_path: Path) -> None:
    """Names, address, node, chosen labels and the container's image; the token is shown."""
    (tmp_path / "token").write_text("t0ken\n")
    asked: list[str] = []
    with answering(200, json.dumps(PODS), asked) as url:
        source = kubelet(url, str(tmp_path / "token"))
        assert source.ask(POD) == {
            "kubernetes": {
                "namespace": "shop",
                "pod": {"name": "web-7d4b9c-x2x9z", "ip": "10.1.2.3"},
                "node": {"name": "node-1"},
                "labels": {"app": "web"},
                "container": {"name": "nginx"},
            },
            "container": {
                "runtime": "containerd",
                "image": {"name": "docker.io/library/nginx", "tag": ["1.27"]},
            },
        }
        assert source.ask(Place(A, "docker")) == {}
        assert source.ask(Place(pod=HASH)) == {}
    assert asked == ["/pods Bearer t0ken"]


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (401, "Unauthorized", "it answers 401 Unauthorized"),
        (200, "<html>", "Expecting value"),
        (200, '{"kind": "Status"}', "KeyError('items')"),
        (200, "[]", "TypeError"),
    ],
)
def test_a_kubelet_that_answers_something_else(
    status: int, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, without a traceback, and the names are absent."""
    with answering(status, text) as url:
        names = names_of(kubelet(url))
        assert [names.of(Place(f"{n:064x}", "", UID)) for n in range(3)] == [{}] * 3
        names.close()
    assert len(caplog.messages) == 1
    assert said in caplog.messages[0]
    assert url in caplog.messages[0]


def test_the_folders_of_the_pods_logs(tmp_path: Path) -> None:
    """Static pods too; what has another form is none."""
    for name in (f"shop_web-0_{UID}", f"kube-system_etcd-node-1_{HASH}", "lost+found", "a_b"):
        (tmp_path / name).mkdir()
    source = PodLogs(str(tmp_path))
    assert source.ask(POD) == {"kubernetes": {"namespace": "shop", "pod": {"name": "web-0"}}}
    assert source.ask(Place(A, "", HASH)) == {
        "kubernetes": {"namespace": "kube-system", "pod": {"name": "etcd-node-1"}}
    }
    assert source.ask(Place(A, "docker")) == {}
    later = UID.replace("1", "2")
    assert source.ask(Place(pod=later)) == {}
    (tmp_path / f"shop_new_{later}").mkdir()
    assert source.ask(Place(pod=later))["kubernetes"]["pod"] == {"name": "new"}


def names_of(*sources: Any, changed: Callable[[], None] = lambda: None) -> Names:  # noqa: ANN401
    """Names that are waited for until they are there, for a minute at most."""
    made = Names(sources, changed=changed, log=LOG, patience=60)
    made.start()
    return made


class Slow:
    """Somebody who answers when he is told to."""

    name = "slow"

    def __init__(self) -> None:
        self.go = threading.Event()

    def ask(self, place: Place) -> Part:
        """Once it may."""
        assert self.go.wait(60)
        return {"container": {"name": f"name of {place.container[:2]}"}}


def test_nobody_waits_longer_than_configured() -> None:
    """The answer comes later, is told of, and stands in what is asked then."""
    source, heard = Slow(), threading.Event()
    names = Names([source], changed=heard.set, log=LOG, patience=0.01)
    names.start()
    assert names.of(POD) == {}
    source.go.set()
    assert heard.wait(60)
    assert names.of(POD) == {"container": {"name": "name of 0a"}}
    names.close()


def test_a_socket_that_takes_and_does_not_answer(tmp_path: Path) -> None:
    """It has its own time-out, which is no record's."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        listening.listen()
        with pytest.raises(TimeoutError):
            RuntimeSocket(str(tmp_path / "sock"), ()).ask(POD)


def test_the_first_of_two_is_believed(tmp_path: Path) -> None:
    """The others add what it does not know."""
    (tmp_path / f"other_name_{UID}").mkdir()
    with answering(200, json.dumps(PODS)) as url:
        names = names_of(PodLogs(str(tmp_path)), kubelet(url))
        told = names.of(POD)["kubernetes"]
        names.close()
    assert (told["namespace"], told["pod"]) == ("other", {"name": "name", "ip": "10.1.2.3"})


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        # https://github.com/distribution/reference
        ("nginx", {"name": "nginx"}),
        ("nginx:1.27", {"name": "nginx", "tag": ["1.27"]}),
        ("docker.io/library/nginx:1.27", {"name": "docker.io/library/nginx", "tag": ["1.27"]}),
        ("registry:5000/shop/web", {"name": "registry:5000/shop/web"}),
        (
            "registry:5000/shop/web:2@sha256:ab",
            {"name": "registry:5000/shop/web", "tag": ["2"], "hash": {"all": ["sha256:ab"]}},
        ),
        ("sha256:abcdef", {}),
        ("", {}),
    ],
)
def test_references_of_images(reference: str, part: Part) -> None:
    """Name, tag and digest; an id is no name."""
    assert image_part(reference) == part


def test_labels() -> None:
    """Those that are wanted, bounded; and those that a kubelet gives its containers."""
    labels = {
        "app": "web",
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.container.name": "nginx",
        "long": "x" * 257,
        "number": 7,
        **{f"n{number:03}": "x" for number in range(100)},
    }
    assert kept_labels(labels, ["app", "long", "number"]) == {"app": "web"}
    assert len(kept_labels(labels, ["*"])) == 32
    assert kept_labels(None, ["*"]) == {}
    assert pod_of(labels) == {
        "namespace": "shop", "pod": {"name": "web-0"}, "container": {"name": "nginx"}
    }  # fmt: skip
    assert pod_of(None) == {}


def test_what_is_to_be_done_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each source, with the system's words."""

    class Closed(PodLogs):
        """A folder of somebody else; a test that is root may enter all of them."""

        def ask(self, place: Place) -> Part:
            raise PermissionError(errno.EACCES, "Permission denied", place.pod)

    names = names_of(Closed("/closed"), PodLogs(str(tmp_path / "absent")))
    for number in range(3):
        assert names.of(Place(f"{number:064x}", "", UID)) == {}
    names.close()
    assert caplog.messages == [
        "no names from /closed: Permission denied: let agent.user in, or set attribution.lookup",
        f"no names from {tmp_path}/absent: No such file or directory",
    ]
