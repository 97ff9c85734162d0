"""The parts of exported programs for numbers per head, as text (see script_pieces.py)."""

HEAD_STATISTICS = '''
STATISTICS = ["entropy", "normalised_entropy", "attention_to_first", "attention_to_self", "mean_distance",
              "output_norm"]


def statistics(prompt):
    """[layer statistic head], means over the positions from 1 on."""
    keep = names("attn.hook_pattern", "attn.hook_z", "ln1_post.hook_scale")
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    cached, found = {name: cache[name][0].float() for name in keep}, []
    for layer in range(N_LAYERS):
        A = cached[f"blocks.{layer}.attn.hook_pattern"]  # head query key
        query = torch.arange(A.shape[-1], device=DEVICE)
        entropy = -torch.xlogy(A, A).sum(-1)  # 0 ln 0 = 0
        distance = query[:, None] - query
        written, _ = attention_parts(layer, cached[f"blocks.{layer}.attn.hook_z"], cached)
        each = [entropy, entropy / (query + 1).log(), A[..., 0], A.diagonal(dim1=-2, dim2=-1), (A * distance).sum(-1),
                written.norm(dim=-1).T]
        found.append(torch.stack([values[:, 1:].mean(-1) for values in each]))
    return torch.stack(found)


found = torch.stack([statistics(prompt) for prompt in PROMPTS])
result = {name: found[:, :, at].tolist() for at, name in enumerate(STATISTICS)}
'''

BEHAVIOUR_SCORES = '''
def patterns(ids):
    """[layer head query key]"""
    keep = names("attn.hook_pattern")
    _, cache = run(ids, keep=keep)
    return torch.stack([cache[name][0].float() for name in keep])


def diagonal(A, offset, first):
    """Mean of A[q, q - offset] over q >= first."""
    return A.diagonal(-offset, dim1=-2, dim2=-1)[..., first - offset :].mean(-1)


def after_earlier(A, before, n):
    """Attention to all tokens directly after earlier occurrences, mean over the queries that have one."""
    total = 0
    for query in range(before + n, A.shape[-1]):
        total = total + A[..., query, before + (query - before) % n + 1 : query - n + 2 : n].sum(-1)
    return total / (A.shape[-1] - before - n)


found = {"previous_token": [], "duplicate_token": [], "induction": [], "attention_to_first": [], "prefix_matching": []}
before, rows = REPEATED
for row in rows:
    A, n, first = patterns([*before, *row, *row]), len(row), len(before) + len(row)
    found["previous_token"].append(diagonal(A, 1, len(before) + 1))
    found["duplicate_token"].append(diagonal(A, n, first))
    found["induction"].append(diagonal(A, n - 1, first - WHOLE_DIAGONAL))
    found["attention_to_first"].append(A[..., 1:, 0].mean(-1))
before, rows = PREFIX
for row in rows:
    found["prefix_matching"].append(after_earlier(patterns([*before, *row * 4]), len(before), len(row)))
result = {name: torch.stack(each).mean(0).tolist() for name, each in found.items()}
'''

READ_THROUGH = '''
def gain(norm):
    weight = getattr(norm.original_component, "weight", None)  # folded norms have 1, or none
    return 1.0 if weight is None else weight.float() + (1 if norm.uses_weight_offset else 0)  # Gemma stores weight - 1


def read_through(norm, weights):
    """Weights as they read the stream itself: the norm folded in, centred where it centres."""
    weights = weights * (gain(norm) * torch.ones(model.cfg.d_model, device=DEVICE))[:, None]
    return weights if norm.uses_rms_norm else weights - weights.mean(-2, keepdim=True)
'''

COPYING_SCORES = """
def score(matrices):
    eigenvalues = torch.linalg.eigvals(matrices.double().cpu())
    return (eigenvalues.sum(-1).real / eigenvalues.abs().sum(-1)).tolist()


W_U = read_through(model.ln_final, model.W_U.float())
W_UE = (W_U - W_U.mean(-1, keepdim=True)) @ model.W_E.float()
result = {"copying": [], "copying_full": []}
for block in model.blocks:
    W_V, W_O = block.attn.W_V.float(), block.attn.W_O.float()
    W_V = read_through(block.ln1, W_V.repeat_interleave(len(W_O) // len(W_V), 0))  # query heads share values
    W_O = W_O * gain(block.ln1_post) if hasattr(block, "ln1_post") else W_O
    result["copying"].append(score(W_O @ W_V))  # the nonzero eigenvalues of A B are those of B A
    result["copying_full"].append(score(W_O @ W_UE @ W_V))
"""

ALONG_TOKENS = """
W_U = model.W_U.float()
unit = W_U[:, TOKENS].mean(-1) - (W_U[:, MINUS] if MINUS else W_U).mean(-1)
unit = read_through(model.ln_final, unit[:, None])[:, 0]
unit = unit / unit.norm()
"""

HEAD_PROJECTION = """
result = {"projection": []}
for prompt in PROMPTS:
    keep = names("attn.hook_z", "ln1_post.hook_scale")
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    here = {name: cache[name][0, POSITION].float() for name in keep}
    written = [attention_parts(layer, here[f"blocks.{layer}.attn.hook_z"], here)[0] for layer in range(N_LAYERS)]
    result["projection"].append((torch.stack(written) @ unit).tolist())
"""

HEAD_TOKENS = """
W_U = read_through(model.ln_final, model.W_U.float())
result = {f"{side}_{what}": [] for side in ("promoted", "suppressed") for what in ("ids", "logits")}
for prompt in PROMPTS:
    keep = [*names("attn.hook_z", "ln1_post.hook_scale"), "ln_final.hook_scale"]
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    here = {name: cache[name][0, POSITION].float() for name in keep}
    found = {side: [] for side in ("promoted", "suppressed")}
    for layer in range(N_LAYERS):  # one at a time: the vocabulary is wide
        written, _ = attention_parts(layer, here[f"blocks.{layer}.attn.hook_z"], here)
        logits = written / here["ln_final.hook_scale"] @ W_U
        logits = logits - logits.mean(-1, keepdim=True)
        for side in found:
            found[side].append(logits.topk(TOP_K, largest=side == "promoted"))
    for side, layers in found.items():
        result[f"{side}_ids"].append(torch.stack([each.indices for each in layers]).tolist())
        result[f"{side}_logits"].append(torch.stack([each.values for each in layers]).tolist())
"""
