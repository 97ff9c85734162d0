"""How the tests of this folder ask a question of a tiny model, and the oracle's view of the same model."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from app.domain.models import Provenance
from app.domain.prompts import PromptPair
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise
from tests import tiny as words

PAIR = PromptPair(words.CLEAN, words.CORRUPTED, (words.ANSWER,), (words.INCORRECT,))
TWO_ANSWERS = PromptPair("w5 w1 w5", None, ("w7", "w8"), ("w9",))
TOLERANCE = 1e-4  # the promise of the product; both sides are float32, in two orders of summation
PROCESSINGS = ("compatibility", "raw")
each_model = pytest.mark.parametrize(
    ("architecture", "processing"), [(a, p) for a in words.ARCHITECTURES for p in PROCESSINGS]
)


def ask(
    compute: Callable[..., Any],
    kind: type,
    model: LoadedModel,
    *interventions: Any,
    prompts: Any = (PAIR,),
    **fields: Any,
) -> Any:
    """The result of one analysis."""
    recipe = kind(model=model.facts.spec, prompts=prompts, interventions=interventions, **fields)
    return compute(model, recipe, digest="d", provenance=Provenance.of(model.facts, {}))


def ids(model: LoadedModel, text: str = words.CLEAN) -> tuple[int, ...]:
    return tokenise(model, text, 64).ids


def tokens(model: LoadedModel, text: str = words.CLEAN) -> Tensor:
    return torch.tensor([ids(model, text)])


def answer(model: LoadedModel) -> int:
    return answer_ids(model, PAIR.answer)[0]


def incorrect(model: LoadedModel) -> int:
    return answer_ids(model, PAIR.incorrect_answer)[0]


def cache(model: LoadedModel, text: str = words.CLEAN, hooks: Any = ()) -> tuple[Tensor, Any]:
    """Logits and TransformerLens' own full cache, under hand-written hooks."""
    with torch.no_grad(), model.bridge.hooks(fwd_hooks=list(hooks)):
        return model.bridge.run_with_cache(tokens(model, text))
