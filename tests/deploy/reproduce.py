"""Package and image, each built twice from the same tree: whether they are the same.

`make reproduce`, or

    python -m deploy.reproduce [deb] [image]

Nothing of the first build is used for the second. Where they differ, the files that do are named;
the last line is one JSON object.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generations.archive import run
from image import build as image
from image.engine import once, podman

from shipper.errors import ShipperError

from . import package

#: Files of an image by what they hold; mounts, and the container's names, are not its own.
_LISTING = (
    "find / -xdev -type f -not -path '/proc/*' -not -path '/sys/*' -not -path /etc/hostname "
    "-not -path /etc/hosts -exec sha256sum {} + | sort -k2"
)
_MOST = 20


def deb() -> tuple[list[str], list[str]]:
    """The digests of two packages, and the files in which they differ."""
    digests, listings = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2):
            built = package.build()
            digests.append(hashlib.sha256(built.read_bytes()).hexdigest())
            at = Path(folder) / str(number)
            run(["dpkg-deb", "--raw-extract", built, at])
            listings.append(_sums(at))
            shutil.rmtree(at)
    return digests, _different(*listings)


def _sums(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def container_image() -> tuple[list[str], list[str]]:
    """The digests of two images' layers, and the files in which they differ."""
    digests, listings = [], []
    for _ in range(2):
        built = image.build(package.CHECKOUT, fresh=True)
        layers = podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", built.name)
        digests.append(hashlib.sha256(layers.encode()).hexdigest())
        lines = once(built.name, "/bin/sh", "-c", _LISTING).splitlines()
        listings.append({path: digest for digest, path in (line.split(None, 1) for line in lines)})
    return digests, _different(*listings)


def _different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


_KINDS = {"deb": deb, "image": container_image}


def main() -> int:
    """Everything that is asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kinds", nargs="*", choices=[[], *_KINDS], help="all, unless named")
    found = {}
    for kind in parser.parse_args().kinds or _KINDS:
        digests, files = _KINDS[kind]()
        same = len(set(digests)) == 1
        sys.stdout.write(f"{kind}: {'the same' if same else 'DIFFERENT'} twice: {digests[0]}\n")
        sys.stdout.write("".join(f"  {path}\n" for path in files[:_MOST]))
        found[kind] = {"same": same, "digests": digests, "files": files}
    ok = all(one["same"] for one in found.values())
    sys.stdout.write(json.dumps({"ok": ok, **found}) + "\n")
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ShipperError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"reproduce: {error}\n")
        sys.exit(getattr(error, "exit_code", 1))
