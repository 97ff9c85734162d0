"""A decomposition at one level: what is ranked, and what else there is, so that both sum to the logit difference."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.parts_results import REMAINDERS, LogitDecompositionResult
from app.domain.results import Floats
from app.domain.views import Level
from app.figures.tokens import visible

OTHER_PROMPT = (
    "Source tokens and neurons of prompt {} are not in this result, which has those of the first {}; choose another "
    "prompt or level."
)


@dataclass(frozen=True)
class Parts:
    """`values.sum(-1) + rest.sum(-1)` is the logit difference of each prompt; NaN: nothing that has a name wrote it,
    and the rest has it. `label(i)` names a ranked part: `L5`, `L5.mlp`, `L5H1`, `L5H1 ← 3 ·Mary`, `L5N12`."""

    values: NDArray[np.floating]
    label: Callable[[int], str]
    rest_labels: tuple[str, ...]
    rest: NDArray[np.floating]
    prompts: tuple[int, ...]


def parts_at(result: LogitDecompositionResult, level: Level, prompts: tuple[int, ...]) -> Parts:
    """Of these prompts; refuses a level that the result does not have of them."""
    if level in ("source", "neuron"):
        _check(result, level, prompts)
    values, label, split = _LEVELS[level](result, list(prompts))
    rest = {name: one for name, one in split.items() if np.any(one)}
    return Parts(values, label, tuple(rest), _columns(rest, len(prompts)), prompts)


def same_tokens(result: LogitDecompositionResult) -> bool:
    """Whether positions mean the same in all prompts: they are equally long."""
    return not np.any(result.str_tokens == "") and len(result.str_tokens) == len(result.logit_diff)


def ranked(parts: Parts, most: int) -> NDArray[np.intp]:
    """The largest mean magnitudes first, those that have a value; ties in the order of the model."""
    size = np.abs(parts.values.mean(axis=0))
    size = np.where(np.isfinite(size), size, -1.0)
    near = np.sort(np.argpartition(-size, min(most, len(size) - 1))[: most + 1]) if len(size) else np.arange(0)
    order = near[np.argsort(-size[near], kind="stable")][:most]
    return order[size[order] > 0]


Split = tuple[Floats, Callable[[int], str], dict[str, Floats]]


def _layers(result: LogitDecompositionResult, at: list[int]) -> Split:
    found: dict[str, Floats] = {}
    for name, values in _components(result, at).items():
        layer = name.partition(".")[0]
        found[layer] = found[layer] + values if layer in found else values
    return _named(found, at)


def _sublayers(result: LogitDecompositionResult, at: list[int]) -> Split:
    return _named(_components(result, at), at)


def _heads(result: LogitDecompositionResult, at: list[int]) -> Split:
    heads = result.heads[at]
    n_heads = heads.shape[2]
    rest = {"b_O of all layers": result.attn_bias[at].sum(-1), "all MLPs": _sum(result, at, ".mlp")}
    return heads.reshape(len(at), -1), lambda i: f"L{i // n_heads}H{i % n_heads}", rest | _ends(result, at)


def _sources(result: LogitDecompositionResult, at: list[int]) -> Split:
    found = result.sources[at]
    found = found[..., : int((result.str_tokens[at] != "").sum(-1).max())]
    n_heads, n = found.shape[2:]
    tokens = result.str_tokens[at]
    alike = (tokens == tokens[0]).all(axis=0)
    words = [visible(str(token)) if same else "" for token, same in zip(tokens[0], alike, strict=True)]

    def label(i: int) -> str:
        head, position = divmod(i, n)
        return f"L{head // n_heads}H{head % n_heads} ← {position} {words[position]}".rstrip()

    other = result.heads[at].sum((1, 2)) - np.nansum(found, axis=(1, 2, 3))
    rest = {"heads, not by token": _rounded(other, found)} | _heads(result, at)[2]
    return found.reshape(len(at), -1), label, rest


def _neurons(result: LogitDecompositionResult, at: list[int]) -> Split:
    found = result.neurons[at]
    width = found.shape[2]
    other = _sum(result, at, ".mlp") - np.nansum(found, axis=(1, 2)) - result.mlp_bias[at].sum(-1)
    rest = {"MLPs, not by neuron": _rounded(other, found), "b_out of all layers": result.mlp_bias[at].sum(-1)}
    rest |= {"all attention": _sum(result, at, ".attn")} | _ends(result, at)
    return found.reshape(len(at), -1), lambda i: f"L{i // width}N{i % width}", rest


_LEVELS = {"layer": _layers, "sublayer": _sublayers, "head": _heads, "source": _sources, "neuron": _neurons}


def _check(result: LogitDecompositionResult, level: Level, prompts: tuple[int, ...]) -> None:
    there = result.sources if level == "source" else result.neurons
    note = result.source_note if level == "source" else result.neuron_note
    if note:
        raise BadInput(note)
    if any(prompt >= len(there) for prompt in prompts):
        raise BadInput(OTHER_PROMPT.format(max(prompts), len(there)))


def _components(result: LogitDecompositionResult, at: list[int]) -> dict[str, Floats]:
    return {name: result.components[at, column] for column, name in enumerate(result.component_labels)}


def _named(found: dict[str, Floats], at: list[int]) -> Split:
    rest = {name: found.pop(name) for name in REMAINDERS}
    names = list(found)
    return _columns(found, len(at)), lambda i: names[i], rest


def _ends(result: LogitDecompositionResult, at: list[int]) -> dict[str, Floats]:
    """Embeddings and REMAINDERS."""
    parts = _components(result, at)
    return {name: parts[name] for name in ("embed", "pos_embed", *REMAINDERS) if name in parts}


def _sum(result: LogitDecompositionResult, at: list[int], end: str) -> Floats:
    columns = [column for column, name in enumerate(result.component_labels) if name.endswith(end)]
    return result.components[at][:, columns].sum(-1)


def _rounded(values: Floats, split: Floats) -> Floats:
    """Nothing but rounding is nothing, where every one of the split parts has a value."""
    return np.zeros_like(values) if np.abs(values).max(initial=0) < 1e-4 * max(1.0, _magnitude(split)) else values


def _magnitude(split: Floats) -> float:
    return float(np.nansum(np.abs(split), axis=tuple(range(1, split.ndim))).max(initial=0))


def _columns(named: dict[str, Floats], prompts: int) -> Floats:
    return np.stack([*named.values()], -1) if named else np.zeros((prompts, 0), dtype=np.float32)
