"""A shard's part of a state store that ends with the test."""

from typing import Any


class Store(dict[str, Any]):
    """What a shard asks of a store, and nothing more."""

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        """Keep a value."""
        self[key] = value

    def delete(self, key: str) -> None:
        """Forget it."""
        self.pop(key, None)
