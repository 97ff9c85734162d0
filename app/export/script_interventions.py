"""Interventions as the hooks of an exported program: one small function each, as a person would write it."""

from collections.abc import Mapping, Sequence

from app.domain.interventions import Ablate, Patch, Reference
from app.domain.sites import HEAD_ACTIVATIONS, Site

_DEPTH = {"resid_pre": 0, "attn_out": 1, "resid_mid": 2, "resid_post": 3}
"""Activations that replace what components wrote, in the order of the forward pass."""


def hooks_source(interventions: Sequence[Ablate | Patch], labels: Mapping[Reference, str]) -> str:
    """`hooks_for(prompt)`: the interventions as (hook name, function) pairs. `labels` names the reference sets."""
    if not interventions:
        return '\ndef hooks_for(prompt):\n    """No interventions: the baseline."""\n    return []\n'
    ordered = sorted(interventions, key=lambda each: each.site.activation == "resid_mid")
    body = _before(ordered, labels)
    for at, each in enumerate(ordered):
        body += [*_function(each, at), ""]
    pairs = [pair for at, each in enumerate(ordered) for pair in _pairs(each.site, at)]
    body += ["return [", *(f"    {pair}," for pair in pairs), "]"]
    head = ["", "def hooks_for(prompt):", f'    """The interventions: {"; ".join(map(str, ordered))}."""']
    return "\n".join([*head, *(f"    {line}" if line else "" for line in body)]) + "\n"


def _before(ordered: Sequence[Ablate | Patch], labels: Mapping[Reference, str]) -> list[str]:
    """What must be computed before a hooked pass begins."""
    patched = list(dict.fromkeys(each.site.hook_name for each in ordered if isinstance(each, Patch)))
    lines = [f'_, corrupted = run(prompt["corrupted"], keep={patched})'] if patched else []
    for at, each in enumerate(ordered):
        if isinstance(each, Ablate) and each.method == "mean":
            lines.append(f"mean_{at} = mean_z({labels[each.reference]!r})")
    if any(each.site.activation == "resid_mid" for each in ordered):
        lines.append("seen = []")
    return [*lines, ""]


def overwritten(interventions: Sequence[Ablate | Patch]) -> list[tuple[str, int, list[int] | None, bool]]:
    """(activation, layer, positions, patched) of what replaces earlier contributions, in the order of the pass."""
    found = sorted(
        (each for each in interventions if each.site.activation in _DEPTH),
        key=lambda each: (each.site.layer, _DEPTH[each.site.activation]),
    )
    return [
        (each.site.activation, each.site.layer, _listed(each.site.positions), isinstance(each, Patch)) for each in found
    ]


def _listed(chosen: tuple[int, ...] | None) -> list[int] | None:
    return None if chosen is None else list(chosen)


def _function(intervention: Ablate | Patch, at: int) -> list[str]:
    site = intervention.site
    if site.activation == "resid_mid":
        return _resid_mid(intervention, at)
    name, index = site.activation, _index(site)
    return [
        f"def change_{at}({name}, hook):  # {intervention}",
        f"    {name} = {name}.clone()",
        f"    {name}[{index}] = {_value(intervention, index, at)}",
        f"    return {name}",
    ]


def _resid_mid(intervention: Ablate | Patch, at: int) -> list[str]:
    """The hook of resid_mid sits after the skip connection has left, so attn_out is changed instead."""
    index = _index(intervention.site)
    return [
        f"def see_{at}(resid_pre, hook):",
        "    seen.append(resid_pre.clone())",
        "",
        f"def change_{at}(attn_out, hook):  # {intervention}: resid_mid = resid_pre + attn_out",
        "    resid_pre, attn_out = seen.pop(), attn_out.clone()",
        f"    attn_out[{index}] = {_value(intervention, index, at)} - resid_pre[{index}]",
        "    return attn_out",
    ]


def _pairs(site: Site, at: int) -> list[str]:
    if site.activation != "resid_mid":
        return [f'("{site.hook_name}", change_{at})']
    block = f"blocks.{site.layer}"
    return [f'("{block}.hook_resid_pre", see_{at})', f'("{block}.hook_attn_out", change_{at})']


def _value(intervention: Ablate | Patch, index: str, at: int) -> str:
    if isinstance(intervention, Patch):
        return f'corrupted["{intervention.site.hook_name}"][{index}]'
    if intervention.method == "zero":
        return "0.0"
    heads = ":" if intervention.site.heads is None else list(intervention.site.heads)
    return f"mean_{at}[{intervention.site.layer}, {heads}].to(z)"


def _index(site: Site) -> str:
    """Index of the site in `[batch pos head ...]`, `[batch head pos ...]` (pattern) or `[batch pos ...]`."""
    positions, heads = _listed(site.positions), _listed(site.heads)
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
