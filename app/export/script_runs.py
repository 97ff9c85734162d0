"""The parts of exported programs for generated text and self-repair, as text (see script_pieces.py)."""

from app.domain import interventions as changes
from app.domain.interventions import AnyIntervention, GaussianNoise, Interventions
from app.export.script_interventions import Labels, freezing, hooks_source, listed

GENERATION = '''
def on_prompt(name, change, n):
    """A change that holds at the prompt's n positions alone."""

    def hook_fn(activation, hook):
        where = (..., slice(n), slice(n)) if name.endswith("hook_pattern") else (slice(None), slice(n))
        changed = change(activation[where], hook)
        if changed is None:
            return None
        activation = activation.clone()
        activation[where] = changed
        return activation

    return name, hook_fn


prompt = PROMPTS[0]
ids, n = list(prompt["clean"]), len(prompt["clean"])
changes = [pair if on else on_prompt(*pair, n) for pair, on in zip(changes_for(prompt), GOES_ON)]
generator = torch.Generator().manual_seed(SEED)
result = {"generated_ids": [], "log_probs": []}
for _ in range(min(STEPS, model.cfg.n_ctx - n)):
    held = frozen(ids, FREEZE) if FREEZE else []
    logits = run(ids, [*held, *changes])[0].cpu()
    token = int(logits.argmax())
    if TEMPERATURE > 0:
        token = int(torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=generator))
    ids.append(token)
    result["generated_ids"].append(token)
    result["log_probs"].append(float(logits.log_softmax(-1)[token]))
    if token == END_OF_TEXT:
        break
'''


def goes_on(interventions: Interventions) -> list[bool]:
    """For every hook of `changes_for`: whether it holds at generated positions too. Zero and pooled-mean ablations
    that name no positions do; what belongs to positions of the prompt stays there."""
    ordered = sorted(interventions, key=lambda each: each.site.activation == "resid_mid")
    found: list[bool] = []
    for each in ordered:
        found += [changes.goes_on(each)] * (2 if each.site.activation == "resid_mid" else 1)
    return found


SELF_REPAIR = '''
def shares(found, constant):
    """What each group of components is along the logit difference; `rest` is what no component wrote."""
    labels, components, heads, attn_bias, _ = found
    groups = {"mlps": [label.endswith(".mlp") for label in labels],
              "embed": [label in ("embed", "pos_embed") for label in labels]}
    picked = {name: components[torch.tensor(chosen)] for name, chosen in groups.items()}
    return {"heads": heads, "attn_bias": attn_bias, **picked, "rest": components[-1] - constant}


def removed_inside(prompt, removed):
    """Changes inside one layer's attention or MLP, each in a run of its own, at the scale before."""
    _, _, _, _, end = decompose(prompt["clean"])
    along = direction(prompt)[0] / end["ln_final.hook_scale"]
    for layer, sublayer, hooks_of in INSIDE:
        changed = decompose(prompt["clean"], hooks_of(prompt))[-1]
        if sublayer == "mlp":
            out = f"blocks.{layer}.hook_mlp_out"
            removed["mlps"][layer] = (changed[out] - end[out]) @ along
        else:
            z = f"blocks.{layer}.attn.hook_z"
            removed["heads"][layer] = attention_parts(layer, changed[z] - end[z], end)[0] @ along


def removed_as_a_whole(prompt, removed, change):
    """What is set at END as a whole is taken away as a whole."""
    for activation, layer, positions, prompts in SET_AT_END:
        here = prompts is None or prompt["index"] in prompts
        if not here or (positions is not None and len(prompt["clean"]) - 1 not in positions):
            continue
        attention = layer + (activation in ("resid_mid", "resid_post"))
        covered = {
            "noise": {"embed": slice(None)},
            "mlp_out": {"mlps": slice(layer, layer + 1)},
            "attn_out": {"heads": slice(layer, layer + 1), "attn_bias": slice(layer, layer + 1)},
        }.get(activation)
        if covered is None:
            covered = {"heads": slice(attention), "attn_bias": slice(attention), "embed": slice(None),
                       "mlps": slice(layer + (activation == "resid_post")), "rest": ...}
        for name, where in covered.items():
            removed[name][where] = change[name][where]


arrays = ("removed", "heads_before", "heads_after", "components_before", "components_after", "scale_ratio", "before",
          "after")
result, parts = {name: [] for name in arrays}, []
for prompt in PROMPTS:
    plain, changed = attributions(prompt, plain=True), attributions(prompt)
    scale = [run(prompt["clean"], hooks, ["ln_final.hook_scale"])[1]["ln_final.hook_scale"][0, -1, 0].float()
             for hooks in ([], hooks_for(prompt))]
    ratio, constant = scale[0] / scale[1], plain[1][-1]
    before = shares(plain, constant)
    after = {name: share / ratio for name, share in shares(changed, constant).items()}  # at the scale before
    removed = {name: torch.zeros_like(share) for name, share in before.items()}
    removed_inside(prompt, removed)
    removed_as_a_whole(prompt, removed, {name: after[name] - before[name] for name in before})
    gone = sum(share.sum() for share in removed.values())
    left = sum(share.sum() for share in before.values()) + gone
    further = {name: float(((after[name] - before[name] - removed[name]) * ratio).sum()) for name in before}
    parts.append({"rescaling": float(left * (ratio - 1)), **further})
    values = (gone, plain[2], changed[2], plain[1], changed[1], ratio, plain[4], changed[4])
    for name, value in zip(arrays, values):
        result[name].append(value.tolist())
kept = [name for name in parts[0] if name == "rescaling" or max(abs(part[name]) for part in parts) > 1e-5]
result["part_labels"], result["parts"] = kept, [[part[name] for name in kept] for part in parts]
'''

_SUBLAYERS = {**dict.fromkeys(("q", "k", "v", "pattern", "z"), "attention"), "mlp_pre": "mlp", "mlp_post": "mlp"}
_WHOLE = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")


def self_repair_source(interventions: Interventions, labels: Labels) -> str:
    """The constants of SELF_REPAIR: the changes inside each sublayer as hooks of their own, and what is set whole."""
    groups: dict[tuple[int, str], list[AnyIntervention]] = {}
    for each in interventions:
        if each.site.activation in _SUBLAYERS:
            groups.setdefault((each.site.layer, _SUBLAYERS[each.site.activation]), []).append(each)
    freeze = freezing(interventions)
    text, names = "", list[str]()
    for layer, sublayer in sorted(groups):
        name = f"{sublayer}_{layer}_changes"
        text += hooks_source(tuple(groups[layer, sublayer]), labels, name=name, freeze=freeze) + "\n"
        names.append(f"({layer}, {sublayer!r}, {name})")
    whole = [
        ("noise" if isinstance(each, GaussianNoise) else each.site.activation, each.site.layer,
         listed(each.site.positions), listed(each.prompts))
        for each in interventions
        if each.site.activation in _WHOLE
    ]  # fmt: skip
    return f"{text}\nINSIDE = [{', '.join(names)}]\nSET_AT_END = {whole}  # activation, layer, positions, prompts\n"
