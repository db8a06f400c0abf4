"""Small libraries that make the agent's surroundings wrong on command (`clock.c`, `disk.c`)."""

import subprocess
from pathlib import Path

from .world import World


class Preloaded:
    """A library built from `source`, and the file that commands it.

    `environment` makes a process heed both; `variable` names the file.
    """

    def __init__(self, world: World, source: str, variable: str) -> None:
        library = world.folder / f"{source}.so"
        code = Path(__file__).with_name(source)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, code], check=True)
        library.chmod(0o755)
        self._file = world.folder / f"{source}.command"
        self._file.write_bytes(bytes(8))
        self._file.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(library), variable: str(self._file)}

    def command(self, number: int) -> None:
        """Eight bytes, little-endian, in place: the library has the file mapped."""
        with self._file.open("r+b") as file:
            file.write(number.to_bytes(8, "little", signed=True))
