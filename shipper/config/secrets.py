"""librdkafka's settings as a table that shows no secret when it is printed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

Setting = str | int | float | bool

_SECRET = re.compile(
    r"password|secret|\.pem$|jaas|oauthbearer\.config|token|passphrase|(^|\.)hash_key$",
    re.IGNORECASE,
)


def is_secret(key: str) -> bool:
    """Whether the value of a key, by its dotted name, is nobody's business.

    NAME.file holds the path of a secret, which is none.
    """
    return not key.endswith(".file") and _SECRET.search(key) is not None


class SettingsTable(Mapping[str, Setting]):
    """Dotted names of librdkafka's settings and their values; frozen."""

    def __init__(self, settings: Mapping[str, Setting] | None = None) -> None:
        self._settings = dict(settings or {})

    def __getitem__(self, name: str) -> Setting:
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __repr__(self) -> str:
        shown = {n: "***" if is_secret(n) else v for n, v in self._settings.items()}
        return f"SettingsTable({shown!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: type[Any], _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._take)

    @classmethod
    def _take(cls, given: object) -> "SettingsTable":
        if isinstance(given, SettingsTable):
            return given
        if not isinstance(given, Mapping):
            raise ValueError("a table of librdkafka's settings is needed")  # noqa: TRY004 - pydantic's
        taken: dict[str, Setting] = {}
        for name, value in given.items():
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str | int | float) for item in items):
                raise ValueError(f"{name} needs a text, a number, true or false")
            taken[str(name)] = ",".join(map(str, items)) if isinstance(value, list) else value
        return cls(taken)
