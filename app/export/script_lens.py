"""The parts of exported programs for lenses, as text (see script_pieces.py)."""

from app.domain.lens_recipes import ComponentLens, LogitLens

LOGIT_LENS = """
prompt = PROMPTS[0]
keep = []
for layer in range(N_LAYERS):
    wanted = [place for place in POINTS if place != "resid_pre" or layer == 0]
    keep += [f"blocks.{layer}.hook_{place}" for place in wanted]
last = f"blocks.{N_LAYERS - 1}.hook_resid_post"
_, cache = run(prompt["clean"], hooks_for(prompt), [*keep, last])
at = slice(None) if POSITIONS is None else POSITIONS


def read(stream):
    return model.adapter.apply_output_logits_transform(model.unembed(model.ln_final(stream)))[0].float()


final = read(cache[last][:, at]).log_softmax(-1)
result = {"top_ids": [], "top_probabilities": [], "entropy": [], "kl_divergence": []}
result |= {"logit_diff": [], "answer_probability": [], "answer_rank": []}
result |= {"token_logits": [], "token_probabilities": [], "token_ranks": []}
for name in keep:
    logits = read(translated(name, cache[name][:, at]))
    log_probs = logits.log_softmax(-1)
    top = log_probs.topk(TOP_K)
    result["top_ids"].append(top.indices.tolist())
    result["top_probabilities"].append(top.values.exp().tolist())
    result["entropy"].append((-(log_probs.exp() * log_probs).sum(-1)).tolist())
    result["kl_divergence"].append((final.exp() * (final - log_probs)).sum(-1).tolist())  # KL(final || lens)
    result["token_logits"].append(logits[:, TOKENS].tolist())
    result["token_probabilities"].append(log_probs[:, TOKENS].exp().tolist())
    ranks = [[float((row > row[token]).sum()) for token in TOKENS] for row in logits]  # 0 = top
    result["token_ranks"].append(ranks)
    rows = [metrics(row, prompt) for row in logits]  # one row per position
    for key, column in {"logit_diff": 0, "answer_probability": 2, "answer_rank": 3}.items():
        result[key].append([row[column] for row in rows])
"""

PLAIN = """
def translated(name, stream):
    return stream  # a logit lens reads the stream as it is
"""

TUNED = """
with open(LENS, "rb") as file:
    assert hashlib.file_digest(file, "sha256").hexdigest() == FINGERPRINT, "the lens is not the one that was used"
LOAD
translators = {name: value.float().to(DEVICE) for name, value in translators.items()}


def translated(name, stream):
    \"\"\"h + A h + b: translator l reads what stands before block l; the last resid_post is the model's own.\"\"\"
    layer = int(name.split(".")[1]) + name.endswith("post")
    if layer == N_LAYERS:
        return stream
    return stream + stream @ translators[f"{layer}.weight"].T + translators.get(f"{layer}.bias", 0.0)
"""

COMPONENT_LENS = """
prompt = PROMPTS[0]
blocks = names("attn.hook_z", "hook_attn_out", "hook_mlp_out", "ln1_post.hook_scale")
keep = [*blocks, "blocks.0.hook_resid_pre", "hook_pos_embed", f"blocks.{N_LAYERS - 1}.hook_resid_post"]
keep = [name for name in [*keep, "ln_final.hook_scale"] if name in model.hook_dict]
_, cache = run(prompt["clean"], hooks_for(prompt), keep)
here = {name: cache[name][0, POSITION].float() for name in cache.keys()}
parts = {"embed": here["blocks.0.hook_resid_pre"]}
if "hook_pos_embed" in here:
    parts = {"embed": parts["embed"] - here["hook_pos_embed"], "pos_embed": here["hook_pos_embed"]}
wholes = {}
for layer in range(N_LAYERS):
    written, bias = attention_parts(layer, here[f"blocks.{layer}.attn.hook_z"], here)
    parts |= {f"L{layer}H{head}": each for head, each in enumerate(written)}
    if bias.any():
        parts[f"L{layer}.b_O"] = bias
    if f"blocks.{layer}.hook_mlp_out" in here:
        parts[f"L{layer}.mlp"] = here[f"blocks.{layer}.hook_mlp_out"]
    wholes[f"L{layer}.attn"] = here[f"blocks.{layer}.hook_attn_out"]
unwritten = here[f"blocks.{N_LAYERS - 1}.hook_resid_post"] - torch.stack(list(parts.values())).sum(0)
W_U = read_through(model.ln_final, model.W_U.float()) / here["ln_final.hook_scale"]
W_U = W_U - W_U.mean(-1, keepdim=True)  # logits against the vocabulary's mean
every = torch.stack(list(parts.values()))
answer, incorrect = prompt["answer"], prompt["incorrect_answer"]
scaled = read_through(model.ln_final, torch.eye(model.cfg.d_model, device=DEVICE)) / here["ln_final.hook_scale"]
size = (every @ scaled).norm(dim=-1)
if answer and incorrect:
    along = W_U[:, answer].mean(-1) - W_U[:, incorrect].mean(-1)
    size = (every @ along).abs()
order = [list(parts)[at] for at in size.argsort(descending=True, stable=True)[:MOST]]
if LAYER is not None:
    order = [f"L{LAYER}.attn", *[name for name in parts if name.startswith((f"L{LAYER}H", f"L{LAYER}."))]]
rows = torch.stack([(parts | wholes)[name] for name in order])
logits = rows @ W_U
others = every.sum(0) - torch.stack([parts[name] for name in order if name in parts]).sum(0)
norm_bias = getattr(model.ln_final.original_component, "bias", None)
bias = model.b_U.float() + (0.0 if norm_bias is None else norm_bias.float() @ model.W_U.float())
bias = bias - bias.mean()
stream = here[f"blocks.{N_LAYERS - 1}.hook_resid_post"]
result = {"component_labels": order, "norm": (rows @ scaled).norm(dim=-1).tolist()}
for side in ("promoted", "suppressed"):
    top = logits.topk(TOP_K, largest=side == "promoted")
    result[f"{side}_ids"], result[f"{side}_logits"] = top.indices.tolist(), top.values.tolist()
result["logit_diff"] = (rows @ along).tolist() if answer and incorrect else [float("nan")] * len(rows)
result["token_logits"] = logits[:, TOKENS].tolist()
result["remainders"] = [(each @ W_U[:, TOKENS]).tolist() for each in (others, unwritten)] + [bias[TOKENS].tolist()]
result["logits"] = (stream @ W_U[:, TOKENS] + bias[TOKENS]).tolist()
"""


_LOAD = {
    ".pt": "translators = torch.load(LENS, map_location=DEVICE, weights_only=True)",
    ".safetensors": "from safetensors.torch import load_file\n\ntranslators = load_file(LENS)",
}


def lens_parts(recipe: LogitLens, file: str) -> tuple[str, ...]:
    """With what reads the translators in `file` where it is a tuned lens."""
    if recipe.lens == "logit":
        return (PLAIN, LOGIT_LENS)
    return (TUNED.replace("LOAD", _LOAD[file[file.rindex(".") :]]), LOGIT_LENS)


def lens_constants(recipe: LogitLens | ComponentLens, tokens: tuple[int, ...], file: str) -> list[str]:
    """What differs between recipes."""
    lines = [f"TOP_K, TOKENS = {recipe.top_k}, {list(tokens)}"]
    if isinstance(recipe, ComponentLens):
        at = -1 if recipe.position is None else recipe.position
        return [*lines, f"POSITION, LAYER, MOST = {at}, {recipe.layer}, {recipe.most}"]
    positions = None if recipe.positions is None else list(recipe.positions)
    if file:
        lines.append(f"LENS, FINGERPRINT = {file!r}, {recipe.fingerprint!r}")
    return [*lines, f"POSITIONS, POINTS = {positions}, {[place for place in _ORDER if place in recipe.points]}"]


_ORDER = ("resid_pre", "resid_mid", "resid_post")
