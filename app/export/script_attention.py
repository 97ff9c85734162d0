"""The parts of exported programs that read attention, as text (see script_pieces.py)."""

from app.domain.interventions import Interventions, replaced_at_end

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


def replaced_source(changes: Interventions, n_positions: int) -> list[str]:
    """The constant of ATTENTION_WEIGHTS."""
    what = "# layers from, to before, heads (None: all) in whose place a change puts something else at END"
    return [what, f"REPLACED = {list(replaced_at_end(changes, n_positions))}"]
