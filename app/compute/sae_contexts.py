"""Where a feature is most active: in the recipe's prompts and in the background texts, read by the plain model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.memo import remember, remembered
from app.compute.passes import everywhere
from app.compute.runs import capture_each
from app.domain.prompts import TokenisedPrompt
from app.domain.sae_recipes import SaeFeatures
from app.domain.sae_results import AFTER, BEFORE
from app.models.loaded import LoadedModel
from app.models.sparse_autoencoder import SparseAutoencoder
from app.models.tokens import readable, tokenise


def contexts(
    model: LoadedModel, recipe: SaeFeatures, sae: SparseAutoencoder, feature: int, max_tokens: int
) -> dict[str, Any]:
    """Of each text the token on which the feature is most active, the most active texts first; texts on which it is not
    active are left out. The share of all tokens on which it is."""
    texts = [tokenise(model, pair.clean, max_tokens) for pair in recipe.prompts]
    texts += readable(model, model.background, max_tokens)
    acts = [sae.encode_one(stream, feature) for stream in _streams(model, sae, texts)]
    counted = [act[int(text.bos) :] for text, act in zip(texts, acts, strict=True)]
    active = sum(int((each > 0).sum()) for each in counted)
    tokens = sum(map(len, counted))
    best = [float(each.max()) if len(each) else 0.0 for each in counted]
    order = [at for at in np.argsort(-np.array(best), kind="stable").tolist() if best[at] > 0][: recipe.contexts]
    places = [int(counted[at].argmax()) + int(texts[at].bos) for at in order]
    rows = [_window(texts[at], acts[at], place) for at, place in zip(order, places, strict=True)]
    width = BEFORE + 1 + AFTER
    return {
        "texts": len(texts), "tokens": tokens, "density": np.array([active / max(tokens, 1)], np.float32),
        "context_tokens": np.array([words for words, _ in rows], dtype=np.str_).reshape(len(rows), width),
        "context_activations": np.array([values for _, values in rows], np.float32).reshape(len(rows), width),
        "context_texts": np.array(order, np.int32), "context_positions": np.array(places, np.int32),
    }  # fmt: skip


def _streams(
    model: LoadedModel, sae: SparseAutoencoder, texts: list[TokenisedPrompt]
) -> Iterator[Float[Tensor, "pos d_in"]]:
    """The activation on each text, remembered; equally long texts share a pass."""
    name = sae.site.hook_name
    found = {text.ids: remembered(model, ("stream", name, text.ids)) for text in texts}
    new = [ids for ids, stream in found.items() if stream is None]
    for ids, kept in zip(new, capture_each(model, [(ids, (), None) for ids in new], {name: everywhere}), strict=True):
        found[ids] = remember(model, ("stream", name, ids), kept[name].float())
    return (found[text.ids] for text in texts)


def _window(text: TokenisedPrompt, act: Tensor, place: int) -> tuple[list[str], list[float]]:
    """The tokens around a place, and the feature's activations there; empty, NaN outside the text and on the
    separator before it."""
    at = range(place - BEFORE, place + AFTER + 1)
    inside = [int(text.bos) <= each < len(text) for each in at]
    words = [text.str_tokens[each] if here else "" for each, here in zip(at, inside, strict=True)]
    values = act.tolist()
    return words, [values[each] if here else float(torch.nan) for each, here in zip(at, inside, strict=True)]
