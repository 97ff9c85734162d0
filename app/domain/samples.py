"""Samples: positions of texts, whose activations directions are made from."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, with_config

from app.domain.errors import BadRecipe

MOST_SAMPLES = 2000
"""Of one group: each is a forward pass, and a direction travels in the link."""
Stream = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
"""Activations of the width of the residual stream."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Sample:
    """One position of one text; `position` None = the last, negative counts from the end."""

    text: str
    position: int | None = None


def _as_samples(value: Any) -> Any:
    """Texts alone stand for their last positions."""
    if not isinstance(value, list | tuple):
        return value
    return [{"text": each} if isinstance(each, str) else each for each in value]  # pyright: ignore[reportUnknownVariableType]


Samples = Annotated[tuple[Sample, ...], BeforeValidator(_as_samples)]


def need(count: int, least: int, what: str) -> None:
    """Refuse fewer samples than `least`, or too many."""
    if not least <= count <= MOST_SAMPLES:
        raise BadRecipe(f"{what} has {count} samples; give {least} to {MOST_SAMPLES}.")
