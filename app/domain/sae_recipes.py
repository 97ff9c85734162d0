"""The recipe of the features of a sparse autoencoder on a prompt."""

from dataclasses import dataclass
from typing import Literal

from app.domain.errors import BadRecipe
from app.domain.interventions import Interventions, adds
from app.domain.recipe_base import OnRuns
from app.domain.sites import Site

MOST_CONTEXTS = 50
_PLACE = {"resid_pre": 0, "attn_out": 1, "resid_mid": 2, "mlp_out": 3, "resid_post": 4}
"""Activations of the stream's width, in the order of a block."""


@dataclass(frozen=True, kw_only=True)
class SaeFeatures(OnRuns):
    """Features of the autoencoder in a SAELens `folder` that are active on one prompt, how well they reconstruct the
    activation, and the card of one `feature` (None = the one of largest direct attribution at END, without two answers
    of largest activation): the `top_k` tokens that it promotes and suppresses, and the places where it is most active
    in at most `contexts` of the prompts and background texts (docs/formulas.md). `fingerprint` as a direction's."""

    folder: str
    fingerprint: str
    feature: int | None = None
    prompt: int = 0
    top_k: int = 10
    contexts: int = 8
    kind: Literal["sae_features"] = "sae_features"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.contexts <= MOST_CONTEXTS:
            raise BadRecipe(f"contexts = {self.contexts} is not possible; give a number from 0 to {MOST_CONTEXTS}.")


def cut_at_end(interventions: Interventions, site: Site, n_positions: int) -> bool:
    """Whether something later than the site stands at END in place of what the stream held, so that what was written at
    the site does not reach the unembedding by itself."""
    here = (site.layer, _PLACE[site.activation])
    replacing = [each.site for each in interventions if not adds(each) and each.site.activation.startswith("resid_")]
    at_end = [each for each in replacing if each.positions is None or n_positions - 1 in each.positions]
    return any((each.layer, _PLACE[each.activation]) > here for each in at_end)
