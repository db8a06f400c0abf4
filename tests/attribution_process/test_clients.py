"""Who asks: known before the first packet, however short it lives."""

import subprocess
import sys
from itertools import pairwise

from live.watch import Watch, only, shared, watching

from .asking import ENVIRONMENT, asked_of, curl, wrong
from .conftest import PORT, Serve

_SHORT_LIVED = 150
_CONNECTIONS = 500
_TIMES = 12


def test_processes_that_live_for_one_request(loaded: Watch, serve: Serve) -> None:
    """Each curl is another process, gone when its exchange is told; each is named."""
    serve("prefork")
    with shared(loaded, only(PORT, roles=("client",))) as watch:
        curl(PORT, _SHORT_LIVED)
    assert len(watch.exchanges) == _SHORT_LIVED
    assert wrong(watch.exchanges, asking=True) == []


def test_a_client_of_five_hundred_connections(loaded: Watch, serve: Serve) -> None:
    """One process opens them all; each exchange names it, and says the same of it."""
    serve("threads")
    with shared(loaded, only(PORT, roles=("client",))) as watch:
        subprocess.run([*_CLIENT, str(_CONNECTIONS)], env=ENVIRONMENT, check=True)
    assert len(watch.exchanges) == _CONNECTIONS
    assert wrong(watch.exchanges, asking=True) == []
    assert len({each.process for each in watch.exchanges}) == 1


def test_connections_older_than_the_agent(serve: Serve) -> None:
    """Opened, and perhaps accepted, before the programs are there: asked of the kernel's lists."""
    serve("split")
    client = subprocess.Popen(
        [*_CLIENT, "20", "pause"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "open\n"
    with watching(only(PORT, roles=("client",))) as watch:
        client.communicate("go\n")
        watch.pause()
    assert len(watch.exchanges) == len([each for each in watch.exchanges if each.process])
    assert len(watch.exchanges) == 20
    assert wrong(watch.exchanges, asking=True) == []


def test_both_ends_on_this_host(loaded: Watch, serve: Serve) -> None:
    """Where both roles are wanted, the server's story names the client's process too."""
    serve("prefork")
    with shared(loaded, only(PORT, roles=("server", "client"))) as watch:
        curl(PORT, _TIMES)
    assert len(watch.exchanges) == _TIMES
    assert wrong(watch.exchanges, asking=False) == []
    peers = [(each.peer.pid, each.peer.name) if each.peer else None for each in watch.exchanges]
    assert peers == [asked_of(each) for each in watch.exchanges]


def test_a_pid_that_is_used_again(loaded: Watch, serve: Serve) -> None:
    """In a pid namespace made to give the same pid each time: so many processes, none mixed up.

    What curl says of itself is the pid of its own namespace.
    """
    serve("prefork")
    with shared(loaded, only(PORT, roles=("client",))) as watch:
        subprocess.run(
            ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", _AGAIN, "sh"], check=True
        )
    processes = [each.process for each in watch.exchanges]
    assert len(processes) == _TIMES
    assert [process.vpid for process in processes if process] == [_PID] * _TIMES
    assert wrong(watch.exchanges, asking=True) == [
        ((process.pid, "curl"), (_PID, "curl")) for process in processes if process
    ]
    assert len({process.pid for process in processes if process}) == _TIMES
    assert all(one.start < other.start for one, other in pairwise(processes) if one and other)


_CLIENT = [sys.executable, "-m", "attribution_process.clients", str(PORT)]
_PID = 200
#: Each time the next pid is the same one.
_AGAIN = f"""
for time in $(seq {_TIMES}); do
  echo {_PID - 1} > /proc/sys/kernel/ns_last_pid
  sh -c 'exec curl -s -o /dev/null -H "X-Pid: $$" -H "X-Name: curl" http://127.0.0.1:{PORT}/'
done
"""
