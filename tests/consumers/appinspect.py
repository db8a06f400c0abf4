"""`python -m consumers.appinspect`: Splunk's AppInspect about both apps; a table, one JSON line.

pip installs it once, in an environment of its own below `build/appinspect`. Exit code 0 if no check
fails and each warning is one that is named here with its reason.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brokers.fetching import alone, fetch
from e2e.telling import told

from .contracts import ROOT

_LOCK: Final = Path(__file__).with_name("appinspect.txt")
_FOLDER: Final = ROOT / "build" / "appinspect"
_APPS: Final = ("TA-shipper", "SA-shipper-detections")
_BAD: Final = ("error", "failure", "future_failure", "future")
#: What it warns of and why that stays: the rule for cloud metadata has to name its addresses.
_ALLOWED: Final = {("SA-shipper-detections", "check_hostnames_and_ips")}
_PATIENCE_S: Final = 300.0


@dataclass
class Account:
    """What it says of each app: how many checks ended how, and what is to be mended."""

    results: dict[str, Counter[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def line(self) -> dict[str, object]:
        """For a program."""
        return {"ok": not self.told, **{app: dict(found) for app, found in self.results.items()}}

    def rows(self) -> list[tuple[str, str, object]]:
        """For a person."""
        return [
            (f"{app}: {result}", "AppInspect", count)
            for app, found in self.results.items()
            for result, count in sorted(found.items())
        ]

    def shortfalls(self) -> list[str]:
        """What is not as it has to be."""
        return self.told


def inspected() -> Account:
    """Both apps, packed as an operator would."""
    account, program = Account(), _program()
    for app in _APPS:
        found = account.results[app] = Counter[str]()
        for check in _checks(program, app):
            name, result = check["name"], check["result"]
            found[result] += 1
            if result in _BAD or (result == "warning" and (app, name) not in _ALLOWED):
                said = "; ".join(message["message"] for message in check["messages"])
                account.told.append(f"{app}: {name}: {said}")
        assert found["success"] > 0, f"{app}: nothing was looked at"
    return account


def _checks(program: Path, app: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="shipper-appinspect-") as folder:
        package, report = Path(folder) / f"{app}.tgz", Path(folder) / "report.json"
        with tarfile.open(package, "w:gz") as packed:
            packed.add(ROOT / "config" / "splunk" / app, arcname=app)
        words = ("--mode", "test", "--data-format", "json", "--output-file", str(report))
        subprocess.run(
            [program, "inspect", package, *words],
            check=True,
            capture_output=True,
            timeout=_PATIENCE_S,
        )
        groups = json.loads(report.read_text("utf-8"))["reports"][0]["groups"]
    return [check for group in groups for check in group["checks"]]


def _program() -> Path:
    """Splunk's program; installed first when it is not there, or another is wanted."""
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    stamp, environment = _FOLDER / "complete", _FOLDER / "environment"
    with alone(_FOLDER):
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(environment, ignore_errors=True)
            venv.create(environment, with_pip=True)
            pip = (str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet")
            fetch("Splunk's AppInspect", *pip, "--require-hashes", "--requirement", str(_LOCK))
            stamp.write_text(wanted)
    return environment / "bin" / "splunk-appinspect"


def main() -> int:
    """Run it; the exit code."""
    return told("appinspect", "What AppInspect says of the apps for Splunk", inspected)


if __name__ == "__main__":
    sys.exit(main())
