"""The parts of an exported TransformerLens program, as text. Static: what differs between recipes is written above
them as constants and hooks (app/export/script.py), so that a reader sees ordinary notebook code.

Every piece may use PROMPTS, DEVICE, N_LAYERS, `model` and `hooks_for(prompt)`.
"""

RUN = '''
def names(*wanted):
    """Exact hook names in every layer, where this architecture has them."""
    every = [f"blocks.{layer}.{name}" for layer in range(N_LAYERS) for name in wanted]
    return [name for name in every if name in model.hook_dict]


def run(ids, hooks=(), keep=()):
    """Logits at the last position, and a cache that holds values after the hooks."""
    with model.hooks(fwd_hooks=list(hooks)):
        logits, cache = model.run_with_cache(torch.tensor([ids], device=DEVICE), names_filter=list(keep))
    return logits[0, -1].float(), cache
'''

METRICS = '''
def metrics(logits, prompt, clean_log_probs=None):
    """logit_diff, answer_log_prob, probability, rank (0 = top) and KL(clean || this), in nats."""
    answer, incorrect = prompt["answer"], prompt["incorrect_answer"]
    log_probs, nan = logits.log_softmax(-1), float("nan")
    total = log_probs[answer].logsumexp(-1) if answer else torch.tensor(nan)
    kl = 0.0 if clean_log_probs is None else (clean_log_probs.exp() * (clean_log_probs - log_probs)).sum()
    return [
        float(logits[answer].mean() - logits[incorrect].mean()) if answer and incorrect else nan,
        float(total),
        float(total.exp()),
        float((logits > logits[answer].max()).sum()) if answer else nan,
        float(kl),
    ]
'''

PREDICTION = """
result = {"top_ids": [], "top_probabilities": [], "top_logits": [], "metrics": [], "corrupted_metrics": []}
for prompt in PROMPTS:
    clean, _ = run(prompt["clean"])
    logits, _ = run(prompt["clean"], hooks_for(prompt))
    top = logits.topk(TOP_K)
    result["top_ids"].append(top.indices.tolist())
    result["top_logits"].append(top.values.tolist())
    result["top_probabilities"].append(logits.softmax(-1)[top.indices].tolist())
    result["metrics"].append(metrics(logits, prompt, clean.log_softmax(-1)))
    corrupted = run(prompt["corrupted"])[0] if prompt["corrupted"] else None
    result["corrupted_metrics"].append(
        [float("nan")] * 5 if corrupted is None else metrics(corrupted, prompt, clean.log_softmax(-1))
    )
"""

CORRUPTED_RUN = 'corrupted = run(prompt["corrupted"])[0] if prompt["corrupted"] else None'
CORRUPTED_IS_RUN = "corrupted = clean  # the pair's corrupted prompt is the one that is run"

DIRECTION = '''
def direction(prompt):
    """(u, b) with logit_diff = resid / scale @ u + b, the final norm folded in. Before any soft cap of the logits."""
    answer, incorrect = prompt["answer"], prompt["incorrect_answer"]
    W_U, b_U = model.W_U.float(), model.b_U.float()
    u, b = W_U[:, answer].mean(-1) - W_U[:, incorrect].mean(-1), b_U[answer].mean() - b_U[incorrect].mean()
    weight = getattr(model.ln_final.original_component, "weight", None)  # 1 where it was folded already
    bias = getattr(model.ln_final.original_component, "bias", None)
    if bias is not None:
        b = b + bias.float() @ u
    if weight is not None:
        u = u * (weight.float() + (1 if model.ln_final.uses_weight_offset else 0))  # Gemma stores weight - 1
    return (u if model.ln_final.uses_rms_norm else u - u.mean()), b  # LayerNorm centres, RMSNorm does not
'''

ATTENTION_PARTS = '''
def attention_parts(layer, z, cached):
    """z @ W_O of every head, and b_O."""
    attn = model.blocks[layer].attn
    written = torch.einsum("...hd,hdm->...hm", z, attn.W_O.float())
    bias = getattr(attn, "b_O", None)
    bias = torch.zeros_like(written[..., 0, :]) if bias is None else bias.float().expand_as(written[..., 0, :])
    if f"blocks.{layer}.ln1_post.hook_scale" in cached:  # a norm stands between attention and the stream (Gemma)
        norm, scale = model.blocks[layer].ln1_post, cached[f"blocks.{layer}.ln1_post.hook_scale"]
        gain = norm.original_component.weight.float() + (1 if norm.uses_weight_offset else 0)
        written, bias = written / scale[..., None, :] * gain, bias / scale * gain
    return written, bias
'''

DECOMPOSE = '''
def decompose(ids, hooks=(), at=-1):
    """What every component, head and output bias wrote to the residual stream at a position (-1: the last)."""
    keep = [*names("hook_attn_out", "hook_mlp_out", "attn.hook_z", "ln1_post.hook_scale"),
            *names("hook_resid_pre", "hook_resid_mid", "hook_resid_post"),
            "hook_pos_embed", "ln_final.hook_scale", "unembed.hook_out"]
    _, cache = run(ids, hooks, [name for name in keep if name in model.hook_dict])
    end = {name: cache[name][0, at].float() for name in cache.keys()}
    parts, heads, attn_bias = {"embed": end["blocks.0.hook_resid_pre"]}, [], []
    if "hook_pos_embed" in end:
        parts = {"embed": parts["embed"] - end["hook_pos_embed"], "pos_embed": end["hook_pos_embed"]}
    for layer in range(N_LAYERS):
        parts[f"L{layer}.attn"] = end[f"blocks.{layer}.hook_attn_out"]
        if f"blocks.{layer}.hook_mlp_out" in end:
            parts[f"L{layer}.mlp"] = end[f"blocks.{layer}.hook_mlp_out"]
        written, bias = attention_parts(layer, end[f"blocks.{layer}.attn.hook_z"], end)
        heads.append(written)
        attn_bias.append(bias)
    return list(parts), torch.stack(list(parts.values())), torch.stack(heads), torch.stack(attn_bias), end
'''

ATTRIBUTIONS = '''
def attributions(prompt, plain=False):
    """Labels, components, heads [layer head], attn_bias [layer] and logit_diff of one prompt."""
    labels, components, heads, attn_bias, end = decompose(prompt["clean"], [] if plain else hooks_for(prompt))
    u, b = direction(prompt)
    along = u / end["ln_final.hook_scale"]
    if not plain:
        b = b + overwrite(prompt, labels, (components, heads, attn_bias), end) @ along
    logits = end["unembed.hook_out"]  # before any soft cap
    logit_diff = logits[prompt["answer"]].mean() - logits[prompt["incorrect_answer"]].mean()
    return [*labels, "bias"], torch.cat([components @ along, b[None]]), heads @ along, attn_bias @ along, logit_diff
'''

OVERWRITE = '''
def overwrite(prompt, labels, parts, end, at=-1):
    """An intervention on the stream replaces what had been written: by nothing, by what was written at another prompt's
    END (or the same position), or by something that no component wrote, which is returned; all of it, or what lies
    within a subspace, and of that a share of the way."""
    unwritten = torch.zeros_like(parts[0][0])
    last = len(prompt["clean"]) - 1
    at = last if at == -1 else at
    for activation, layer, positions, by, text, taken, prompts, within, share in OVERWRITTEN:
        here = prompts is None or prompt["index"] in prompts
        if not here or (positions is not None and at not in positions):
            continue
        source = prompt["corrupted"] if text is None else SOURCES[text]
        same = len(source) - 1 if at == last else at
        if by == "patched" and (at if taken is None else taken[positions.index(at)]) != same:
            by = "apart"
        left = decompose(source, at=same)[1:4] if by == "patched" else [torch.zeros_like(part) for part in parts]
        attn = labels.index(f"L{layer}.attn")
        after = attn + (2 if f"L{layer}.mlp" in labels else 1)
        written, layers = {
            "resid_pre": (slice(attn), slice(layer)),
            "attn_out": (slice(attn, attn + 1), slice(layer, layer + 1)),
            "resid_mid": (slice(attn + 1), slice(layer + 1)),
            "resid_post": (slice(after), slice(layer + 1)),
        }[activation]
        for part, new, where in zip(parts, left, (written, layers, layers)):
            gone = part[where] - new[where]
            part[where] -= gone if within is None else share * gone @ within @ within.T
        now, apart = end.get(f"blocks.{layer}.hook_{activation}"), by == "apart" or within is not None
        if activation == "attn_out" and apart:
            parts[0][written], parts[2][layers] = now, now - parts[1][layer].sum(0)
        elif activation != "attn_out":
            unwritten = now - parts[0][written].sum(0) if apart else torch.zeros_like(unwritten)
    return unwritten
'''

DIRECT_LOGIT_ATTRIBUTION = """
result = {"component_labels": [], "components": [], "heads": [], "attn_bias": [], "logit_diff": []}
for prompt in PROMPTS:
    labels, components, heads, attn_bias, logit_diff = attributions(prompt)
    result["component_labels"] = labels
    result["components"].append(components.tolist())
    result["heads"].append(heads.tolist())
    result["attn_bias"].append(attn_bias.tolist())
    result["logit_diff"].append(float(logit_diff))
"""

ATTENTION_PATTERN = """
prompt = PROMPTS[0]
keep = [f"blocks.{layer}.attn.hook_pattern" for layer in LAYERS]
_, cache = run(prompt["clean"], hooks_for(prompt), keep)
patterns = [cache[name][0].float().tolist() for name in keep]  # layer head dest_pos src_pos
result = {"layers": LAYERS, "pattern": patterns}
"""

RESIDUAL_TRAJECTORY = """
keep = [*names("hook_resid_pre", "hook_resid_mid"), f"blocks.{N_LAYERS - 1}.hook_resid_post"]
result = {"points": [], "lens": [], "cumulative": [], "logit_diff": []}
for prompt in PROMPTS:
    answer, incorrect = prompt["answer"], prompt["incorrect_answer"]
    _, cache = run(prompt["clean"], hooks_for(prompt), [*keep, "ln_final.hook_scale", "unembed.hook_out"])
    stack = torch.stack([cache[name][0, -1] for name in keep])
    result["points"] = [name.replace("blocks.", "").replace(".hook_resid", "") for name in keep[:-1]] + ["final"]
    logits = model.unembed(model.ln_final(stack[None]))[0].float()  # logit lens: the norm is recomputed on each stream
    result["lens"].append((logits[:, answer].mean(-1) - logits[:, incorrect].mean(-1)).tolist())
    u, b = direction(prompt)  # cumulative attribution: the final run's own scale
    result["cumulative"].append((stack.float() @ (u / cache["ln_final.hook_scale"][0, -1].float()) + b).tolist())
    last = cache["unembed.hook_out"][0, -1].float()
    result["logit_diff"].append(float(last[answer].mean() - last[incorrect].mean()))
"""

CORRECTNESS_METERS = '''
def relative(found, expected):
    """Largest deviation over the largest magnitude."""
    return float((found - expected).abs().max() / expected.abs().max())


def sum_of_components(prompt):
    if not prompt["answer"] or not prompt["incorrect_answer"]:
        return None
    _, components, _, _, logit_diff = attributions(prompt)
    return float((components.sum() - logit_diff).abs() / components.abs().sum().clamp(min=1.0))


def sum_of_heads(prompt):
    _, cache = run(prompt["clean"], keep=names("attn.hook_z", "hook_attn_out", "ln1_post.hook_scale"))
    cached = {name: cache[name][0].float() for name in cache.keys()}  # without the batch axis
    deviations = []
    for layer in range(N_LAYERS):
        written, bias = attention_parts(layer, cached[f"blocks.{layer}.attn.hook_z"], cached)
        deviations.append(relative(written.sum(-2) + bias, cached[f"blocks.{layer}.hook_attn_out"]))
    return max(deviations)


def patched(ids, source, wanted, positions=slice(None)):
    """Logits of `ids` with activations taken from the plain run of `source`."""
    _, cache = run(source, keep=wanted)

    def patch(name):
        def hook_fn(activation, hook):
            activation = activation.clone()
            activation[:, positions] = cache[name][:, positions]
            return activation

        return name, hook_fn

    return run(ids, [patch(name) for name in wanted])[0]


def self_patch(prompt):
    return relative(patched(prompt["clean"], prompt["clean"], names("attn.hook_z")), run(prompt["clean"])[0])


def restore(prompt):
    if not comparable(prompt):
        return None
    restored = patched(prompt["corrupted"], prompt["clean"], ["blocks.0.hook_resid_pre"])
    return relative(restored, run(prompt["clean"])[0])


def causal(prompt):
    if not comparable(prompt):
        return None
    first = next(at for at, (a, b) in enumerate(zip(prompt["clean"], prompt["corrupted"])) if a != b)
    if first == 0:
        return None
    left = patched(prompt["clean"], prompt["corrupted"], names("hook_resid_pre"), slice(first))
    return relative(left, run(prompt["clean"])[0])


def comparable(prompt):
    clean, corrupted = prompt["clean"], prompt["corrupted"]
    return corrupted is not None and len(clean) == len(corrupted) and clean != corrupted


meters = {"Σ components": sum_of_components, "Σ heads": sum_of_heads, "self-patch": self_patch, "restore": restore,
          "causal": causal}
result = {"names": list(meters), "deviation": []}
for meter in meters.values():
    found = [value for value in map(meter, PROMPTS) if value is not None]  # where the meter applies
    result["deviation"].append(max(found) if found else float("nan"))
'''

WRITE = """
print(json.dumps(result))
"""
