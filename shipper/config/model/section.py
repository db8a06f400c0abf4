"""What every table of the configuration is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen table that knows all its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )
