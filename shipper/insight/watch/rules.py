"""watch.toml -> rules: what is measured of which records, and when that is worth an alert."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shipper.insight.watch.values import Time, Where

_SECOND: Final = 1000
_DAY: Final = 86_400_000
#: Into how many steps a window is cut where it divides so.
_STEPS: Final = (6, 5, 4, 3, 2, 1)

Severity = Literal["info", "low", "medium", "high", "critical"]
Measure = Literal["rate", "count", "share", "latency"]


class Table(BaseModel):
    """A frozen table that knows all its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )


class Rule(Table):
    """What every rule says. Records are counted by group, in steps of event time."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="its name for programs")
    name: str = Field(default="", description="its name for people; empty: the id")
    description: str = Field(default="", description="what it looks for")
    reference: str = Field(default="", description="where more is said")
    severity: Severity = Field(default="medium", description="how bad it is")
    where: Where = Field(default={}, description="only these records")
    by: tuple[str, ...] = Field(default=(), description="counted for each of these apart")
    hold: Time = Field(default=0, alias="for", description="it has to hold as long without a break")
    mute: Time = Field(
        default=300_000,
        description="quiet for as long, it is over; until then nothing is said again",
    )

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.name or self.id

    @property
    def span(self) -> int:
        """How much is looked at at once (ms)."""
        return _SECOND

    @property
    def step(self) -> int:
        """How often it is looked at, and the grain of event time (ms)."""
        return next(
            self.span // n
            for n in _STEPS
            if self.span % n == 0 and (self.span // n >= _SECOND or n == 1)
        )


class Windowed(Rule):
    """Rules about what was measured in a window of time."""

    window: Time = Field(default=60_000, ge=_SECOND, le=_DAY, description="the time looked at")

    @property
    def span(self) -> int:
        """The window."""
        return self.window


class Threshold(Windowed):
    """A measure beyond a limit."""

    kind: Literal["threshold"]
    measure: Measure = Field(
        description="`rate` (records a second), `count`, `share` (0 to 1, of `match`), `latency` "
        "(seconds, at `quantile`)"
    )
    match: Where = Field(default={}, description="with `share`: the records whose share it is")
    quantile: float = Field(default=0.95, gt=0, lt=1, description="with `latency`")
    above: float | None = Field(default=None, ge=0, description="alert beyond this")
    below: float | None = Field(default=None, gt=0, description="alert short of this")
    least: int = Field(default=1, ge=1, description="fewer records in the window say nothing")

    @model_validator(mode="after")
    def _one_limit(self) -> "Threshold":
        if (self.above is None) == (self.below is None):
            raise ValueError("either above or below is needed")
        _match_with_share(self.measure, self.match)
        return self


class Change(Windowed):
    """A measure far from what it was at this group before."""

    kind: Literal["change"]
    measure: Measure = Field(description="as of `threshold`")
    match: Where = Field(default={}, description="with `share`: the records whose share it is")
    quantile: float = Field(default=0.95, gt=0, lt=1, description="with `latency`")
    factor: float = Field(default=3.0, gt=1, description="so many times the median before")
    direction: Literal["up", "down", "both"] = Field(default="up", description="which change")
    least: int = Field(
        default=20,
        ge=1,
        description="fewer records say nothing (of a rate or count: now and before)",
    )
    floor: float = Field(default=0.0, ge=0, description="a smaller measure is taken for this much")
    learn: Time = Field(default=3_600_000, description="nothing is said of a younger group")
    memory: Time = Field(default=_DAY, ge=60_000, description="how far back the median goes")

    @property
    def step(self) -> int:
        """Windows side by side: each is one value of the baseline."""
        return self.window

    @model_validator(mode="after")
    def _share(self) -> "Change":
        _match_with_share(self.measure, self.match)
        return self


class New(Rule):
    """A value that a group did not have before."""

    kind: Literal["new"]
    field: str = Field(description="whose values: `user_agent`, `route`, `method`, any field")
    learn: Time = Field(default=_DAY, description="nothing is said of a younger group")
    remember: Time = Field(default=30 * _DAY, ge=60_000, description="unseen so long, it is new")
    limit: int = Field(default=2000, ge=1, description="values of a group; beyond, none is new")


class Sigma(Windowed):
    """Sigma rules, each a rule of its own with its own id, title and level."""

    kind: Literal["sigma"]
    path: str = Field(description="a rule file, or a folder of them")
    fields: str = Field(
        default="", description="file that maps Sigma's fields; empty: beside the rules' folder"
    )
    window: Time = Field(default=5_000, ge=_SECOND, le=_DAY, description="the time looked at")
    count: int = Field(default=1, ge=1, description="so many records in the window")
    by: tuple[str, ...] = Field(default=("client",), description="counted for each apart")


class Silence(Rule):
    """A group of which nothing comes any more."""

    kind: Literal["silence"]
    after: Time = Field(default=120_000, ge=_SECOND, description="silent for so long")
    forget: Time = Field(default=_DAY, description="silent for so long, it is gone")
    by: tuple[str, ...] = Field(default=("host",), description="each of these apart")

    @property
    def span(self) -> int:
        """What has to be silent."""
        return self.after


AnyRule = Annotated[Threshold | Change | New | Sigma | Silence, Field(discriminator="kind")]


def _match_with_share(measure: str, match: object) -> None:
    if (measure == "share") != bool(match):
        raise ValueError('match goes with measure "share", which needs it')
