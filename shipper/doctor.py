"""`shipper doctor`: what this machine can do, what it can't, and what to do about each.

Every check is tried for real: the program is loaded and attached, the broker is asked.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shipper import privileges, wiring
from shipper.blind_spots import blind_spots
from shipper.capture import find_root, open_kernel, program_source
from shipper.config import Config
from shipper.coverage import coverage, coverage_line
from shipper.delivery import check_kafka
from shipper.errors import ShipperError, UnavailableError
from shipper.finding import Finding, Status

#: The ring buffer came with 5.8, links for cgroup programs with 5.7.
_OLDEST_KERNEL = (5, 8)
_CAPABILITIES = {12: "NET_ADMIN", 13: "NET_RAW", 38: "PERFMON", 39: "BPF"}
_SYS_ADMIN = 21
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def _kernel(_config: Config) -> Finding:
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    if numbers < _OLDEST_KERNEL:
        return Finding("kernel", "fail", release, "5.8 or newer is needed (BPF ring buffer)")
    return Finding("kernel", "ok", f"{release} {platform.machine()}")


def _privileges(_config: Config) -> Finding:
    held = privileges.held()
    if held >> _SYS_ADMIN & 1 and os.geteuid() == 0:
        return Finding("privileges", "ok", "root; given up once the program is loaded")
    missing = [name for bit, name in _CAPABILITIES.items() if not held >> bit & 1]
    if not missing:
        return Finding("privileges", "ok", "the capabilities that loading needs")
    return Finding(
        "privileges",
        "fail",
        f"not root, and CAP_{', CAP_'.join(missing)} missing",
        "start as root (the agent gives it up after loading), or grant these capabilities",
    )


def _bcc(config: Config) -> Finding:
    interpreter = wiring.capture_settings(config, hook="replay").interpreter
    try:
        done = subprocess.run(  # noqa: S603 - the distribution's interpreter, a fixed program
            [interpreter, "-I", "-c", "import bcc; print(bcc.__version__)"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except OSError as error:
        return Finding(
            "bcc", "fail", f"{interpreter}: {error.strerror}", "install python3, python3-bpfcc"
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Finding("bcc", "fail", reason, "install the package python3-bpfcc")
    return Finding("bcc", "ok", f"{done.stdout.strip()} under {interpreter}")


def _headers(_config: Config) -> Finding:
    if not Path("/usr/include/linux/types.h").exists():
        return Finding(
            "C headers", "fail", "/usr/include/linux is missing", "install linux-libc-dev"
        )
    return Finding("C headers", "ok", "user-space headers; no kernel headers are needed")


def _source(_config: Config) -> Finding:
    source = program_source()
    if not source.exists():
        return Finding("kernel program", "fail", f"{source} is missing", "reinstall shipper")
    return Finding("kernel program", "ok", str(source))


def _cgroup(config: Config) -> Finding:
    if config.capture.hook != "cgroup":
        return Finding("cgroup v2", "ok", "not needed: capture.hook is interface")
    root = find_root(config.capture.cgroup_root)
    if root.private:
        status: Status = "warn" if config.capture.allow_private_cgroup else "fail"
        return Finding(
            "cgroup v2",
            status,
            f"{root.path} is a private cgroup namespace's root: only this container is seen",
            "run the container with --cgroupns=host and the host's /sys/fs/cgroup",
        )
    return Finding("cgroup v2", "ok", f"{root.path}, the host's root")


def _capture(config: Config, seconds: float) -> list[Finding]:
    """Load and attach for real, and watch for a moment what connections speak."""
    started = time.monotonic()
    kernel = open_kernel(wiring.capture_settings(config))
    took = time.monotonic() - started
    try:
        time.sleep(seconds)
        counters = kernel.counters()
    finally:
        kernel.close()
    hook = config.capture.hook
    findings = [Finding("load and attach", "ok", f"{hook} hook in {took:.1f} s, detached again")]
    seen = coverage(counters, config.capture.roles)
    unread = seen["tls"] + seen["http2"]
    line = f"in {seconds:g} s, {coverage_line(seen)}"
    if unread and not seen["http1"]:
        remedy = "TLS and HTTP/2 are not read: capture where traffic is plain, behind the proxy"
        findings.append(Finding("coverage", "warn", line, remedy))
    else:
        findings.append(Finding("coverage", "ok", line))
    return findings


def _kafka(config: Config) -> list[Finding]:
    if "kafka" not in config.output:
        return [Finding("broker", "ok", "not needed: output is " + ", ".join(config.output))]
    servers = ", ".join(config.kafka.bootstrap_servers)
    if not servers:
        return [
            Finding(
                "broker", "fail", "none is configured", 'set kafka.bootstrap.servers = "host:9092"'
            )
        ]
    kafka = config.kafka
    topics = kafka.topic, kafka.ledger_topic, kafka.dead_topic
    result = check_kafka(dict(kafka.settings), *topics)
    broker = result.broker
    if broker.problem:
        return [Finding("broker", "fail", f"{servers}: {broker.problem}", broker.remedy)]
    findings = [Finding("broker", "ok", f"{servers} answers")]
    for name, topic in result.topics.items():
        if topic.problem:
            findings.append(Finding("topic", "warn", f"{name}: {topic.problem}", topic.remedy))
        else:
            findings.append(Finding("topic", "ok", f"{name}, {topic.partitions} partitions"))
    return findings


def _registry(config: Config) -> Finding:
    """Whether records can be framed as configured: what the registry knows their schema by."""
    asking = wiring.asking(config)
    if asking is None or "kafka" not in config.output:
        return Finding("schema registry", "ok", "not needed: nothing stands around a record")
    schema = wiring.schema(config)
    try:
        found = asking.ask(schema)
    except ShipperError as error:
        return Finding("schema registry", "fail", str(error), "until then records wait")
    return Finding(
        "schema registry",
        "ok",
        f"{asking.url} has {schema.schema} {schema.version} under {asking.subject}, id {found.id}",
    )


def _spool(config: Config) -> Finding:
    """Whether the folder, or the one that it will be made in, can be used and has the room."""
    spool = config.spool
    if "kafka" not in config.output:
        return Finding("spool", "ok", "not needed: output is " + ", ".join(config.output))
    if not spool.path:
        lost = "none: what the end of the agent leaves unsent is lost"
        return Finding("spool", "warn", lost, "set spool.path to a folder")
    path = there = Path(spool.path)
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        free = os.statvfs(there)
    except OSError as error:
        remedy = "give a folder that can be written to"
        return Finding("spool", "fail", f"{path}: {error.strerror}", remedy)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        remedy = "give another folder (spool.path), or the rights on it"
        return Finding("spool", "fail", f"{path} can't be written to", remedy)
    room = free.f_bavail * free.f_frsize
    line = f"{path}, {room >> 20} MiB free"
    if room < spool.total_bytes:
        remedy = f"make room for spool.total_bytes ({spool.total_bytes >> 20} MiB), or lower it"
        return Finding("spool", "warn", line, remedy)
    return Finding("spool", "ok", line)


def examine(config: Config, seconds: float) -> Iterator[Finding]:
    """Every check in turn; a check that fails does not keep the others from being made."""
    simple: tuple[Callable[[Config], Finding], ...] = (
        _kernel, _privileges, _bcc, _headers, _source, _cgroup, _spool, _registry,
    )  # fmt: skip
    for check in simple:
        try:
            yield check(config)
        except ShipperError as error:
            yield Finding(check.__name__.strip("_"), "fail", str(error))
    yield from blind_spots(config)
    try:
        yield from _capture(config, seconds)
    except ShipperError as error:
        yield Finding("load and attach", "fail", str(error))
    try:
        yield from _kafka(config)
    except ShipperError as error:
        yield Finding("broker", "fail", str(error))


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Print what was found; 0 when nothing failed, else 69 (something needed is unavailable)."""
    findings = []
    console = Console()
    with console.status("looking …"):
        findings = list(examine(config, max(0.0, arguments.seconds)))
    failed = any(finding.status == "fail" for finding in findings)
    if arguments.json:
        print(json.dumps({"ok": not failed, "findings": [asdict(f) for f in findings]}))
        return UnavailableError.exit_code if failed else 0
    table = Table(show_header=True, box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        text = Text(finding.found)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", style="bold")
        status = Text(finding.status, style=_COLOURS[finding.status])
        table.add_row(finding.check, status, text)
    console.print(table)
    return UnavailableError.exit_code if failed else 0
