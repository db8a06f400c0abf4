"""Connections in, ends out: which side is meant, whose word counts, and what is counted."""

import logging
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from record.record_exchanges import CREATED, OFFSET, V4, builder, exchange

from attribution.world import cgroups, ended, started_in
from shipper.attribution import REASONS, Attributor, Ends, Holder, Host
from shipper.attribution.paths import NOWHERE, Place, place_of_process
from shipper.capture import find_root
from shipper.contract.exchange import Exchange
from shipper.record import RecordSettings

A, B = "0a" * 32, "0b" * 32
NGINX: dict[str, dict[str, Any]] = {"process": {"pid": 42, "name": "nginx"}, "user": {"id": "33"}}


class Told:
    """Somebody who knows the holders: those that the test says."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    def ends(self, exchange: Exchange) -> Ends:
        """The same for each exchange."""
        assert exchange.connection.flow
        return self._ends

    def refresh(self) -> None:
        """Nothing changes."""

    def totals(self) -> dict[str, Any]:
        """Nothing is counted."""
        return {}


@pytest.fixture
def root() -> Iterator[Path]:
    """A cgroup for the test."""
    with cgroups(f"shipper-attributor-{os.getpid()}") as made:
        yield made


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    """This host, looked at once."""
    (root / f"docker-{A}.scope").mkdir()
    (root / f"libpod-{B}.scope").mkdir()
    (root / "web.service").mkdir()
    made = Host(find_root().path, log=logging.getLogger("test"))
    yield made
    made.close()


def number(path: Path) -> int:
    """The id of a cgroup."""
    return path.stat().st_ino


def record(
    attributor: Attributor, of: Exchange, settings: RecordSettings | None = None
) -> dict[str, Any]:
    """The record of an exchange, attributed."""
    who = attributor.attribute(of)
    made: dict[str, Any] = builder(settings).build(of, OFFSET, CREATED, who).document
    return made


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_one_end_is_here(host: Host, root: Path, direction: str) -> None:
    """It stands at the top, and `network.direction` says which one it is."""
    attributor = Attributor(host)
    here = replace(V4, cgroup=number(root / f"docker-{A}.scope"), direction=direction)
    read = record(attributor, exchange(connection=here))
    assert read["container"] == {"id": A, "runtime": "docker"}
    assert read["network"]["direction"] == direction
    assert not {"source", "destination"} & read["shipper"].keys()


@pytest.mark.parametrize(("direction", "side"), [("ingress", "destination"), ("egress", "source")])
def test_the_side_is_named_where_the_direction_is_not(
    host: Host, root: Path, direction: str, side: str
) -> None:
    """With a perimeter `network.direction` says something else."""
    settings = RecordSettings(internal_networks=("198.51.100.0/24",))
    here = replace(V4, cgroup=number(root / f"docker-{A}.scope"), direction=direction)
    read = record(Attributor(host), exchange(connection=here), settings)
    assert read["shipper"][side] == {"container": read["container"]}


def test_both_ends_are_here(host: Host, root: Path) -> None:
    """Each has its side, and the server's view stands at the top."""
    client = Holder(cgroup=number(root / f"libpod-{B}.scope"), parts={"user": {"id": "7"}})
    server = Holder(cgroup=number(root / f"docker-{A}.scope"), parts=NGINX)
    attributor = Attributor(host, Told(Ends(client, server)))
    read = record(attributor, exchange())
    assert read["container"]["id"] == A
    assert read["process"] == NGINX["process"]
    assert read["shipper"]["destination"] == {
        "container": {"id": A, "runtime": "docker"}, **NGINX
    }  # fmt: skip
    assert read["shipper"]["source"] == {
        "container": {"id": B, "runtime": "podman"}, "user": {"id": "7"}
    }  # fmt: skip


def test_who_holds_a_socket_knows_better_than_who_made_it(host: Host, root: Path) -> None:
    """A socket that is handed on keeps its maker's cgroup."""
    made_by = replace(V4, cgroup=number(root / "web.service"))
    holder = Holder(cgroup=number(root / f"docker-{A}.scope"))
    attributor = Attributor(host, Told(Ends(destination=holder)))
    read = record(attributor, exchange(connection=made_by))
    assert read["container"]["id"] == A
    assert "service" not in read


def test_a_holder_without_a_place(host: Host, root: Path) -> None:
    """The process is told, the unit is not, and that is counted."""
    attributor = Attributor(host, Told(Ends(destination=Holder(number(root), parts=NGINX))))
    read = record(attributor, exchange())
    assert (read["process"], read["user"]) == (NGINX["process"], NGINX["user"])
    assert "container" not in read
    assert attributor.totals() == {"attributed": 0, "unattributed": {"cgroup_unnamed": 1}}


def test_on_an_interface_the_holders_alone_tell(host: Host, root: Path) -> None:
    """No socket hook saw it: the end that is here is the view's; where none is, that is said."""
    seen = exchange(connection=replace(V4, direction=None, cgroup=None, hook="interface"))
    client = Holder(cgroup=number(root / f"docker-{A}.scope"))
    attributor = Attributor(host, Told(Ends(source=client)))
    who = attributor.attribute(seen)
    assert who is not None
    assert (who.view, list(who.ends)) == ("source", ["source"])
    nobody = Attributor(host)
    assert nobody.attribute(seen) is None
    assert nobody.totals()["unattributed"] == {"no_socket": 1}


def test_parts_that_no_record_may_hold_are_left_out(host: Host, root: Path) -> None:
    """A record is not lost for what somebody says of its ends."""
    wrong = Holder(cgroup=number(root / "web.service"), parts={"process": {"pid": -1}})
    read = record(Attributor(host, Told(Ends(destination=wrong))), exchange())
    assert not {"process", "service"} & read.keys()


def test_reasons_have_their_names() -> None:
    """Each once, and none is called other."""
    assert len(set(REASONS)) == len(REASONS)
    assert "other" not in REASONS


@pytest.fixture
def version_1(tmp_path: Path) -> Iterator[Path]:
    """A hierarchy of version 1 without controllers, as any kernel with cgroups mounts it."""
    at, name = tmp_path / "v1", f"none,name=shipper-{os.getpid()}"
    at.mkdir()
    subprocess.run(["mount", "-t", "cgroup", "-o", name, "none", at], check=True)
    yield at
    subprocess.run(["umount", at], check=True)


def test_a_container_in_cgroups_of_version_1_alone(root: Path, version_1: Path) -> None:
    """As old runtimes leave it on hosts with both: the unit of version 2 is the runtime's own.

    The file tells the container; without it nothing is told, rather than the runtime's unit.
    """
    inside = version_1 / "docker" / A
    inside.mkdir(parents=True)
    unit = root / "containerd.service"
    process = started_in(unit, "/bin/sleep", "60", stdout=subprocess.DEVNULL)
    try:
        (inside / "cgroup.procs").write_text(str(process.pid))
        text = Path(f"/proc/{process.pid}/cgroup").read_text()
        host = Host(find_root().path, log=logging.getLogger("test"))
        assert host.place_of(Holder(number(unit), text)) == Place(A, "docker")
        assert host.place_of_socket(number(unit)) == "cgroup_mixed"
        host.close()
    finally:
        ended(process)
        inside.rmdir()
        inside.parent.rmdir()


#: cgroups(7), a line a hierarchy: version 1 alone (ECS, kind), both of them, version 2 alone.
FILES = {
    f"11:cpuset:/ecs/55091c13-b8cf-4801-b527-f4601742204d/{A}\n"
    "1:name=systemd:/ecs/55091c13\n": Place(A),
    f"11:memory:/docker/{A}/kubelet/kubepods/pod12fdc709-933e-41d0-917f-cd84de9afa94/{B}\n"
    "0::/system.slice/containerd.service\n": Place(B, "", "12fdc709-933e-41d0-917f-cd84de9afa94"),
    f"9:devices:/system.slice/docker.service\n1:name=systemd:/docker/{A}\n"
    "0::/system.slice/docker.service\n": Place(A, "docker"),
    "9:devices:/system.slice\n1:name=systemd:/system.slice/nginx.service\n"
    "0::/system.slice/nginx.service\n": Place(service="nginx.service"),
    "4:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n": Place(
        service="session-1.scope"
    ),
    "0::/system.slice/nginx.service\n": Place(service="nginx.service"),
    "0::/\n": NOWHERE,
    "": NOWHERE,
}


@pytest.mark.parametrize("text", FILES)
def test_what_a_process_s_file_tells(text: str) -> None:
    """A container that any hierarchy names; else the unit."""
    assert place_of_process(text) == FILES[text]
