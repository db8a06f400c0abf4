"""What an operator copies for APIPark: it loads, and does what its comments say."""

import re
from pathlib import Path

import pytest

from shipper import wiring
from shipper.config import Config, load

CONFIG = Path(__file__).parents[2] / "config" / "loki"


@pytest.fixture(scope="module")
def config() -> Config:
    """The snippet for the agent, as it stands."""
    return load(str(CONFIG / "shipper.toml"), environ={}, flags={})


def test_the_snippet_chooses_form_and_topic(config: Config) -> None:
    """One word, and Alloy reads the topic that follows from it."""
    assert config.record.encoding == "apipark"
    assert f'"{config.kafka.topic}"' in (CONFIG / "apipark.alloy").read_text()


def test_headers_of_ai_interfaces_are_kept_as_they_are(config: Config) -> None:
    """Beside the usual ones, which stay; also those whose name has a secret's word."""
    headers = wiring.record_settings(config).headers
    usual = wiring.record_settings(load(environ={}, flags={})).headers
    assert headers.request == usual.request
    assert headers.response == usual.response
    assert {action.value for action in headers.actions.values()} == {"keep"}
    assert "x-ratelimit-remaining-tokens" in headers.actions
    # A glob could unmask what nobody thought of.
    assert not [name for name in headers.actions if set(name) & set("*?")]


def test_alloy_puts_one_label_on_a_line() -> None:
    """And gives it the time of the message, by which APIPark asks for the next page."""
    text = (CONFIG / "apipark.alloy").read_text()
    assert re.findall(r"^\s*labels = (.*)$", text, re.MULTILINE) == [
        '{cluster = sys.env("APIPARK_CLUSTER")}'
    ]
    assert re.search(r"^\s*use_incoming_timestamp = true$", text, re.MULTILINE)
