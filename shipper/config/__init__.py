"""The configuration: defaults, a TOML file, the environment and flags become one frozen tree.

Plain data only; the agent translates it for the rooms. docs/configuration.md describes it.
"""

from shipper.config.load import DEFAULT_PATH, load, parse_pairs
from shipper.config.model import (
    Agent,
    Capture,
    Config,
    Http,
    Kafka,
    Match,
    Privacy,
    Record,
)

__all__ = [
    "DEFAULT_PATH",
    "Agent",
    "Capture",
    "Config",
    "Http",
    "Kafka",
    "Match",
    "Privacy",
    "Record",
    "load",
    "parse_pairs",
]
