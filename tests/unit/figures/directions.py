"""Results of a direction made by hand."""

import numpy as np

from app.domain.direction_results import (
    DirectionDistributionResult,
    DirectionProjectionResult,
    DirectionReadersResult,
    DirectionWritersResult,
)
from app.domain.recipes import digest, parse_recipe, recipe_json
from tests.unit.figures.results import PROVENANCE, floats

DIRECTION = {"kind": "random"}


def _common(kind, prompts=("When Mary",), **fields):
    asked = {"kind": kind, "model": "tiny", "direction": DIRECTION, **fields}
    recipe = parse_recipe(asked | ({"prompts": list(prompts)} if prompts else {}))
    return {"recipe": recipe_json(recipe), "digest": digest(recipe_json(recipe)), "provenance": PROVENANCE,
            "direction": "random, seed 0"}  # fmt: skip


def projection(normalised=False):
    """Two prompts of four and two tokens; the first token is a hundred times longer."""
    values = floats(2, 3, 4)
    values[:, :, 0] *= 100
    values[1, :, 2:] = np.nan
    tokens = np.array([["<s>", " a", " b", " a"], ["<s>", " c", "", ""]])
    return DirectionProjectionResult(**_common("direction_projection", ("x", "y")), activation="resid_post",
                                     normalised=normalised, str_tokens=tokens, projection=values)  # fmt: skip


def distribution():
    """Three pairs, the last without a corrupted prompt; layer 1 tells the sides apart."""
    values = np.zeros((2, 3, 2), np.float32)
    values[0, :, 1], values[1, :, 1] = [2, 3, 4], [-1, 0, np.nan]
    values[1, 2] = np.nan
    texts, answers = np.array([["a", "b", "c"], ["d", "e", ""]]), np.array([[" M", " J", " M"], [" J", " M", ""]])
    return DirectionDistributionResult(
        **_common("direction_distribution", ("a", "b", "c")), activation="resid_post", normalised=False, position=None,
        sides=("clean", "corrupted"), texts=texts, answers=answers, projection=values,
    )  # fmt: skip


def writers(prompts=1):
    """Place after layer 1 of three; sums hold."""
    heads, bias, mlp = floats(prompts, 3, 2), floats(prompts, 3, seed=1), floats(prompts, 3, seed=2)
    attn = heads.sum(-1) + bias
    components = np.stack([floats(prompts, seed=3), attn[:, 0], mlp[:, 0], attn[:, 1], mlp[:, 1]], -1)
    heads[:, 2], bias[:, 2] = np.nan, np.nan
    neurons = np.stack([mlp * 0.5, mlp * 0.25], -1)
    neurons[:, 2] = np.nan
    return DirectionWritersResult(
        **_common("direction_writers", ("x",) * prompts), layer=1, positions=(3,) * prompts, tokens=(" to",) * prompts,
        component_labels=("embed", "L0.attn", "L0.mlp", "L1.attn", "L1.mlp"), components=components,
        unwritten=np.zeros(prompts, np.float32), heads=heads, attn_bias=bias, neurons=neurons,
        neuron_index=np.tile(np.array([7, 2], np.int32), (prompts, 3, 1)), projection=components.sum(-1),
    )  # fmt: skip


def readers():
    """Two layers of two heads that share one key-value head, and an MLP."""
    one = [("q", 0), ("q", 1), ("k", 0), ("v", 0), ("mlp", -1)]
    n = 2 * len(one)
    norm = np.linspace(0.5, 1.5, n).astype(np.float32)
    ones = np.ones(n, np.float32)
    return DirectionReadersResult(
        **_common("direction_readers", ()), draws=20, seed=0, inputs=tuple(name for name, _ in one) * 2,
        layers=np.repeat([0, 1], len(one)).astype(np.int32), heads=np.array([head for _, head in one] * 2, np.int32),
        norm=norm, random_mean=ones, random_sd=ones * 0.1, random_low=ones * 0.8, random_high=ones * 1.2,
    )  # fmt: skip
