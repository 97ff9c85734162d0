"""What the page sends of itself when it asks for one of its panels: its stores, and what the panel shows."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OnPage:
    """As it was sent: everything is parsed where it is used."""

    experiment: Any = None
    view: Any = None
    selection: Any = None
    directions: Any = None
    residual: Any = None
    asked: Any = None

    @classmethod
    def sent(cls, given: dict[str, Any]) -> "OnPage":
        """What else was sent is left out."""
        return cls(**{name: given.get(name) for name in cls.__dataclass_fields__})
