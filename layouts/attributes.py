"""Attributes whose names Python cannot spell."""

from typing import Any


def attributes(**named: Any) -> dict[str, Any]:
    """`attributes(aria_label="Model")` -> `{"aria-label": "Model"}`, to be unpacked into a component."""
    return {name.replace("_", "-"): value for name, value in named.items()}
