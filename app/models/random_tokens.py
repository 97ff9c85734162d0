"""Random tokens for sequences on which attention shows what a head does, drawn so that a seed always gives the same.

`repeats`: tokens that differ from each other, each equally likely, none of them special (separators, chat markers,
padding of the vocabulary), by numpy's RandomState. `demo`: as TransformerLens' Exploratory Analysis demo draws them,
`torch.randint(100, 20000)`, so that one may come twice.
"""

from typing import Literal

import numpy as np
import torch

from app.domain.errors import BadRecipe
from app.models.loaded import LoadedModel

Rows = tuple[tuple[int, ...], ...]
Definition = Literal["repeats", "demo"]
DEMO_RANGE = (100, 20000)
PREFIX_LENGTH, PREFIX_TIMES = 25, 4


def separator(model: LoadedModel) -> tuple[int, ...]:
    """What stands before a sequence where the model reads prompts with a separator; nothing otherwise."""
    return (model.bos_id,) if model.facts.spec.prepend_bos and model.bos_id is not None else ()


def prefix_length(model: LoadedModel) -> int:
    """25, or what fits PREFIX_TIMES into a shorter context with a separator before it."""
    return min(PREFIX_LENGTH, (model.facts.n_ctx - 1) // PREFIX_TIMES)


def random_rows(model: LoadedModel, length: int, sequences: int, seed: int, definition: Definition) -> Rows:
    """`sequences` rows of `length` tokens."""
    if definition == "demo":
        return _as_the_demo(model, length, sequences, seed)
    usable, random = _ordinary(model), np.random.RandomState(seed)
    if length > len(usable):
        raise BadRecipe(
            f"length = {length}, and {model.facts.title} has {len(usable)} ordinary tokens, so some would repeat by "
            f"chance; give {len(usable)} or less."
        )
    return tuple(tuple(random.choice(usable, length, replace=False).tolist()) for _ in range(sequences))


def _as_the_demo(model: LoadedModel, length: int, sequences: int, seed: int) -> Rows:
    low, high = DEMO_RANGE[0], min(DEMO_RANGE[1], model.facts.d_vocab)
    if high <= low:
        raise BadRecipe(
            f"The demo draws tokens from {low} on, and {model.facts.title} has {high}; use the definition repeats."
        )
    drawn = torch.randint(low, high, (sequences, length), generator=torch.Generator().manual_seed(seed))
    return tuple(map(tuple, drawn.tolist()))


def _ordinary(model: LoadedModel) -> np.ndarray:
    """Ids that stand for text."""
    added = model.tokenizer.added_tokens_decoder.items()
    special = {*model.tokenizer.all_special_ids, *(id for id, token in added if token.special)}
    ids = np.arange(min(model.facts.d_vocab, len(model.tokenizer)))
    return ids[~np.isin(ids, list(special))]
