"""The parts of exported programs that split the logit difference, as text (see script_pieces.py)."""

from app.domain.interventions import Interventions, mlps_replaced_at_end, replaced_at_end
from app.domain.parts_recipes import Neurons

OVERWRITING = "    unwritten = unwritten + overwrite(prompt, labels, (components, heads, attn_bias), end)\n"
"""Stands where an intervention overwrites the stream (app/export/script.py)."""

NEURON_OUTPUTS = '''
def neuron_outputs(layer, scale):
    """W_out and b_out as they reach the stream: through the norm after the MLP where there is one (Gemma)."""
    mlp = model.blocks[layer].mlp
    W_out, b_out = mlp.W_out.float(), getattr(mlp, "b_out", None)
    b_out = torch.zeros_like(W_out[0]) if b_out is None else b_out.float()
    if scale is None:
        return W_out, b_out
    norm = model.blocks[layer].ln2_post
    gain = norm.original_component.weight.float() + (1 if norm.uses_weight_offset else 0)
    return W_out / scale * gain, b_out / scale * gain
'''

LOGIT_DECOMPOSITION = '''
def along_of(prompt, end):
    """What a part is multiplied with, and the final norm's scale in the plain run or in this one."""
    u, b = direction(prompt)
    own = end["ln_final.hook_scale"]
    if SCALE == "baseline":
        return u, b, run(prompt["clean"], [], ["ln_final.hook_scale"])[1]["ln_final.hook_scale"][0, -1].float(), own
    return u, b, own, own


result = {name: [] for name in ("component_labels", "components", "heads", "attn_bias", "mlp_bias", "sources",
                                "neurons", "logit_diff")}
longest = max(len(prompt["clean"]) for prompt in PROMPTS)
for at, prompt in enumerate(PROMPTS):
    labels, components, heads, attn_bias, end = decompose(prompt["clean"], hooks_for(prompt))
    u, b, scale, own = along_of(prompt, end)
    along, unwritten = u / scale, torch.zeros_like(u)
    unwritten = unwritten + overwrite(prompt, labels, (components, heads, attn_bias), end)
    stream = end[f"blocks.{N_LAYERS - 1}.hook_resid_post"]
    rest = [float(unwritten @ along), float(stream @ u * (1 / own - 1 / scale)), float(b)]
    parts, heads = components @ along, heads @ along
    keep = names("attn.hook_v", "attn.hook_pattern", "mlp.hook_post", "ln1_post.hook_scale", "ln2_post.hook_scale")
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    here = {name: cache[name][0].float() for name in cache.keys()}
    sources, neurons, mlp_bias = [], [], []
    for layer in range(N_LAYERS):
        post = here.get(f"blocks.{layer}.ln1_post.hook_scale")
        written = head_outputs(layer, here[f"blocks.{layer}.attn.hook_v"], None if post is None else post[-1])
        split = here[f"blocks.{layer}.attn.hook_pattern"][:, -1] * (written @ along)  # head src_pos
        for first, stop, replaced in REPLACED_HEADS[at]:
            if first <= layer < stop:
                split[slice(None) if replaced is None else list(replaced)] = float("nan")
        split[split.isnan() & (heads[layer] == 0)[:, None]] = 0.0  # nothing was written, by no token
        sources.append(torch.nn.functional.pad(split, (0, longest - split.shape[1]), value=float("nan")).tolist())
        if f"blocks.{layer}.mlp.hook_post" not in here:
            mlp_bias.append(0.0)
            continue
        post = here.get(f"blocks.{layer}.ln2_post.hook_scale")
        W_out, b_out = neuron_outputs(layer, None if post is None else post[-1])
        of_neurons, of_bias = here[f"blocks.{layer}.mlp.hook_post"][-1] * (W_out @ along), float(b_out @ along)
        if layer in REPLACED_MLPS[at]:
            empty = parts[labels.index(f"L{layer}.mlp")] == 0
            of_neurons, of_bias = torch.full_like(of_neurons, 0.0 if empty else float("nan")), 0.0
        neurons.append(of_neurons.tolist())
        mlp_bias.append(of_bias)
    logits = end["unembed.hook_out"]  # before any soft cap
    result["component_labels"] = [*labels, "interventions", "rescaling", "bias"]
    result["components"].append([*parts.tolist(), *rest])
    result["heads"].append(heads.tolist())
    result["attn_bias"].append((attn_bias @ along).tolist())
    result["mlp_bias"].append(mlp_bias)
    result["sources"].append(sources)
    if neurons:
        result["neurons"].append(neurons)
    result["logit_diff"].append(float(logits[prompt["answer"]].mean() - logits[prompt["incorrect_answer"]].mean()))
'''


SPLIT = (NEURON_OUTPUTS, LOGIT_DECOMPOSITION)

NEURONS = """
prompt = PROMPTS[0]
act, post = f"blocks.{LAYER}.mlp.hook_post", f"blocks.{LAYER}.ln2_post.hook_scale"
keep = [name for name in (act, post, "ln_final.hook_scale") if name in model.hook_dict]
_, cache = run(prompt["clean"], hooks_for(prompt), keep)
activations, scale = cache[act][0].float(), cache["ln_final.hook_scale"][0, -1].float()
W_out, _ = neuron_outputs(LAYER, cache[post][0, -1].float() if post in cache else None)
attribution = torch.full_like(activations[-1], float("nan"))
if prompt["answer"] and prompt["incorrect_answer"] and not REPLACED:
    attribution = activations[-1] * (W_out @ (direction(prompt)[0] / scale))
size = activations.abs().amax(0) if attribution.isnan().any() else attribution.abs()
neuron = int(size.argmax()) if NEURON is None else NEURON
logits = W_out[neuron] / scale @ read_through(model.ln_final, model.W_U.float())  # per unit of activation
logits = logits - logits.mean()
best, worst = logits.topk(TOP_K), logits.topk(TOP_K, largest=False)
excited = []  # what the embedding of every token alone gives
for tokens in torch.arange(model.cfg.d_vocab, device=DEVICE).split(2048):
    with model.hooks(fwd_hooks=[(act, lambda found, hook: excited.append(found[0, :, neuron].float()))]):
        block = model.blocks[LAYER]
        block.mlp(block.ln2(model.embed(tokens[None])))
excited = torch.cat(excited).topk(TOP_K)
result = {
    "activations": activations.tolist(), "attribution": attribution.tolist(),
    "promoted_ids": best.indices.tolist(), "promoted_logits": best.values.tolist(),
    "suppressed_ids": worst.indices.tolist(), "suppressed_logits": worst.values.tolist(),
    "exciting_ids": excited.indices.tolist(), "exciting_activations": excited.values.tolist(),
}
"""


def decomposition_constants(scale: str, interventions: Interventions, lengths: tuple[int, ...]) -> list[str]:
    """The scale, and what interventions replaced at END of each prompt."""
    mine = _by_prompt(interventions, len(lengths))
    heads = [list(replaced_at_end(each, n)) for each, n in zip(mine, lengths, strict=True)]
    return [
        f"SCALE = {scale!r}  # the final norm's: the run's own, or the plain run's",
        f"REPLACED_HEADS = {heads!r}  # per prompt: first layer, layer after the last, heads (None = all)",
        replaced_mlps(interventions, lengths),
    ]


def replaced_mlps(interventions: Interventions, lengths: tuple[int, ...], position: int | None = None) -> str:
    """The layers in whose MLP's place interventions put something else at a position (None = END), per prompt."""
    ends = [length if position is None else position + 1 for length in lengths]
    mine = _by_prompt(interventions, len(lengths))
    return f"REPLACED_MLPS = {[sorted(mlps_replaced_at_end(each, n)) for each, n in zip(mine, ends, strict=True)]!r}"


def _by_prompt(interventions: Interventions, count: int) -> list[Interventions]:
    return [tuple(each for each in interventions if each.prompts is None or at in each.prompts) for at in range(count)]


def neuron_constants(recipe: Neurons, interventions: Interventions, n_positions: int) -> list[str]:
    """Which layer and neuron, and whether an intervention replaced what the MLP wrote at END."""
    replaced = recipe.layer in mlps_replaced_at_end(interventions, n_positions)
    return [f"LAYER, NEURON, TOP_K, REPLACED = {recipe.layer}, {recipe.neuron}, {recipe.top_k}, {replaced}"]
