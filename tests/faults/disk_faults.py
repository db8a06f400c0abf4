"""The spool's disk: torn, flipped, missing, full, failing."""

import errno
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .catalogue import scenario
from .preloaded import Preloaded
from .world import World

_SMALL = {"spool.total_bytes": 1 << 20, "spool.segment_bytes": 1 << 16}


def _damaged(world: World, damage: Callable[[list[Path]], None], *said: str) -> None:
    """Let records wait, kill the agent, damage their files, and let the next one send them."""
    settings = world.settings() | {"spool.segment_bytes": 1 << 16}
    world.kafka.stop()
    agent = world.agent(settings)
    world.traffic.send(800)
    time.sleep(1.5)
    agent.kill()
    damage(sorted(world.spool.glob("*/*.log")))
    world.kafka.start()
    agent = world.agent(settings)
    if said:
        agent.says(*said)
    world.traffic.send(100)
    world.await_what_comes(10)
    time.sleep(2)


@scenario(needs="own", pace="test")
def spool_torn_and_flipped(world: World) -> None:
    """A flipped byte in the first segment, and an end that was torn off the last."""

    def damage(segments: list[Path]) -> None:
        data = bytearray(segments[0].read_bytes())
        data[len(data) // 2] ^= 0x10
        segments[0].write_bytes(data)
        torn = segments[-1].read_bytes()
        segments[-1].write_bytes(torn[: len(torn) - 200])

    _damaged(world, damage, "skipped")


@scenario(needs="own")
def spool_segment_missing(world: World) -> None:
    """A segment in the middle is gone."""
    _damaged(world, lambda segments: segments[len(segments) // 2].unlink(), "can't be read")


@scenario(needs="own")
def spool_segments_reordered(world: World) -> None:
    """Two segments bear each other's name, and one stands there twice: nothing is lost."""

    def damage(segments: list[Path]) -> None:
        first, second = segments[0], segments[1]
        aside = first.with_suffix(".aside")
        first.rename(aside)
        second.rename(first)
        aside.rename(second)
        shutil.copy(segments[2], segments[2].with_name("copy.log"))

    _damaged(world, damage)


def _full(world: World, policy: str) -> None:
    """More is seen than the spool takes while the broker is away."""
    world.kafka.stop()
    world.agent(
        world.settings(spool__when_full=policy, kafka__queue__buffering__max__messages=100)
        | _SMALL
        | {"capture.ring_bytes": 65536}
    )
    world.traffic.send(3000, rate=2000)
    time.sleep(3)
    world.kafka.start()
    world.traffic.send(200, rate=200)
    world.await_what_comes(15)


@scenario(needs="own")
def spool_full_block(world: World) -> None:
    """The kernel's ring fills, and counts."""
    _full(world, "block")


@scenario(needs="own")
def spool_full_drop_oldest(world: World) -> None:
    """What waited longest and was not handed on is given up, by its numbers."""
    _full(world, "drop_oldest")


@scenario(needs="own")
def spool_full_drop_newest(world: World) -> None:
    """What comes is given up."""
    _full(world, "drop_newest")


def _on_small_disk(world: World, megabytes: int, options: str) -> None:
    world.spool.mkdir(mode=0o700)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m{options}", "spool", str(world.spool)],
        check=True,
    )
    world.at_end(lambda: subprocess.run(["umount", "-l", str(world.spool)], check=False))


@scenario(needs="own", pace="test")
def disk_full(world: World) -> None:
    """The spool's file system fills while the broker is away, and is given room again."""
    _on_small_disk(world, 2, "")
    filler = world.spool / "filler"
    world.kafka.stop()
    agent = world.agent(world.settings(spool__when_full="drop_newest", spool__memory_bytes=1 << 18))
    with suppress(OSError):
        filler.write_bytes(bytes((2 << 20) - 600_000))
    world.traffic.send(2500, rate=2000)
    agent.says("can't write to the spool")
    filler.unlink()
    world.kafka.start()
    world.traffic.send(200, rate=200)
    world.await_what_comes(15)


@scenario()
def disk_failing(world: World) -> None:
    """Writing and syncing end with EIO for a while: what is seen goes on from memory."""
    disk = Preloaded(world, "disk.c", "FAULT_DISK")
    agent = world.agent(environment=disk.environment)
    world.traffic.send(300)
    disk.command(errno.EIO)
    world.traffic.send(500)
    agent.says("spool", "nput/output error")
    disk.command(0)
    world.traffic.send(300)
    world.await_delivery()
