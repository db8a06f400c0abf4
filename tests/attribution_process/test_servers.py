"""Who answers: the process that really reads, whoever bound, accepted or was there first."""

import json
from pathlib import Path

import pytest
from live.nginx import Nginx
from live.watch import Watch, only, shared

from .asking import curl, told, wrong
from .conftest import PORT, Serve

_ASKED = 40


@pytest.mark.parametrize("kind", ["prefork", "threads", "handed", "split"])
def test_the_process_that_reads_is_named(loaded: Watch, serve: Serve, kind: str) -> None:
    """Children on one socket, threads, a socket handed on, a connection handed on."""
    serve(kind)
    with shared(loaded, only(PORT)) as watch:
        curl(PORT, _ASKED)
    assert len(watch.exchanges) == _ASKED
    assert wrong(watch.exchanges, asking=False) == []


def test_every_child_is_told_from_the_others(loaded: Watch, serve: Serve) -> None:
    """Several children answer, each told by its own pid, all by one parent."""
    serve("prefork")
    with shared(loaded, only(PORT)) as watch:
        curl(PORT, _ASKED)
    processes = {each.process for each in watch.exchanges if each.process is not None}
    assert len({process.pid for process in processes}) > 1
    assert len({process.parent for process in processes}) == 1
    assert {process.name.rpartition("-")[0] for process in processes} == {"child"}


def test_nginx_says_who_it_was(loaded: Watch, tmp_path: Path) -> None:
    """Four workers: `$pid` of nginx's own log is the truth."""
    server = Nginx(tmp_path / "nginx", ["127.0.0.1"], PORT, workers=4)
    try:
        with shared(loaded, only(PORT)) as watch:
            curl(PORT, _ASKED)
        server.stop()
        lines = [json.loads(line) for line in (tmp_path / "nginx/who.log").open()]
        truth = {line["port"]: (int(line["pid"]), "nginx") for line in lines}
        named = {str(each.connection.client_port): told(each) for each in watch.exchanges}
        assert len(named) == _ASKED
        assert named == truth
        assert server.pid not in {pid for pid, _ in truth.values()}
    finally:
        server.close()
