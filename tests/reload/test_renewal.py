"""What of a new configuration a running agent takes over."""

from pathlib import Path
from typing import Any

import pytest

from shipper.config import Config, keys, load
from shipper.renewal import CHANGEABLE, renewed

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
KEY = "k" * 16


def config(**flags: Any) -> Config:  # noqa: ANN401 - whatever a key takes
    """A configuration of these keys; `__` for the dot."""
    return load(environ={}, flags={name.replace("__", "."): v for name, v in flags.items()})


def test_nothing_new() -> None:
    """The same file again."""
    found = renewed(config(), config())
    assert (found.config, found.changed, found.kept) == (config(), (), ())
    assert found.said == "nothing changed"


def test_what_can_change_does_and_the_rest_is_named() -> None:
    """Tables within tables too; no value stands in the line, only names."""
    old = config(kafka__linger_ms="1", **{"kafka.linger.ms": 5})
    new = config(
        capture__exclude__cidrs=["10.0.0.0/8"],
        capture__workers=2,
        privacy__hash_key=KEY,
        privacy__client_ip="hash",
        record__request_headers=["host"],
        record__host_name="web-9",
        agent__log_level="debug",
        **{"kafka.linger.ms": 7, "kafka.sasl.password": "geheim"},
    )
    found = renewed(old, new)
    assert found.changed == (
        "capture.exclude.cidrs",
        "record.request_headers",
        "privacy.client_ip",
        "privacy.hash_key",
        "agent.log_level",
    )
    assert set(found.kept) == {
        "capture.workers",
        "record.host_name",
        "kafka.linger_ms",
        "kafka.linger.ms",
        "kafka.sasl.password",
    }
    assert found.config.privacy == new.privacy
    assert found.config.capture.exclude == new.capture.exclude
    assert found.config.record.request_headers == ("host",)
    assert found.config.record.host_name == ""
    assert found.config.capture.workers == 1
    assert found.config.kafka == old.kafka
    assert "geheim" not in found.said
    assert KEY not in found.said


def test_what_this_host_s_kernel_does_not_let_change() -> None:
    """Is kept like everything else that can't."""
    new = config(capture__include__cidrs=["10.0.0.0/8"], capture__include__ports=[80])
    found = renewed(config(), new, frozenset({"capture.include.cidrs"}))
    assert found.changed == ("capture.include.ports",)
    assert found.kept == ("capture.include.cidrs",)
    assert found.config.capture.include.cidrs == ()


def test_going_back() -> None:
    """What was set becomes its default again."""
    found = renewed(config(privacy__query=["token"]), config())
    assert found.changed == ("privacy.query",)
    assert found.config == config()


@pytest.mark.parametrize("key", CHANGEABLE)
def test_the_page_says_what_changes(key: str) -> None:
    """Each key or table that changes stands in docs/operations.md, and is one."""
    table = any(name.startswith(f"{key}.") for name in keys())
    assert table or key in keys()
    assert f"`{key}.*`" in PAGE.read_text() if table else f"`{key}`" in PAGE.read_text()
