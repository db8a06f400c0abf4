"""Bounds on what becomes records: they hold, what is left out is counted, and they change."""

from collections.abc import Callable

import pytest
from faults.agent import eventually
from metrics.running import running, total
from metrics.test_scrape import off

from reload.test_reload import records, reload
from shipper.contract.exchange import Connection, Exchange, Request
from shipper.volume import CLIENT, CPU, RATE, Volume, VolumeSettings
from shipper.volume.bucket import Buckets


def exchange(number: int, port: int = 40_000) -> Exchange:
    """One of a connection."""
    connection = Connection("tcp", "cgroup", None, b"\x0a\0\0\1", port, b"\x0a\0\0\2", 80, 1)
    return Exchange(connection, Request("1.1", (), 0, 0, 20, 0), None, number)


def passed(volume: Volume, count: int) -> int:
    """How many of so many become records."""
    return sum(volume.leaves_out(exchange(number)) is None for number in range(count))


class Hand:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Where it stands."""
        return self.now


def test_without_bounds_all_pass() -> None:
    """And nothing has to be asked."""
    assert not VolumeSettings().decides
    assert passed(Volume(VolumeSettings()), 1000) == 1000


@pytest.mark.parametrize(("rate", "first"), [(100.0, 100), (0.5, 1), (1.5, 1)])
def test_a_rate_holds_over_any_time(rate: float, first: int) -> None:
    """One second's worth at once, then as many as time brings."""
    clock = Hand()
    volume = Volume(VolumeSettings(max_per_second=rate), clock)
    assert passed(volume, 1000) == first
    assert volume.leaves_out(exchange(0)) == RATE
    many = 0
    for _ in range(1000):
        clock.now += 0.02
        many += passed(volume, 10)
    assert many == pytest.approx(20 * rate, abs=1)


def test_a_client_s_rate_is_its_own() -> None:
    """One that asks much takes nothing from others; those who are forgotten begin anew."""
    clock = Hand()
    buckets = Buckets(10.0, most=2)
    loud, quiet, new = b"loud", b"quiet", b"new"
    assert sum(buckets.take(loud, clock()) for _ in range(100)) == 10
    assert sum(buckets.take(quiet, clock()) for _ in range(5)) == 5
    assert not buckets.take(loud, clock())
    assert buckets.take(new, clock())  # quiet, who was heard of before loud, is forgotten
    assert sum(buckets.take(quiet, clock()) for _ in range(100)) == 10
    volume = Volume(VolumeSettings(max_per_client=10.0), clock)
    assert passed(volume, 100) == 10
    assert volume.leaves_out(exchange(0)) == CLIENT


def _seconds(volume: Volume, clock: Hand, cpu: Hand, use: Callable[[float], float]) -> list[float]:
    """CPU used in each of thirty seconds, when `use` gives it by the share that passes."""
    found = []
    for _ in range(30):
        share = passed(volume, 1000) / 1000
        clock.now += 1.0
        cpu.now += use(share)
        found.append(use(share))
        volume.look()
    return found


def test_a_ceiling_is_kept_and_no_more_is_left_out_than_it_asks() -> None:
    """Half of the use is what shipping costs; when the load goes, everything passes again."""
    clock, cpu = Hand(), Hand()
    volume = Volume(VolumeSettings(max_cpu=0.5), clock, cpu)
    used = _seconds(volume, clock, cpu, lambda share: 0.3 + 0.6 * share)
    assert used[0] == pytest.approx(0.9)
    assert sum(used[10:]) / 20 < 0.52
    assert min(used[10:]) > 0.4
    assert CPU in {volume.leaves_out(exchange(number)) for number in range(100)}
    quiet = _seconds(volume, clock, cpu, lambda share: 0.1 * share)
    assert quiet[-1] == pytest.approx(0.1)


def test_the_hash_decides_the_same_everywhere() -> None:
    """Two hosts under the same pressure leave out the same exchanges, of every connection some."""
    fates = []
    for _ in range(2):
        clock, cpu = Hand(), Hand()
        volume = Volume(VolumeSettings(max_cpu=0.5), clock, cpu)
        clock.now, cpu.now = 1.0, 1.0
        volume.look()
        fates.append([volume.leaves_out(exchange(n % 50, 40_000 + n // 50)) for n in range(1000)])
    assert fates[0] == fates[1]
    assert 350 < fates[0].count(CPU) < 650
    assert all(
        None in fates[0][n : n + 50] and CPU in fates[0][n : n + 50] for n in range(0, 1000, 50)
    )


@pytest.mark.usefixtures("root")
def test_bounds_come_and_go_while_it_runs() -> None:
    """What is left out and what becomes a record are all there was, and the numbers go on."""
    with running(workers=2) as world:
        port = world.traffic.port
        agent = world.start({"capture.include.ports": [port]})
        world.traffic.send(50)
        world.counted(50)
        reload(world, "[volume]\nmax_exchanges_per_second = 20\n")
        for _ in range(20):
            world.traffic.send(50)

        def seen() -> bool:
            samples = world.asked.samples()
            return total(samples, "shipper_stage_received_total", stage="exchanges") == 1050

        eventually(seen, "all are seen")
        samples = world.asked.samples()
        assert off(samples) == {}
        capped = total(samples, "shipper_stage_discarded_total", stage="exchanges", reason=RATE)
        assert capped > 0
        reload(world, "")
        world.traffic.send(50)
        kept = int(1100 - capped)
        world.counted(kept)
        assert agent.stop() == 0
        found = records(world)
        assert len(found) == kept
        numbers = sorted((r["event"]["id"].split("-")[-2], r["event"]["sequence"]) for r in found)
        each = {worker: [n for w, n in numbers if w == worker] for worker, _ in numbers}
        assert all(sequence == list(range(len(sequence))) for sequence in each.values())
