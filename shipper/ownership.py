"""What root makes for the processes that are root no more: output files and the spool's folder."""

import os
from pathlib import Path

from shipper import privileges
from shipper.config import Config
from shipper.errors import ConfigError, InputError


def prepare_files(config: Config) -> None:
    """Create output files as root, so that the unprivileged worker may write them."""
    if os.geteuid() != 0:
        return
    uid, gid = privileges.account(config.agent.user)
    for output in config.output:
        if not output.startswith("file:"):
            continue
        path = Path(output.removeprefix("file:"))
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(
                f"cannot create {path}: {error.strerror}", "name a file in a folder that exists"
            ) from error
        os.fchown(descriptor, uid, gid)
        os.close(descriptor)


def prepare_spool(config: Config) -> None:
    """Make the spool's folder as root, for the unprivileged workers alone.

    What an earlier start under another user left is handed over too.
    """
    if "kafka" not in config.output or not config.spool.path:
        return
    root = Path(config.spool.path)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            uid, gid = privileges.account(config.agent.user)
            for path in (root, *root.rglob("*")):
                if path.lstat().st_uid != uid:
                    os.chown(path, uid, gid, follow_symlinks=False)
    except OSError as error:
        raise ConfigError(
            f"spool.path: cannot use {root}: {error.strerror}",
            "give a folder that can be written to, or an empty one for none",
        ) from error
