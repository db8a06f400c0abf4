"""The Helm chart -> plain manifests, checked in beside it (`make chart`).

    python -m deploy.chart

Helm itself is built once into build/helm (minutes of CPU); the tests therefore don't ask it, but
compare the digest of the chart that stands in each manifest.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from shipper.errors import ShipperError, UnavailableError

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "config/kubernetes/chart"
MANIFESTS = CHECKOUT / "config/kubernetes/manifests"
HELM = "helm.sh/helm/v3/cmd/helm@v3.19.0"
#: What the chart is rendered for; a Helm that was built by `go install` knows none of its own.
KUBERNETES = "1.30.0"
#: File -> what of the chart it shows, and with which values.
VARIANTS: dict[str, tuple[str, ...]] = {
    "cgroup.yaml": (),
    "interface.yaml": ("--set", "config.capture.hook=interface"),
    "podmonitor.yaml": (
        *("--set", "metrics.podMonitor.enabled=true"),
        *("--show-only", "templates/podmonitor.yaml"),
    ),
}


def digest() -> str:
    """What the chart's files amount to."""
    files = sorted(path for path in CHART.rglob("*") if path.is_file())
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(CHART)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def header() -> str:
    """The first line of every manifest."""
    return f"# Made by `make chart` of the chart beside it, sha256 {digest()}.\n"


def helm() -> Path:
    """Helm, built when it is not there yet."""
    folder = CHECKOUT / "build/helm"
    program = folder / "helm"
    if not program.exists():
        if shutil.which("go") is None:
            raise UnavailableError(
                "Helm has to be built, and Go is missing", "apt-get install golang"
            )
        sys.stderr.write("Building Helm into build/helm (some minutes, once)\n")
        _run(["nice", "go", "install", HELM], GOBIN=str(folder))
    return program


def render(variant: tuple[str, ...]) -> str:
    """What Helm makes of the chart."""
    command = [
        helm(),
        "template",
        "shipper",
        CHART,
        "--namespace",
        "shipper",
        "--kube-version",
        KUBERNETES,
        *variant,
    ]
    return header() + _run([*map(str, command)])


def _run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode:
        words = (done.stderr.strip() or "it said nothing").splitlines()
        raise UnavailableError(f"{command[0]} failed: {words[-1]}")
    return done.stdout


def main() -> int:
    """Lint the chart and render every variant; the exit code."""
    _run([str(helm()), "lint", "--strict", "--kube-version", KUBERNETES, str(CHART)])
    MANIFESTS.mkdir(exist_ok=True)
    changed = []
    for name, variant in VARIANTS.items():
        path, text = MANIFESTS / name, render(variant)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(name)
    sys.stdout.write(json.dumps({"manifests": list(VARIANTS), "changed": changed}) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ShipperError as error:
        sys.stderr.write(f"chart: {error}\n")
        sys.exit(error.exit_code)
