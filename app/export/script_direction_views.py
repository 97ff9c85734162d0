"""The parts of exported programs for one direction, as text (see script_pieces.py). All of them read `unit`, the
direction at length 1."""

from app.domain.direction_recipes import (
    DirectionDistribution,
    DirectionProjection,
    DirectionReaders,
    DirectionWriters,
    OfDirection,
)
from app.export.script_parts import replaced_mlps
from app.export.script_pieces import ATTENTION_PARTS, DECOMPOSE

UNIT = """
unit = made(DIRECTION)
unit = unit / unit.norm()
"""

PROJECTION = """
result = {"projection": []}
longest = max(len(prompt["clean"]) for prompt in PROMPTS)
for prompt in PROMPTS:
    keep = names(f"hook_{ACTIVATION}")
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    rows = []
    for name in keep:
        activation = cache[name][0].float()
        along = activation @ unit
        along = along / activation.norm(dim=-1) if NORMALISED else along
        rows.append([*along.tolist(), *[float("nan")] * (longest - len(along))])  # shorter prompts are padded
    result["projection"].append(rows)  # layer position
"""

DISTRIBUTION = """
result = {"projection": []}
for side, other in (("clean", "corrupted"), ("corrupted", "clean")):
    rows = []
    for prompt in PROMPTS:
        if prompt[side] is None or len(prompt[side]) <= POSITION:  # POSITION -1 is END
            rows.append([float("nan")] * N_LAYERS)
            continue
        keep = names(f"hook_{ACTIVATION}")
        turned = {**prompt, "clean": prompt[side], "corrupted": prompt[other]}  # what is patched is from the other one
        _, cache = run(prompt[side], hooks_for(turned), keep)
        here = torch.stack([cache[name][0, POSITION].float() for name in keep])
        along = here @ unit
        rows.append((along / here.norm(dim=-1) if NORMALISED else along).tolist())
    result["projection"].append(rows)
"""

WRITERS = '''
def neurons(layer, end):
    """Index and contribution of the neurons of an MLP that write most."""
    block = model.blocks[layer]
    W_out = block.mlp.W_out.float()
    if f"blocks.{layer}.ln2_post.hook_scale" in end:  # a norm stands between the MLP and the stream (Gemma)
        norm = block.ln2_post
        W_out = W_out / end[f"blocks.{layer}.ln2_post.hook_scale"] * (
            norm.original_component.weight.float() + (1 if norm.uses_weight_offset else 0)
        )
    written = end[f"blocks.{layer}.mlp.hook_post"] * (W_out @ unit)
    top = written.abs().topk(min(NEURONS, len(written))).indices
    return top.tolist(), written[top].tolist()


def padded(rows, fill):
    """With rows of `fill` for the layers after the place."""
    row = [fill] * len(rows[0]) if isinstance(rows[0], list) else fill
    return [*rows, *[row] * (N_LAYERS - len(rows))]


nan = float("nan")
result = {name: [] for name in ("components", "unwritten", "heads", "attn_bias", "neuron_index", "neurons",
                                "projection")}
for prompt in PROMPTS:
    labels, components, heads, attn_bias, end = decompose(prompt["clean"], hooks_for(prompt), POSITION)
    unwritten = overwrite(prompt, labels, (components, heads, attn_bias), end, POSITION)
    until = labels.index(f"L{LAYER + 1}.attn") if LAYER + 1 < N_LAYERS else len(labels)
    result["component_labels"] = labels[:until]
    result["unwritten"].append(float(unwritten @ unit))
    result["components"].append((components[:until] @ unit).tolist())
    result["heads"].append(padded((heads[: LAYER + 1] @ unit).tolist(), nan))
    result["attn_bias"].append(padded((attn_bias[: LAYER + 1] @ unit).tolist(), nan))
    keep = [name for name in names("mlp.hook_post", "ln2_post.hook_scale") if name in model.hook_dict]
    _, cache = run(prompt["clean"], hooks_for(prompt), keep)
    here = {name: cache[name][0, POSITION].float() for name in cache.keys()}
    top = [neurons(layer, here) if f"blocks.{layer}.mlp.hook_post" in here else ([], []) for layer in range(LAYER + 1)]
    for layer in REPLACED_MLPS[len(result["projection"])]:
        if layer <= LAYER:
            top[layer] = [-1] * len(top[layer][0]), [nan] * len(top[layer][1])
    result["neuron_index"].append(padded([index for index, _ in top], -1))
    result["neurons"].append(padded([values for _, values in top], nan))
    result["projection"].append(float(end[f"blocks.{LAYER}.hook_resid_post"] @ unit))
'''

UNTOUCHED = (
    "    unwritten = overwrite(prompt, labels, (components, heads, attn_bias), end, POSITION)\n",
    "    unwritten = torch.zeros_like(unit)\n",
)
"""What stands in WRITERS for a stream that interventions overwrite, and for another (app/export/script.py)."""

READERS = '''
def readers(layer):
    """(what is read, head, weights as they read the stream) of every reader."""
    block = model.blocks[layer]
    through = lambda norm, weights: read_through(getattr(block, norm), weights) if hasattr(block, norm) else weights
    for name in ("q", "k", "v"):
        weights = through("ln1", getattr(block.attn, f"W_{name.upper()}").float())
        yield from ((name, head, weights[head]) for head in range(len(weights)))
    for name, matrix in (("mlp", "W_in"), ("gate", "W_gate")):
        weights = getattr(block.mlp, matrix, None) if hasattr(block, "mlp") else None
        if weights is not None:
            yield name, -1, through("ln2" if hasattr(block, "ln2") else "ln1", weights.float())


drawn = torch.randn(DRAWS, model.cfg.d_model, generator=torch.Generator().manual_seed(SEED))
tried = torch.cat([unit[None], (drawn / drawn.norm(dim=-1, keepdim=True)).to(DEVICE)])
arrays = ("layers", "heads", "norm", "random_mean", "random_sd", "random_low", "random_high")
result = {name: [] for name in ("inputs", *arrays)}
for layer in range(N_LAYERS):
    for name, head, W in readers(layer):
        norms = (tried @ W).norm(dim=-1) / (W.norm() / model.cfg.d_model**0.5)
        norm, random = norms[0], norms[1:]
        low, high = np.percentile(random.cpu().numpy(), (2.5, 97.5))
        found = (layer, head, norm, random.mean(), random.std(), low, high)
        result["inputs"].append(name)
        for key, value in zip(arrays, found):
            result[key].append(float(value))
'''


def view_parts(recipe: OfDirection) -> tuple[str, ...]:
    """What follows the functions that make the direction."""
    return {
        DirectionProjection: (UNIT, PROJECTION),
        DirectionDistribution: (UNIT, DISTRIBUTION),
        DirectionWriters: (UNIT, ATTENTION_PARTS, DECOMPOSE, WRITERS),
        DirectionReaders: (UNIT, READERS),
    }[type(recipe)]


def view_constants(recipe: OfDirection, lengths: tuple[int, ...]) -> list[str]:
    """What the parts are told; `lengths` of the prompts in tokens."""
    lines: list[str] = []
    if isinstance(recipe, DirectionProjection | DirectionDistribution):
        lines.append(f"ACTIVATION, NORMALISED = {recipe.activation!r}, {recipe.normalised}")
    if isinstance(recipe, DirectionDistribution | DirectionWriters):
        lines.append(f"POSITION = {-1 if recipe.position is None else recipe.position}")
    if isinstance(recipe, DirectionWriters):
        lines.append(f"LAYER, NEURONS = {'N_LAYERS - 1' if recipe.layer is None else recipe.layer}, {recipe.neurons}")
        lines.append(replaced_mlps(recipe.interventions, lengths, recipe.position))
    if isinstance(recipe, DirectionReaders):
        lines.append(f"DRAWS, SEED = {recipe.draws}, {recipe.seed}")
    return lines
