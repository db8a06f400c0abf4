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
    Registry,
    VolumeRule,
    keys,
)
from shipper.config.topics import BINARY, Encoding, Framing

__all__ = [
    "BINARY",
    "DEFAULT_PATH",
    "Agent",
    "Capture",
    "Config",
    "Encoding",
    "Framing",
    "Http",
    "Kafka",
    "Match",
    "Privacy",
    "Record",
    "Registry",
    "VolumeRule",
    "keys",
    "load",
    "parse_pairs",
]
