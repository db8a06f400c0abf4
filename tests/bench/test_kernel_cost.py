"""The benchmark of the kernel program measures; how fast anything is, no test says."""

import json
from pathlib import Path

import pytest

from bench import kernel_cost


@pytest.mark.usefixtures("root")
def test_each_case_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of packet gets a figure, in both ways, and nothing stays behind.

    That as many runs were counted as packets were sent, the benchmark itself insists on.
    """
    before = Path("/proc/sys/kernel/bpf_stats_enabled").read_text()
    code = kernel_cost.main(["--rounds", "3", "--packets", "60"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == (1 if told["short"] else 0)
    assert told["aims"].keys() < told["sockets"].keys()
    assert told["test_run"].keys() < told["sockets"].keys()
    for figures in (*told["sockets"].values(), *told["test_run"].values()):
        assert figures["least"] <= figures["median"] > 0
    assert Path("/proc/sys/kernel/bpf_stats_enabled").read_text() == before
    assert not list(Path("/sys/fs/cgroup").glob("**/shipper-bench-*"))
