"""What is used in a `with` block, and let go of at its end however that is reached."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """A `with` block calls `close` at its end."""

    @abstractmethod
    def close(self) -> None:
        """Let go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
