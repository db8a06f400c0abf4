"""What the figures were measured on, without a name or an address of it."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from brokers.artefacts import POM

import shipper


def described(*packages: str) -> dict[str, Any]:
    """Machine and versions, of these Debian packages too, at this moment."""
    cpu = _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    flags = (_field("/proc/cpuinfo", "flags") or "").split()
    kafka = re.search(r"<kafka.version>([^<]+)<", POM.read_text())
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in flags,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": re.split(r"[-+]", platform.release())[0],
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {
            "shipper": shipper.__version__,
            "kafka": kafka[1] if kafka else None,
            **{package: _version(package) for package in packages},
        },
    }


def _field(path: str, name: str) -> str | None:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _version(package: str) -> str | None:
    words = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout or None
