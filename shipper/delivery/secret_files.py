"""Settings that stand in files: read when a client is made, and watched while it runs.

`NAME.file` gives the file of the secret setting NAME. Certificates and keys, which librdkafka
reads itself, are watched too, since it reads them only when a client is made.
"""

import time
from collections.abc import Callable
from pathlib import Path

from shipper.delivery.errors import Setting, Settings, is_secret
from shipper.errors import ConfigError

#: How often the files are looked at (seconds).
EVERY_S = 2.0

_SUFFIX = ".file"
#: What librdkafka reads by itself.
_LOCATIONS = (
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
)

#: What tells one version of a file from the next: time, inode, size; None: it can't be looked at.
_Version = tuple[int, int, int] | None


def contents(settings: Settings) -> dict[str, Setting]:
    """The settings with the contents of the files; one line break at a file's end is not its.

    Raises `ConfigError` for a file that can't be read, a secret that is given twice, and a
    setting that is no secret.
    """
    found: dict[str, Setting] = {}
    for name, value in settings.items():
        if not name.endswith(_SUFFIX):
            found[name] = value
            continue
        secret = name.removesuffix(_SUFFIX)
        if not is_secret(secret):
            raise ConfigError(
                f"kafka.{name} is no setting", "only secrets may stand in a file of their own"
            )
        if secret in settings:
            raise ConfigError(
                f"kafka.{secret} and kafka.{name} exclude each other", "leave one of them out"
            )
        found[secret] = _read(name, str(value))
    return found


def _read(name: str, path: str) -> str:
    try:
        text = Path(path).read_bytes().decode()
    except OSError as e:
        raise ConfigError(
            f"kafka.{name}: can't read {path} ({e.strerror})", "give a file that this user may read"
        ) from None
    except ValueError:
        raise ConfigError(f"kafka.{name}: {path} is no text", "it has to be UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


class SecretFiles:
    """The settings of a client that is made again when one of its files has changed."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._looked = clock()
        self._paths = {
            str(value): None
            for name, value in settings.items()
            if name.endswith(_SUFFIX) or name in _LOCATIONS
        }
        self._versions: dict[str, _Version] = {}

    def contents(self) -> dict[str, Setting]:
        """The settings as the files have them now; raises `ConfigError`."""
        # Looked at before reading: what changes in between is read once more, not missed.
        self._versions = self._look()
        return contents(self._settings)

    def changed(self) -> str:
        """The path of a file that has changed since it was read, else ""; looks now and then.

        Each version is told once: what could not be used is not tried again until it changes.
        """
        now = self._clock()
        if not self._paths or now - self._looked < EVERY_S:
            return ""
        self._looked = now
        before, self._versions = self._versions, self._look()
        return next((path for path in self._paths if self._versions[path] != before[path]), "")

    def _look(self) -> dict[str, _Version]:
        return {path: _version(path) for path in self._paths}


def _version(path: str) -> _Version:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
