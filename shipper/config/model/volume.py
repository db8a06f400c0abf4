"""The keys of how much of what is seen becomes records."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from shipper.config.model.section import Section
from shipper.config.values import Cidr, Several, StatusOrClass


class VolumeRule(Section):
    """What becomes of the exchanges that match everything given here; of a list, any will do."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    action: Literal["drop", "keep", "sample", "fold"]
    one_in: int = Field(default=1, ge=1, le=65536)
    window: float = Field(default=0.0, ge=0, le=3600)
    hosts: Several[str] = ()
    paths: Several[str] = ()
    methods: Several[str] = ()
    statuses: Several[StatusOrClass] = ()
    clients: Several[Cidr] = ()
    user_agents: Several[str] = ()
    directions: Several[Literal["ingress", "egress"]] = ()

    @model_validator(mode="after")
    def _one_in_many(self) -> Self:
        if (self.action == "sample") != (self.one_in > 1):
            raise ValueError(f"{self.name}: one_in, of at least 2, is what sample needs, and alone")
        return self

    @model_validator(mode="after")
    def _for_some_time(self) -> Self:
        if (self.action == "fold") != (self.window > 0):
            raise ValueError(f"{self.name}: window, in seconds, is what fold needs, and alone")
        return self


class Volume(Section):
    """How much of what is seen becomes records."""

    rules: tuple[VolumeRule, ...] = Field(
        default=(),
        description="rules that drop, keep, sample or fold exchanges, as `[[volume.rules]]`; the "
        "first that matches decides",
    )
    keep_failures: bool = Field(
        default=True,
        description="keep what failed (status 400 and above), was odd or is not whole, whatever "
        "the rules say",
    )
    max_folds: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="groups of exchanges that are alike, as rules that fold have them open at "
        "once in each worker; what would open more becomes a record at once",
    )

    @field_validator("rules")
    @classmethod
    def _names_once(cls, rules: tuple[VolumeRule, ...]) -> tuple[VolumeRule, ...]:
        if len({rule.name for rule in rules}) != len(rules):
            raise ValueError("two rules have the same name")
        return rules

    max_per_client_per_second: float = Field(
        default=0.0,
        ge=0,
        description="exchanges a second of one client address that become records; each worker "
        "counts for itself; 0: no bound",
    )
    max_exchanges_per_second: float = Field(
        default=0.0,
        ge=0,
        description="exchanges a second that become records, all workers together; 0: no bound",
    )
    max_cpu: float = Field(
        default=0.0,
        ge=0,
        description="CPUs that the workers may take, as in 0.5; above, exchanges are left out "
        "(0: no bound)",
    )
