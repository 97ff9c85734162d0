"""Interventions as the hooks of an exported program: one small function each, as a person would write it.

`changes` are grouped in `hooks_for(prompt)`, where `prompt["clean"]` is the prompt that is run and
`prompt["corrupted"]` the pair's other one. What they need (means, noise, ...) are functions in script_values.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain.direction_interventions import (
    AlongDirection,
    Clamp,
    ClampFeature,
    ProjectOut,
    Steer,
    SwapAlong,
    directions_of,
)
from app.domain.directions import AnyDirection
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
Labels = Mapping[Reference | AnyDirection | tuple[str, str], str]
"""What reference sets, directions and autoencoders (folder, fingerprint) are called in the program."""

Freeze = Sequence[tuple[str, list[int] | None]]
"""What is frozen, each in which prompts."""


def hooks_source(
    interventions: Interventions, labels: Labels, separate: bool = False, name: str = "hooks_for",
    freeze: Freeze | None = None,
) -> str:  # fmt: skip
    """`hooks_for(prompt)`: the interventions as (hook name, function) pairs, after what they freeze (or `freeze`).
    `labels` names reference sets and directions; `separate` puts the changes into `changes_for(prompt)`."""
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
        lines = [*_before(each, at, labels), *_function(each, at, labels), *_added(each.site, at)]
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
    if isinstance(each, Patch | SwapAlong):
        source = 'prompt["corrupted"]' if each.source is None else f"SOURCES[{each.source!r}]"
        basis = [f"basis_{at} = {basis_source(each, labels)}"] if isinstance(each, SwapAlong) else []
        return [f"source_{at} = run({source}, keep=[{name!r}])[1][{name!r}]", *basis, *seen]
    if isinstance(each, ProjectOut) and each.to == "mean":
        mean = Ablate(each.site, "mean", each.reference, each.pooled)
        return [f"new_{at} = {_reference_value(mean, labels)}", *seen]
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


def overwritten(interventions: Interventions, labels: Labels) -> str:
    """What replaces earlier contributions, in the order of the pass, as a list of (activation, layer, positions, by
    what, the text and positions patched from, prompts, within which subspace, what share of the way): by `nothing`,
    `patched`, or `apart`, by what no component wrote. Empty where nothing does."""
    found = sorted(
        (each for each in interventions if each.site.activation in _DEPTH and not isinstance(each, GaussianNoise)),
        key=lambda each: (each.site.layer, _DEPTH[each.site.activation]),
    )
    lines = [
        f"    ({', '.join(map(repr, _spoken(each)))}, {_within(each, labels)}, {_share(each)!r})," for each in found
    ]
    return "\n".join(["[", *lines, "]"]) if lines else ""


def _spoken(each: AnyIntervention) -> tuple[object, ...]:
    return (each.site.activation, each.site.layer, listed(each.site.positions), *_by(each), listed(each.prompts))


def _by(each: AnyIntervention) -> tuple[str, str | None, list[int] | None]:
    if isinstance(each, Patch | SwapAlong):
        return "patched", each.source, listed(each.source_positions)
    whole = isinstance(each, AlongDirection) or (isinstance(each, Ablate) and each.method == "zero")
    return ("nothing" if whole else "apart"), None, None


def _within(each: AnyIntervention, labels: Labels) -> str:
    """The subspace, as an expression."""
    if isinstance(each, Steer | ClampFeature):
        return "torch.zeros(model.cfg.d_model, 0, device=DEVICE)"
    return basis_source(each, labels) if isinstance(each, AlongDirection) else "None"


def _share(each: AnyIntervention) -> float:
    return each.share if isinstance(each, SwapAlong) else 1.0


def basis_source(each: AlongDirection, labels: Labels) -> str:
    """An orthonormal basis of the span of its directions."""
    columns = ", ".join(labels[direction] for direction in directions_of(each))
    return f"torch.linalg.qr(torch.stack([{columns}], dim=1))[0]"


def listed(chosen: tuple[int, ...] | None) -> list[int] | None:
    """As JSON and Python source write it."""
    return None if chosen is None else list(chosen)


def _function(each: AnyIntervention, at: int, labels: Labels) -> list[str]:
    name = each.site.activation
    if isinstance(each, KnockOutEdge):
        return _edges(each, at)
    if isinstance(each, GaussianNoise):
        change = [f"resid_pre[:, {list(each.positions)}] += noise_{at}.to(resid_pre)"]
    elif name == "resid_mid":
        return _resid_mid(each, at, labels)
    elif isinstance(each, AlongDirection):
        index = _index(each.site)
        change = [f"a = {name}[{index}].float()", f"{name}[{index}] = {_along(each, at, labels)}"]
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


def _along(each: AlongDirection, at: int, labels: Labels) -> str:
    """What `a`, the activation at the site, becomes."""
    index = _index(each.site)
    if isinstance(each, SwapAlong):
        moved = replace(each.site, positions=each.source_positions or each.site.positions)
        share = "" if each.share == 1 else f"{each.share!r} * "
        return f"a + {share}(source_{at}[{_index(moved)}].float() - a) @ basis_{at} @ basis_{at}.T"
    if isinstance(each, ClampFeature):
        way = each.direction
        return f"set_feature(a, {labels[way.folder, way.fingerprint]}, {way.feature}, {each.value!r})"
    d = labels[each.direction]
    if isinstance(each, Steer):
        size = " * a.norm(dim=-1, keepdim=True)" if each.unit == "norm" else ""
        return f"a + {each.strength!r}{size} * {d}"
    wanted = repr(each.value) if isinstance(each, Clamp) else "0.0"
    if isinstance(each, ProjectOut) and each.to == "mean":
        wanted = f"new_{at} @ {d}" if each.pooled else f"new_{at}[None][{index}] @ {d}"
    share = f"{each.share!r} * " if isinstance(each, ProjectOut) and each.share != 1 else ""
    return f"a + {share}({wanted} - a @ {d})[..., None] * {d}"


def _resid_mid(each: AnyIntervention, at: int, labels: Labels) -> list[str]:
    """The hook of resid_mid sits after the skip connection has left, so attn_out is changed instead."""
    index = _index(each.site)
    along = isinstance(each, AlongDirection)
    value = _along(each, at, labels) if along else _value(each, at, "attn_out")
    change = [
        "resid_pre = seen.pop()",
        *([f"a = (resid_pre + attn_out)[{index}].float()"] if along else []),
        f"attn_out[{index}] = {value} - resid_pre[{index}]",
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
