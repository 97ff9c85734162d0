"""The parts of exported programs that read attention, as text (see script_pieces.py)."""

from app.domain.attention_recipes import HeadReading
from app.domain.interventions import Interventions, replaced_at_end, replaces_stream

HEAD_OUTPUTS = '''
def head_outputs(layer, v, scale=None):
    """v @ W_O of every head of a layer: [head pos d_model]; `v` is [pos key-value head d_head]. Where a norm stands
    between attention and the stream (Gemma), at this scale."""
    v = v.repeat_interleave(model.cfg.n_heads // v.shape[1], dim=1)  # heads that share values
    written = torch.einsum("khd,hdm->hkm", v, model.blocks[layer].attn.W_O.float())
    if scale is None:
        return written
    norm = model.blocks[layer].ln1_post
    return written / scale * (norm.original_component.weight.float() + (1 if norm.uses_weight_offset else 0))
'''

ATTENTION_WEIGHTS = """
prompt = PROMPTS[0]
values = {layer: f"blocks.{layer}.attn.hook_v" for layer in LAYERS}
scales = {layer: f"blocks.{layer}.ln1_post.hook_scale" for layer in LAYERS}
keep = [*values.values(), *(name for name in scales.values() if name in model.hook_dict), "ln_final.hook_scale"]
_, cache = run(prompt["clean"], hooks_for(prompt), keep)
u, _ = direction(prompt)  # NaN without both answers
along = u / cache["ln_final.hook_scale"][0, -1].float()
result = {"layers": LAYERS, "value_norm": [], "output_norm": [], "attribution": []}
for layer in LAYERS:
    v = cache[values[layer]][0].float()
    scale = cache[scales[layer]][0, -1].float() if scales[layer] in cache else None
    written = head_outputs(layer, v, scale)
    norms = v.norm(dim=-1).T.repeat_interleave(model.cfg.n_heads // v.shape[1], dim=0)
    result["value_norm"].append(norms.tolist())
    result["output_norm"].append(written.norm(dim=-1).tolist())
    attribution = written @ along
    for first, stop, heads in REPLACED:
        if first <= layer < stop:
            attribution[slice(None) if heads is None else list(heads)] = float("nan")
    result["attribution"].append(attribution.tolist())
"""

HEAD_READING = '''
prompt = PROMPTS[0]
ids, changes = prompt["clean"], hooks_for(prompt)
inner = model.blocks[LAYER].attn.original_component


def at(name):
    return f"blocks.{LAYER}.{name}"


def scores(hooks):
    """Of the head, before the softmax: [dest src]."""
    keep = [name for name in names("attn.hook_attn_scores", "attn.hook_q", "attn.hook_k") if name.startswith(at(""))]
    _, cache = run(ids, hooks, keep)
    if SHOWN:
        return cache[at("attn.hook_attn_scores")][0, HEAD].float()
    q, k = cache[at("attn.hook_q")][0, :, HEAD], cache[at("attn.hook_k")][0]
    found = q @ k[:, HEAD * k.shape[1] // model.cfg.n_heads].T / inner.scale
    return found.masked_fill(torch.ones_like(found).triu(1).bool(), -torch.inf)


def everywhere_the_query(activation, hook):
    """So that every key meets it at its own place, where rotation is the same for both."""
    return activation[:, QUERY : QUERY + 1].expand_as(activation).clone()


def without_positions(cache):
    """Learned positions out of what the layer reads, at the scale its norm has in this run."""
    taken = (at("hook_resid_pre"), lambda resid_pre, hook: resid_pre - cache["hook_pos_embed"])
    held = (at("ln1.hook_scale"), lambda scale, hook: cache[at("ln1.hook_scale")].expand_as(scale))
    return [taken, held] if at("ln1.hook_scale") in cache else [taken]


def parts():
    """Scores, and those of content alone: [src]."""
    found = scores(changes)[QUERY]
    if model.cfg.positional_embedding_type == "rotary":
        return found, scores([*changes, (at("attn.hook_q"), everywhere_the_query)]).diagonal()
    keep = [name for name in ("hook_pos_embed", at("ln1.hook_scale")) if name in model.hook_dict]
    _, cache = run(ids, changes, keep)
    if REPLACED or "hook_pos_embed" not in cache:  # what goes through positions is not known
        return found, torch.full_like(found, float("nan"))
    return found, scores([*changes, *without_positions(cache)])[QUERY]


_, plain = run(ids, keep=[at("attn.hook_attn_scores"), at("attn.hook_pattern")])
shown, pattern = plain[at("attn.hook_attn_scores")].float(), plain[at("attn.hook_pattern")].float()
SHOWN = torch.allclose(shown.softmax(-1), pattern, atol=1e-2)  # TransformerLens' own models show the pattern there
score, content = parts()
seen = score > -1e30
keep = [at("attn.hook_v"), at("attn.hook_pattern"), at("ln1_post.hook_scale"), "ln_final.hook_scale"]
_, cache = run(ids, changes, [name for name in keep if name in model.hook_dict])
post = cache[at("ln1_post.hook_scale")][0, QUERY].float() if at("ln1_post.hook_scale") in cache else None
written = head_outputs(LAYER, cache[at("attn.hook_v")][0].float(), post)[HEAD][seen]
norm = model.ln_final
gain = getattr(norm.original_component, "weight", None)
gain = 1.0 if gain is None else gain.float() + (1 if norm.uses_weight_offset else 0)
written = written if norm.uses_rms_norm else written - written.mean(-1, keepdim=True)
logits = written / cache["ln_final.hook_scale"][0, QUERY].float() * gain @ model.W_U.float()
logits = logits - logits.mean(-1, keepdim=True)
promoted, suppressed = logits.topk(TOP_K), logits.topk(TOP_K, largest=False)
result = {"src_positions": seen.nonzero()[:, 0].tolist(), "score": score[seen].tolist()}
result |= {"content": content[seen].tolist(), "positional": (score - content)[seen].tolist()}
result["pattern"] = cache[at("attn.hook_pattern")][0, HEAD, QUERY][seen].float().tolist()
result |= {"promoted_ids": promoted.indices.tolist(), "promoted_logits": promoted.values.tolist()}
result |= {"suppressed_ids": suppressed.indices.tolist(), "suppressed_logits": suppressed.values.tolist()}
'''


def replaced_source(changes: Interventions, n_positions: int) -> list[str]:
    """The constant of ATTENTION_WEIGHTS."""
    what = "# layers from, to before, heads (None: all) in whose place a change puts something else at END"
    return [what, f"REPLACED = {list(replaced_at_end(changes, n_positions))}"]


def reading_source(recipe: HeadReading, changes: Interventions, n_positions: int) -> list[str]:
    """The constants of HEAD_READING."""
    query = n_positions - 1 if recipe.query is None else recipe.query
    return [
        f"LAYER, HEAD, QUERY, TOP_K = {recipe.head.layer}, {recipe.head.head}, {query}, {recipe.top_k}",
        f"REPLACED = {replaces_stream(changes, recipe.head.layer)}  # a change replaces the stream that is read",
    ]
