"""Kubernetes manifests: what the API server's schemas take, and what the docs promise of them."""

import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shipper.config import Config, load

from .chart import MANIFESTS, VARIANTS, header

VERSIONS = ("1.25", "1.30", kubernetes_validate.latest_version())
#: Resources of operators: their schemas are not the API server's.
FOREIGN = {"PodMonitor"}


def _documents(name: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((MANIFESTS / name).read_text()) if one]


def _kind(name: str, kind: str) -> dict[str, Any]:
    (found,) = [one for one in _documents(name) if one["kind"] == kind]
    return found


def _pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = _kind(name, "DaemonSet")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("name", VARIANTS)
def test_manifests_are_of_this_chart(name: str) -> None:
    """Whoever changes the chart renders it: `make chart`."""
    assert (MANIFESTS / name).read_text().startswith(header())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.name)
def test_manifests_are_valid_to_the_letter(path: Path, version: str) -> None:
    """No field that the API does not know, none of another type."""
    for document in _documents(path.name):
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_does_not_exist_is_refused() -> None:
    """The check above can fail."""
    document = _kind("cgroup.yaml", "DaemonSet")
    document["spec"]["template"]["spec"]["hostNetwrok"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)


@pytest.mark.parametrize(
    ("name", "attach"), [("cgroup.yaml", set()), ("interface.yaml", {"NET_RAW"})]
)
def test_the_agent_has_no_more_rights_than_were_found_to_be_needed(
    name: str, attach: set[str]
) -> None:
    """Nothing of the node's but what its hook needs; no token; a file system that is read only."""
    pod = _pod(name)
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["capabilities"]["drop"] == ["ALL"]
    base = {"BPF", "CHOWN", "NET_ADMIN", "PERFMON", "SETGID", "SETUID"}
    assert set(context["capabilities"]["add"]) == base | attach
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert not context["privileged"]
    assert not pod["automountServiceAccountToken"]
    assert not {"hostPID", "hostIPC"} & set(pod)
    assert pod["hostNetwork"] is (name == "interface.yaml")


def test_the_cgroup_hook_sees_the_nodes_root() -> None:
    """Mounted from the node, and named to the agent: its own cgroup namespace is another."""
    pod = _pod("cgroup.yaml")
    (container,) = pod["containers"]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "cgroup"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "cgroup"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert mount["readOnly"]
    assert environment["SHIPPER_CAPTURE__CGROUP_ROOT"] == mount["mountPath"]
    assert volume["hostPath"]["path"] == "/sys/fs/cgroup"


def test_pods_are_named_by_the_folder_of_their_logs() -> None:
    """Mounted from the node, read-only, and named to the agent."""
    pod = _pod("cgroup.yaml")
    (container,) = pod["containers"]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "pod-logs"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "pod-logs"]
    environment = {one["name"]: one.get("value", "") for one in container["env"]}
    assert mount["readOnly"]
    assert volume["hostPath"]["path"] == "/var/log/pods"
    config = load(os.devnull, environ=environment, flags={})
    assert config.attribution.pod_logs == mount["mountPath"]


def test_every_mount_has_its_volume_and_the_other_way_round() -> None:
    """The schema does not look at names."""
    for name in ("cgroup.yaml", "interface.yaml"):
        pod = _pod(name)
        (container,) = pod["containers"]
        mounted = sorted(one["name"] for one in container["volumeMounts"])
        assert mounted == sorted(one["name"] for one in pod["volumes"])


def test_a_policy_and_a_monitor_choose_the_agents_pods() -> None:
    """Their selectors are labels of the DaemonSet's pods."""
    labels = _kind("cgroup.yaml", "DaemonSet")["spec"]["template"]["metadata"]["labels"]
    policy = _kind("cgroup.yaml", "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    monitor = _kind("podmonitor.yaml", "PodMonitor")["spec"]
    (container,) = _pod("cgroup.yaml")["containers"]
    assert policy.items() <= labels.items()
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    ports = {one["name"] for one in container["ports"]}
    assert {one["port"] for one in monitor["podMetricsEndpoints"]} <= ports


@pytest.mark.parametrize(
    ("name", "hook"), [("cgroup.yaml", "cgroup"), ("interface.yaml", "interface")]
)
def test_the_agent_takes_the_configuration_that_it_is_given(
    name: str, hook: str, tmp_path: Path
) -> None:
    """File and environment of the pod, read as the agent reads them."""
    file = tmp_path / "shipper.toml"
    file.write_text(_kind(name, "ConfigMap")["data"]["shipper.toml"])
    (container,) = _pod(name)["containers"]
    environment = {one["name"]: one.get("value", "node-1") for one in container["env"]}
    config = load(str(file), environ=environment, flags={})
    assert config.capture.hook == hook
    assert config.kafka.bootstrap_servers == ("kafka-bootstrap.kafka.svc:9092",)
    assert config.record.host_name == "node-1"
    assert Path(config.spool.path).parent == Path(
        next(one["mountPath"] for one in container["volumeMounts"] if one["name"] == "spool")
    )
    (port,) = container["ports"]
    assert config.metrics.listen == f"0.0.0.0:{port['containerPort']}"


@pytest.mark.parametrize("name", ["cgroup.yaml", "interface.yaml"])
def test_a_pod_is_given_the_time_that_the_agent_takes_to_end(name: str) -> None:
    """Twice shutdown_timeout and some, before it is killed."""
    longest = 2 * Config().agent.shutdown_timeout
    assert _pod(name)["terminationGracePeriodSeconds"] > longest
