"""The example file and the table of keys say what the model says."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from shipper.config import Config, load
from shipper.config.model import keys, tables
from shipper.config.secrets import is_secret as config_secret
from shipper.delivery.errors import is_secret as delivery_secret
from shipper.delivery.settings import _FREQUENT, DEFAULTS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "shipper.toml"
PAGE = ROOT / "docs" / "configuration.md"


def shown_default(value: object) -> str:
    """A default as the table shows it."""
    if value is None:
        return "`default`"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{', '.join(value)}`" if value else "none"
    return f"`{value}`" if value or value == 0 else "none"


def rows() -> list[str]:
    """The table's rows, one a key."""
    return [
        f"| `{key}` | {shown_default(info.get_default(call_default_factory=True))} "
        f"| {info.description} |"
        for key, info in keys().items()
    ]


def test_example_lists_every_key() -> None:
    """Every key stands in the example file, uncommented."""
    example = tomllib.loads(EXAMPLE.read_text())
    listed = set()
    for key in keys():
        table = example
        *path, name = key.split(".")
        for part in path:
            table = table[part]
        if name in table:
            listed.add(key)
    assert listed == set(keys())


def test_example_values_are_the_defaults() -> None:
    """Loading the example is the same as loading nothing."""
    assert load(str(EXAMPLE), environ={}) == Config()


def test_every_key_has_a_description() -> None:
    """No key is without words."""
    assert [key for key, info in keys().items() if not info.description] == []


def test_page_lists_every_key_with_its_default() -> None:
    """The page's table is exactly what the model gives."""
    in_page = [line for line in PAGE.read_text().splitlines() if re.match(r"\| `[a-z_]+[.`]", line)]
    shown = [line for line in in_page if line.count(" | ") == 2]
    assert [line for line in shown if not line.startswith("| `kafka.*`")] == rows()


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_page_lists_the_producers_defaults(name: str, value: object) -> None:
    """What the producer gets stands on the page."""
    assert f"| `{name}` | `{str(value).lower()}` |" in PAGE.read_text()


def test_tables_are_no_keys() -> None:
    """A table's name is never a key too."""
    assert not set(tables()) & set(keys())


@pytest.mark.parametrize(
    "name", [*sorted(_FREQUENT), "ssl.key.pem", "sasl.oauthbearer.client.secret"]
)
def test_both_rooms_agree_on_what_is_secret(name: str) -> None:
    """Configuration and delivery do not import each other; their lists are one all the same."""
    assert config_secret(f"kafka.{name}") == delivery_secret(name)
