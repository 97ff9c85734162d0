"""Interventions as the hooks of an exported program: one small function each, as a person would write it.

`changes` are grouped in `hooks_for(prompt)`, where `prompt["clean"]` is the prompt that is run and
`prompt["corrupted"]` the pair's other one. What they need (means, noise, ...) are functions in script_values.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain.interventions import (
    Ablate,
    AnyIntervention,
    GaussianNoise,
    Interventions,
    KnockOutEdge,
    Patch,
    Reference,
)
from app.domain.sites import HEAD_ACTIVATIONS, Site

_DEPTH = {"resid_pre": 0, "attn_out": 1, "resid_mid": 2, "resid_post": 3}
"""Activations that replace what components wrote, in the order of the forward pass."""
Labels = Mapping[Reference, str]


Freeze = Sequence[tuple[str, list[int] | None]]
"""What is frozen, each in which prompts."""


def hooks_source(
    interventions: Interventions, labels: Labels, separate: bool = False, name: str = "hooks_for",
    freeze: Freeze | None = None,
) -> str:  # fmt: skip
    """`hooks_for(prompt)`: the interventions as (hook name, function) pairs, after what they freeze (or `freeze`).
    `labels` names the reference sets; `separate` puts the changes into `changes_for(prompt)`."""
    if freeze is None:
        freeze = freezing(interventions)
    if not freeze and not separate:
        return _changes_source(name, interventions, labels)
    changes = "changes_for" if name == "hooks_for" else f"own_{name}"
    frozen = f'*frozen(prompt["clean"], {frozen_parts(freeze)}), ' if freeze else ""
    head = ["", f"def {name}(prompt):", '    """What is frozen, then what is changed."""']
    whole = "\n".join([*head, f"    return [{frozen}*{changes}(prompt)]", ""])
    return f"{_changes_source(changes, interventions, labels)}\n{whole}"


def freezing(interventions: Interventions) -> Freeze:
    """What they freeze."""
    return [(part, listed(each.prompts)) for each in interventions for part in each.freeze]


def frozen_parts(freeze: Freeze) -> str:
    """The frozen parts, as an expression that minds which prompts they are for."""
    if all(prompts is None for _, prompts in freeze):
        return repr(sorted({part for part, _ in freeze}))
    return f'[part for part, only in {list(freeze)} if only is None or prompt["index"] in only]'


def _changes_source(name: str, interventions: Interventions, labels: Labels) -> str:
    if not interventions:
        return f'\ndef {name}(prompt):\n    """No interventions: the baseline."""\n    return []\n'
    ordered = sorted(interventions, key=lambda each: each.site.activation == "resid_mid")
    said = "; ".join(map(str, ordered)).replace("\\", "\\\\").replace('"', "'")
    body = [f'"""The interventions: {said}."""', "hooks = []"]
    for at, each in enumerate(ordered):
        lines = [*_before(each, at, labels), *_function(each, at), *_added(each.site, at)]
        guard = [] if each.prompts is None else [f'if prompt["index"] in {list(each.prompts)}:']
        body += ["", *guard, *((f"    {line}" if line else "") for line in lines)] if guard else ["", *lines]
    return "\n".join(
        ["", f"def {name}(prompt):", *(f"    {line}" if line else "" for line in body), "    return hooks", ""]
    )


def _added(site: Site, at: int) -> list[str]:
    return [f"hooks += [{', '.join(_pairs(site, at))}]"]


def _before(each: AnyIntervention, at: int, labels: Labels) -> list[str]:
    """What must be computed before a hooked pass begins."""
    name, seen = each.site.hook_name, ["seen = []"] if each.site.activation == "resid_mid" else []
    if isinstance(each, GaussianNoise):
        given = f"{list(each.positions)}, {each.scale!r}, {each.seed}, {each.draw}"
        return [f'noise_{at} = noise(prompt["clean"], {given})']
    if isinstance(each, Patch):
        source = 'prompt["corrupted"]' if each.source is None else f"SOURCES[{each.source!r}]"
        return [f"source_{at} = run({source}, keep=[{name!r}])[1][{name!r}]", *seen]
    if isinstance(each, Ablate) and each.method != "zero":
        return [f"new_{at} = {_reference_value(each, labels)}", *seen]
    return seen


def _reference_value(each: Ablate, labels: Labels) -> str:
    """What a mean or resample ablation puts in place, whole."""
    name, label = each.site.hook_name, repr(labels[each.reference])
    within = repr(name.split(".", 2)[2])
    if each.method == "mean":
        return f"mean_of({within}, {label}{'' if each.pooled else _LENGTH})[{each.site.layer}]"
    return f'run(resampled({label}, {each.seed}, {each.draw}, prompt["clean"]), keep=[{name!r}])[1][{name!r}]'


_LENGTH = ', len(prompt["clean"])'


def overwritten(interventions: Interventions) -> list[tuple[str, int, list[int] | None, str, str | None, Any, Any]]:
    """What replaces earlier contributions, in the order of the pass: (activation, layer, positions, by what, the text
    and positions patched from, prompts). By `nothing`, `patched`, or `apart`: by what no component wrote."""
    found = sorted(
        (each for each in interventions if each.site.activation in _DEPTH and not isinstance(each, GaussianNoise)),
        key=lambda each: (each.site.layer, _DEPTH[each.site.activation]),
    )
    return [
        (each.site.activation, each.site.layer, listed(each.site.positions), *_by(each), listed(each.prompts))
        for each in found
    ]


def _by(each: AnyIntervention) -> tuple[str, str | None, list[int] | None]:
    if isinstance(each, Patch):
        return "patched", each.source, listed(each.source_positions)
    return ("nothing" if isinstance(each, Ablate) and each.method == "zero" else "apart"), None, None


def listed(chosen: tuple[int, ...] | None) -> list[int] | None:
    """As JSON and Python source write it."""
    return None if chosen is None else list(chosen)


def _function(each: AnyIntervention, at: int) -> list[str]:
    name = each.site.activation
    if isinstance(each, KnockOutEdge):
        return _edges(each, at)
    if isinstance(each, GaussianNoise):
        change = [f"resid_pre[:, {list(each.positions)}] += noise_{at}.to(resid_pre)"]
    elif name == "resid_mid":
        return _resid_mid(each, at)
    else:
        change = [f"{name}[{_index(each.site)}] = {_value(each, at, name)}"]
    return _hook(name, at, each, change)


def _hook(name: str, at: int, each: AnyIntervention, change: list[str]) -> list[str]:
    said = " ".join(str(each).split())  # a comment is one line
    lines = [f"{name} = {name}.clone()", *change, f"return {name}"]
    return [f"def change_{at}({name}, hook):  # {said}", *(f"    {line}" for line in lines)]


def _edges(each: KnockOutEdge, at: int) -> list[str]:
    dest, src = ([edge[i] for edge in sorted(set(each.edges))] for i in (0, 1))
    if each.renormalise:
        index = _index(each.site)
        change = [f"pattern[{index}] = renormalised(pattern, {dest}, {src}, {each.value!r})[{index}]"]
    else:
        heads = ":" if each.heads is None else str([[head] for head in each.heads])
        change = [f"pattern[:, {heads}, {dest}, {src}] = {each.value!r}"]
    return _hook("pattern", at, each, change)


def _resid_mid(each: AnyIntervention, at: int) -> list[str]:
    """The hook of resid_mid sits after the skip connection has left, so attn_out is changed instead."""
    index = _index(each.site)
    change = [
        "resid_pre = seen.pop()",
        f"attn_out[{index}] = {_value(each, at, 'attn_out')} - resid_pre[{index}]",
    ]
    hook = _hook("attn_out", at, each, change)
    return [f"def see_{at}(resid_pre, hook):", "    seen[:] = [resid_pre.clone()]", "", *hook]


def _pairs(site: Site, at: int) -> list[str]:
    if site.activation != "resid_mid":
        return [f'("{site.hook_name}", change_{at})']
    block = f"blocks.{site.layer}"
    return [f'("{block}.hook_resid_pre", see_{at})', f'("{block}.hook_attn_out", change_{at})']


def _value(each: AnyIntervention, at: int, name: str) -> str:
    index = _index(each.site)
    if isinstance(each, Patch):
        if each.site.positions is None or (each.source is None and each.source_positions is None):
            return f"source_{at}.to({name})[{index}]"
        if each.site.activation == "pattern":
            return f"cut(source_{at}, pattern)[{index}]"
        moved = replace(each.site, positions=each.source_positions or each.site.positions)
        return f"source_{at}.to({name})[{_index(moved)}]"
    if isinstance(each, Ablate) and each.method != "zero":
        return f"new_{at}.to({name}).expand_as({name})[{index}]"
    return "0.0"


def _index(site: Site) -> str:
    """Index of the site in `[batch pos head ...]`, `[batch head pos ...]` (pattern), `[batch pos neuron]` or
    `[batch pos ...]`."""
    positions, heads, neurons = listed(site.positions), listed(site.heads), listed(site.neurons)
    if neurons is not None:
        return _axes(positions, neurons)
    if site.activation not in HEAD_ACTIVATIONS:
        return _axes(positions)
    return _axes(heads, positions) if site.activation == "pattern" else _axes(positions, heads)


def _axes(*chosen: list[int] | None) -> str:
    """`:, [..], [..]` with two lists meeting as a grid; trailing full axes are left out."""
    if len(chosen) == 2 and None not in chosen:
        return f":, {[[one] for one in chosen[0] or ()]}, {chosen[1]}"
    parts = [":" if each is None else str(each) for each in chosen]
    while parts and parts[-1] == ":":
        parts.pop()
    return ", ".join([":", *parts])
