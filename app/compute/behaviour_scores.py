"""Behaviour scores: how heads attend on random tokens that come twice, where only position and repetition can be read.

A sequence is `length` = R tokens (none given: 50, or what fits a shorter context) drawn at random
(app/models/random_tokens.py), twice, after the separator where the model reads prompts with one (b = 1, else 0).
Scores are means of attention over queries q and sequences, 0..1:
previous token `A[q, q-1]`, q >= 1 + b; duplicate token `A[q, q-R]`, q >= R + b; induction `A[q, q-R+1]`, q >= R + b,
the token after the earlier occurrence; attention to the first position `A[q, 0]`, q >= 1, high where a head idles.
`demo` is TransformerLens' Exploratory Analysis demo: no separator, and induction averages its whole diagonal, whose
first entry (q = R - 1, k = 0) repeats nothing, so that it is diluted by R / (R + 1).

Prefix matching (Olsson et al. 2022, https://transformer-circuits.pub/2022/in-context-learning-and-induction-heads):
25 tokens four times, in both definitions drawn as in `repeats`; the attention to all tokens directly after earlier
occurrences together, averaged over queries that have one. Models that read fewer than 101 tokens get fewer, a quarter
of their context, and the result says how many.
TransformerLens' `head_detector` is something else: it divides by all attention, so that it is half of duplicate token
and induction here. Patterns are reduced inside the hook, a layer at a time. Not done: natural text.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.effective import check_seen
from app.compute.passes import Keep, batch_captured, wave_tokens
from app.compute.prompts import array
from app.compute.report import Report, silent
from app.domain.head_recipes import BehaviourScores
from app.domain.head_results import BehaviourScoresResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from app.models.random_tokens import PREFIX_TIMES, Rows, prefix_length, random_rows, separator

SCORES = ("previous_token", "duplicate_token", "induction", "attention_to_first")
Weights = Float[Tensor, "score dest_pos src_pos"]
"""What of a pattern is summed for each score; the entries of a plain mean add up to 1."""


def behaviour_scores(
    model: LoadedModel,
    recipe: BehaviourScores,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> BehaviourScoresResult:
    """Every score of every head, from two batches of sequences."""
    check_seen(model, (Site("pattern", layer) for layer in range(model.facts.n_layers)))
    length = recipe.repeated(model.facts.n_ctx)
    rows = random_rows(model, length, recipe.sequences, recipe.seed, recipe.definition)
    before = () if recipe.definition == "demo" else separator(model)
    weights = score_weights(length, len(before), whole_diagonal=recipe.definition == "demo")
    report(0, 2)
    scores = _attended(model, tuple((*before, *row, *row) for row in rows), weights)
    report(1, 2)
    prefix = prefix_length(model)
    again = random_rows(model, prefix, recipe.sequences, recipe.seed, "repeats")
    rows = tuple((*separator(model), *row * PREFIX_TIMES) for row in again)
    matching = _attended(model, rows, prefix_weights(prefix, len(separator(model))))[0]
    return BehaviourScoresResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, length=length, prefix_length=prefix,
        prefix_matching=array(matching), **dict(zip(SCORES, array(scores), strict=True)),
    )  # fmt: skip


def score_weights(length: int, before: int, *, whole_diagonal: bool) -> Weights:
    """SCORES as means of a pattern's entries: `before` separators, then `length` tokens twice."""
    n, second = before + 2 * length, before + length
    first = torch.zeros(n, n)
    first[1:, 0] = 1 / (n - 1)
    return torch.stack([
        _diagonal(n, 1, before + 1), _diagonal(n, length, second),
        _diagonal(n, length - 1, second - whole_diagonal), first,
    ])  # fmt: skip


def prefix_weights(length: int, before: int) -> Weights:
    """The sum over the tokens after earlier occurrences, averaged over the queries that have one."""
    n, queries = before + PREFIX_TIMES * length, (PREFIX_TIMES - 1) * length
    weights = torch.zeros(n, n)
    for query in range(before + length, n):
        weights[query, before + (query - before) % length + 1 : query - length + 2 : length] = 1 / queries
    return weights[None]


def _diagonal(n: int, offset: int, first: int) -> Float[Tensor, "dest_pos src_pos"]:
    """The mean of `A[q, q - offset]` over q >= first."""
    queries = torch.arange(first, n)
    weights = torch.zeros(n, n)
    weights[queries, queries - offset] = 1 / len(queries)
    return weights


def _attended(model: LoadedModel, rows: Rows, weights: Weights) -> Float[Tensor, "score layer head"]:
    """Means over rows, some rows at a time."""
    names = [Site("pattern", layer).hook_name for layer in range(model.facts.n_layers)]
    tokens = torch.tensor(rows, device=model.facts.device)
    parts = tokens.split(max(1, wave_tokens(model.facts.device) // tokens.shape[1]))
    keep = dict.fromkeys(names, _reduced(weights.to(model.facts.device)))
    found = [batch_captured(model, part, keep)[1] for part in parts]
    return torch.stack([torch.cat([kept[name] for kept in found]).mean(0) for name in names], 1)


def _reduced(weights: Weights) -> Keep:
    """`[row head dest_pos src_pos]` -> `[row score head]`."""
    return lambda pattern: (pattern.float().flatten(2) @ weights.flatten(1).T).transpose(1, 2)
