"""The network between agent and broker: cut, slow, half open."""

import time

from .catalogue import scenario
from .world import World


@scenario(needs="proxied")
def connection_cut(world: World) -> None:
    """Every connection is reset, again and again."""
    world.agent()
    with world.traffic.flowing():
        for _ in range(5):
            time.sleep(1)
            world.proxy.cut()
    world.await_delivery()


@scenario(needs="proxied")
def connection_slow(world: World) -> None:
    """Each byte takes longer than a request may: 4 s each way, 3 s allowed; then it is well."""
    world.agent(world.settings(kafka__socket__timeout__ms=3000, kafka__request__timeout__ms=3000))
    world.traffic.send(200)
    world.proxy.slow(4.0)
    world.traffic.send(500, rate=100)
    time.sleep(10)
    world.proxy.heal()
    world.traffic.send(200)
    world.await_delivery()


@scenario(needs="proxied")
def connection_half_open(world: World) -> None:
    """It takes bytes and never answers."""
    world.agent(world.settings(kafka__socket__timeout__ms=3000, kafka__request__timeout__ms=3000))
    world.traffic.send(200)
    world.proxy.half_open()
    world.traffic.send(500, rate=200)
    time.sleep(5)
    world.proxy.heal()
    world.traffic.send(200)
    world.await_delivery()


@scenario(needs="proxied")
def connection_refused(world: World) -> None:
    """Nobody listens for a while."""
    world.agent()
    world.traffic.send(200)
    world.proxy.refuse()
    world.traffic.send(500, rate=200)
    time.sleep(3)
    world.proxy.heal()
    world.await_delivery()
