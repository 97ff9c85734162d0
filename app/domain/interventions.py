"""Changes made to a run while it runs. Data only: `app.compute.hooks` turns them into hooks.

Ablate `zero`: the activation becomes 0 there. `mean`: it becomes its mean over the positions (BOS left out) of
the reference prompts, one vector per head. `reference="background"` means the background texts that come with
the model; otherwise the prompts themselves. Patch: the activation is taken from the corrupted run (noising).
Sources: docs/formulas.md; Heimersheim and Nanda 2024, https://arxiv.org/abs/2404.15255 (patching).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.domain.errors import BadSite
from app.domain.sites import Head, Site

Reference = Literal["background"] | tuple[str, ...]


@dataclass(frozen=True)
class Ablate:
    """Remove what a site carries. On `z` a zero leaves b_O (and folded value biases) in place."""

    site: Site
    method: Literal["zero", "mean"] = "zero"
    reference: Reference = "background"
    kind: Literal["ablate"] = "ablate"

    def __post_init__(self) -> None:
        if self.method == "mean" and self.site.activation != "z":
            raise BadSite(f"Mean ablation is defined on z, not on {self.site.activation!r}; use z or method zero.")

    def __str__(self) -> str:
        return f"{self.method} {self.site}"


@dataclass(frozen=True)
class Patch:
    """Noising: the clean run takes this site from the corrupted run, same positions."""

    site: Site
    kind: Literal["patch"] = "patch"

    def __str__(self) -> str:
        return f"patch {self.site}"


Intervention = Annotated[Ablate | Patch, Field(discriminator="kind")]


def for_heads(
    heads: tuple[Head, ...], make: type[Ablate] | type[Patch], **options: object
) -> tuple[Ablate | Patch, ...]:
    """One intervention per layer that covers the given heads at z."""
    by_layer: dict[int, list[int]] = {}
    for head in sorted(set(heads)):
        by_layer.setdefault(head.layer, []).append(head.head)
    return tuple(make(site=Site("z", layer, tuple(found)), **options) for layer, found in by_layer.items())  # type: ignore[arg-type]  # options are the class's own fields
