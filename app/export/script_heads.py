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
