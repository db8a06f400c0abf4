"""The dashboard of Prometheus: expressions that it reads, of metrics that the agent has."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from consumers.contracts import ROOT, Json

from .description import DASHBOARDS

#: What Grafana puts in the place of its variables.
_VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}
#: `_bucket` of a histogram, beside the names of the table.
_FAMILY = re.compile(r"shipper_[a-z0-9_]+?(?=_bucket\b|[^a-z0-9_]|$)")


def expressions() -> dict[str, str]:
    """Title and legend -> expression, as Prometheus gets it."""
    file: Json = json.loads((DASHBOARDS / "grafana" / "agents.json").read_text("utf-8"))
    found: dict[str, str] = {}
    for panel in file["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in _VARIABLES.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, expression
            found[f"{panel['title']}: {target['legendFormat']}"] = expression
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What Prometheus's own tool says."""
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Every expression as a recording rule: promtool reads those."""
    recorded = [
        {"record": f"panel:{number}", "expr": one}
        for number, one in enumerate(expressions().values())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    return file


def test_prometheus_reads_them(rules: Path) -> None:
    """Each expression parses; one that is broken would not."""
    done = promtool("check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions())} rules found" in done.stdout
    rules.write_text(rules.read_text().replace("sum by", "sum bi", 1))
    assert promtool("check", "rules", rules).returncode != 0


def test_metrics_are_there() -> None:
    """Every metric is one of the agent's table."""
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    table = page.partition("<!-- metrics -->")[2].partition("<!-- /metrics -->")[0]
    known = set(re.findall(r"^\| `(shipper_\w+)`", table, re.MULTILINE))
    assert len(known) > 30
    named = {name for one in expressions().values() for name in _FAMILY.findall(one)}
    assert named <= known
    assert len(named) > 15


def test_numbers(rules: Path, tmp_path: Path) -> None:
    """What Prometheus makes of known counters, by the names that the panels have."""
    series = {
        'shipper_stage_received_total{stage="records",instance="a",worker="0"}': "0+70x10",
        'shipper_stage_sent_total{stage="records",instance="a",worker="0"}': "0+54x10",
        'shipper_stage_sent_total{stage="exchanges",instance="a",worker="0"}': "0+60x10",
        'shipper_stage_held{stage="records",instance="a",worker="0"}': "0+1x10",
        'shipper_stage_discarded_total{stage="records",reason="full",instance="a"}': "0+15x10",
        'shipper_spool_bytes{instance="a",worker="0"}': "50x10",
        'shipper_spool_limit_bytes{instance="a",worker="0"}': "200x10",
        'shipper_coverage_connections_total{read="true",protocol="http1",instance="a"}': "0+3x10",
        'shipper_coverage_connections_total{read="false",protocol="tls",instance="a"}': "0+1x10",
        'shipper_flow_table_flows{instance="a"}': "10x10",
        'shipper_flow_table_limit{instance="a"}': "40x10",
    }
    expected = {
        "Exchanges a second: {{instance}}": ('{instance="a"}', 1.0),
        "Discarded, by stage and reason: {{stage}} {{reason}}": (
            '{stage="records", reason="full"}',
            0.25,
        ),
        "What a stage does not account for: {{stage}}": ('{stage="records"}', 0.0),
        "Spool in use: {{instance}}": ('{instance="a"}', 0.25),
        "Share of connections that is read: read": ("{}", 0.75),
        "Flow table in use: {{instance}}": ('{instance="a"}', 0.25),
    }
    named = expressions()
    asked = [
        {
            "expr": named[name],
            "eval_time": "10m",
            "exp_samples": [{"labels": labels, "value": value}],
        }
        for name, (labels, value) in expected.items()
    ]
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "promql_expr_test": asked,
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
