"""watch.toml -> `Settings`; what is wrong in it is one line."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from shipper.errors import ConfigError
from shipper.insight.watch import rules
from shipper.insight.watch.rules import Table
from shipper.insight.watch.values import Time

DEFAULT_PATH: Final = Path("/etc/shipper/watch.toml")


class Webhook(Table):
    """Alerts as JSON by POST."""

    kind: Literal["webhook"]
    url: str = Field(pattern=r"^https?://", description="where to")
    header: str = Field(default="Authorization", description="the header that holds the secret")
    secret_file: str = Field(default="", description="file with that header's value")
    timeout: Time = Field(default=10_000, ge=100, description="for an answer")


class Alertmanager(Table):
    """Alerts to Prometheus' Alertmanager (API v2)."""

    kind: Literal["alertmanager"]
    url: str = Field(pattern=r"^https?://", description="its address, without /api")
    header: str = Field(default="Authorization", description="the header that holds the secret")
    secret_file: str = Field(default="", description="file with that header's value")
    timeout: Time = Field(default=10_000, ge=100, description="for an answer")
    expire: Time = Field(
        default=86_400_000, ge=60_000, description="an alert that nobody resolves ends after this"
    )


Receiver = Annotated[Webhook | Alertmanager, Field(discriminator="kind")]


class Settings(Table):
    """All that `shipper watch` is told beside the agent's configuration."""

    group: str = Field(
        default="shipper-watch",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="consumer group, and first part of the names of its topics",
    )
    state: str = Field(
        default="", description="folder of its state; empty: one that ends with the process"
    )
    grace: Time = Field(default=10_000, description="how late a record may come and still count")
    remember: Time = Field(
        default=86_400_000, ge=60_000, description="how long a repeated event.id is known"
    )
    groups: int = Field(default=20_000, ge=1, description="groups of a rule at once")
    notify: tuple[Receiver, ...] = Field(default=(), description="where alerts go on to")
    rule: tuple[rules.AnyRule, ...] = Field(default=(), description="what is watched")

    @model_validator(mode="after")
    def _apart(self) -> "Settings":
        ids = [rule.id for rule in self.rule]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice:
            raise ValueError(f"two rules are called {twice}")
        return self


def load(path: Path) -> Settings:
    """The settings in a file; `ConfigError` in one line."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as e:
        raise ConfigError(
            f"can't read the rules {path} ({e.strerror})", "config/watch.toml is one to begin with"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", "TOML is always UTF-8") from None
    except tomllib.TOMLDecodeError as e:
        said = str(e)
        raise ConfigError(f"{path} is no valid TOML", said[:1].lower() + said[1:]) from None
    try:
        return Settings.model_validate(given)
    except ValidationError as e:
        raise _explained(e, given, path) from None


def _explained(error: ValidationError, given: dict[str, Any], path: Path) -> ConfigError:
    findings = error.errors(include_url=False)
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ConfigError(f"{path}: {_place(first, given)}{_words(first)}{more}")


def _place(finding: ErrorDetails, given: dict[str, Any]) -> str:
    """`rule burst-5xx: windw: `, by the names that stand in the file."""
    steps = list(finding["loc"])
    place = ""
    if len(steps) > 1 and isinstance(steps[1], int):
        table = given[str(steps[0])][steps[1]]
        named = table.get("id") or table.get("url") if isinstance(table, dict) else None
        place = f"{steps[0]} {named or f'number {steps[1] + 1}'}: "
        # What follows is the kind that was told apart by, then the key.
        steps = steps[3:]
    return place + "".join(f"{step}: " for step in steps)


def _words(finding: ErrorDetails) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(finding["loc"][-1])
        near = difflib.get_close_matches(name, _keys(finding), n=1)
        return f"unknown key; did you mean {near[0]}?" if near else "unknown key"
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        expected = str(context.get("expected_tags", "")).replace("'", '"')
        return f"kind: allowed: {expected}" if expected else "kind is needed"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return "allowed: " + str(context["expected"]).replace("'", '"')
    if kind == "missing":
        return "it is missing"
    said = finding["msg"]
    return said[:1].lower() + said[1:]


def _keys(finding: ErrorDetails) -> list[str]:
    """The keys of the table that the unknown one stands in."""
    kinds: dict[str, type[Table]] = {
        "threshold": rules.Threshold,
        "change": rules.Change,
        "new": rules.New,
        "sigma": rules.Sigma,
        "silence": rules.Silence,
        "webhook": Webhook,
        "alertmanager": Alertmanager,
    }
    model = next((kinds[str(step)] for step in finding["loc"] if str(step) in kinds), Settings)
    return [field.alias or name for name, field in model.model_fields.items()]
