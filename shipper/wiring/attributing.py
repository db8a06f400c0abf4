"""The configuration -> who tells, for each exchange, who took part."""

import logging
import os
from pathlib import Path
from typing import Any

from shipper.attribution import (
    Asking,
    Attributor,
    BootClock,
    Channel,
    CriSocket,
    Executables,
    Host,
    Kubelet,
    PodLogs,
    Processes,
    ProcessSettings,
    Procfs,
    Remote,
    RuntimeSocket,
    Source,
)
from shipper.capture import find_root
from shipper.config import Config
from shipper.errors import ShipperError
from shipper.record import CommandLines
from shipper.wiring.recording import record_settings


def attribution(
    config: Config, log: logging.Logger, channel: Channel | None = None
) -> Attributor | None:
    """Who answers for one worker, as configured; None where nothing is to be told.

    Starts a thread. What is missing on this host is said once, and its fields are absent.
    `channel` leads to the look-up process, where there is one.
    """
    told = config.attribution
    if not (told.containers or told.processes):
        return None
    asking = Asking(channel) if channel is not None else None
    host = _host(config, log, asking)
    processes = _processes(config, asking, host) if told.processes else None
    host.start(*([processes.refresh] if processes is not None else []))
    return Attributor(host, processes)


def _host(config: Config, log: logging.Logger, asking: Asking | None) -> Host:
    """Who knows the cgroups, where they are asked for and can be known."""
    if config.attribution.containers:
        try:
            return Host(
                _root(config),
                _sources(config, asking),
                log=log,
                patience=config.attribution.max_wait,
            )
        except ShipperError as error:
            log.warning("nothing is told of containers and units: %s", error)
    return Host(None, log=log)


def _processes(config: Config, asking: Asking | None, host: Host) -> Processes:
    """Who knows the processes."""
    told = config.attribution
    settings = ProcessSettings(
        parents=told.parents,
        command_line=CommandLines(record_settings(config)).text if told.command_lines else None,
        executables=_executables(asking, hashes=told.hashes) if asking is not None else None,
    )
    return Processes(settings, Procfs(), BootClock(), hurry=host.hurry)


def _executables(asking: Asking, *, hashes: bool) -> Executables:
    """Who knows the executables of others."""

    def told(process: int, start: int) -> dict[str, Any]:
        path = asking.executable(process, start)
        if path is None:
            return {}
        part: dict[str, Any] = {"executable": os.fsencode(path).decode("utf-8", "replace")}
        if hashes and (digest := asking.digest(process, start)):
            part["hash"] = {"sha256": digest}
        return part

    return told


def privileged_sources(config: Config) -> list[Source]:
    """Those who know names and may be open to root alone."""
    told = config.attribution
    sources: list[Source] = [RuntimeSocket(path, told.labels) for path in told.runtime_sockets]
    sources += [CriSocket(path, told.labels) for path in told.cri_sockets]
    if told.pod_logs:
        sources.append(PodLogs(told.pod_logs))
    return sources


def _sources(config: Config, asking: Asking | None) -> list[Source]:
    """Who knows names; of two that know the same, the first one is believed."""
    told = config.attribution
    sources = privileged_sources(config)
    if asking is not None:
        sources = [Remote(asking, n, source.name) for n, source in enumerate(sources)]
    if told.kubelet:
        kubelet = Kubelet(
            told.kubelet,
            token_file=told.kubelet_token_file,
            ca=told.kubelet_ca,
            labels=told.labels,
        )
        sources.append(kubelet)
    return sources


def _root(config: Config) -> Path | None:
    """Where the cgroups of events are found by their ids."""
    try:
        return find_root(config.capture.cgroup_root).path
    except ShipperError:
        return None  # capture by interface needs none
