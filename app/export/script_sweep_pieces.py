"""The parts of an exported sweep, as text (see script_pieces.py).

Written above them: SWEPT (the activation's hook within a block), AXES, LAYERS, HEADS, NEURONS, POSITIONS, WINDOW,
DRAWS, BASELINE and, per kind of sweep, `started(prompt, draw)`: the tokens that are run, the hooks of the base run,
what the cells become as a function of the layer, and the logits of the pair's other run (None where there is none).
"""

PLACES = '''
def places(n):
    """Every cell of a prompt of n tokens in the order of the result: layer, head or neuron, position, key."""
    found = []
    for layer in LAYERS:
        inner = [()]
        if "head" in AXES:
            inner = [(head,) for head in HEADS.get(layer, [])]
        elif "neuron" in AXES:
            inner = [(neuron,) for neuron in NEURONS]
        at = range(n) if POSITIONS is None else POSITIONS
        last = [(position,) for position in at] if "position" in AXES else [()]
        if "source_position" in AXES:
            last = [(dest, src) for dest in at for src in range(dest + 1)]
        found += [(layer, *unit, *where) for unit in inner for where in last]
    return found
'''

CHANGES = '''
def index_of(place):
    """Where a cell is in [batch pos head ...], [batch head query key] for pattern, or [batch pos ...]."""
    at = {"head": slice(None), "neuron": slice(None), "position": slice(None), "source_position": slice(None)}
    at |= dict(zip(AXES, place))
    if SWEPT == "attn.hook_pattern":
        return (slice(None), at["head"], at["position"], at["source_position"])
    unit = at["neuron"] if "neuron" in AXES else at["head"]
    return (slice(None), at["position"], unit) if "head" in AXES or "neuron" in AXES else (slice(None), at["position"])


def replacing(layer, where, value):
    """A hook that puts the cell's new value in place, and leaves the rest."""

    def hook_fn(activation, hook):
        activation = activation.clone()
        activation[where] = value(layer, activation)[where]
        return activation

    return [(f"blocks.{layer}.{SWEPT}", hook_fn)]


def changes(place, value):
    """The hooks of one cell: its layer, or all layers of its window."""
    layers = range(place[0], min(place[0] + WINDOW, N_LAYERS))
    return [hook for layer in layers for hook in replacing(layer, index_of(place), value)]
'''

REPLACING_RESID_MID = '''
def replacing(layer, where, value):
    """resid_mid = resid_pre + attn_out; its hook sits after the skip connection has left, so attn_out is changed."""
    seen = []

    def see(resid_pre, hook):
        seen[:] = [resid_pre.clone()]

    def hook_fn(attn_out, hook):
        attn_out, resid_pre = attn_out.clone(), seen.pop()
        attn_out[where] = value(layer, attn_out)[where] - resid_pre[where]
        return attn_out

    return [(f"blocks.{layer}.hook_resid_pre", see), (f"blocks.{layer}.hook_attn_out", hook_fn)]
'''

SWEEP = '''
def swept(prompt, cells):
    """Baselines [metric] and values [cell metric], means over the draws. A cell beyond a shorter prompt is NaN."""
    means = []
    for draw in range(DRAWS):
        ids, hooks, value, other = started(prompt, draw)
        base = run(ids, hooks)[0]
        reference, nan = base.log_softmax(-1), [float("nan")] * 5
        beyond = [place[AXES.index("position")] >= len(ids) if "position" in AXES else False for place in cells]
        values = [
            nan if out else metrics(run(ids, [*hooks, *changes(place, value)])[0], prompt, reference)
            for place, out in zip(cells, beyond)
        ]
        means.append([[metrics(base, prompt), nan if other is None else metrics(other, prompt, reference)], values])
    (base, other), values = [torch.tensor([part[at] for part in means]).mean(0).tolist() for at in (0, 1)]
    return base, other, values


CELLS = places(max(len(prompt["clean"]) for prompt in PROMPTS))
BEGUN, COUNT = time.monotonic(), len(PROMPTS) * len(CELLS) * DRAWS
print(f"{COUNT} forward passes, one cell of one prompt each: this may take long", file=sys.stderr, flush=True)
result = {"cells": CELLS, "clean": [], "corrupted": [], "values": []}
for at, prompt in enumerate(PROMPTS, 1):
    base, other, values = swept(prompt, CELLS)
    print(f"{at} of {len(PROMPTS)} prompts, {time.monotonic() - BEGUN:.0f} s", file=sys.stderr, flush=True)
    result["values"].append(values)
    result[BASELINE].append(base)
    result["clean" if BASELINE == "corrupted" else "corrupted"].append(other)
'''

ABLATED = '''
def started(prompt, draw):
    """The prompt under the interventions; what every cell becomes; the pair's other prompt, run plainly."""
    ids = prompt["clean"]
    other = run(prompt["corrupted"])[0] if prompt["corrupted"] else None
    return ids, [*HELD, *hooks_for(prompt)], REPLACEMENT, other
'''

PATCHED = '''
def started(prompt, draw):
    """The run that is patched, under the interventions; the plain run of the other prompt, which cells come from."""
    ids, source = RUNS
    hooks = [*HELD, *hooks_for({**prompt, "clean": ids, "corrupted": source})]
    other, cache = run(source, keep=names(SWEPT))
    return ids, hooks, lambda layer, activation: cache[f"blocks.{layer}.{SWEPT}"].to(activation), other
'''

TRACED = '''
def started(prompt, draw):
    """The clean prompt twice, once under noise on the embeddings of some tokens (causal tracing)."""
    ids = prompt["clean"]
    added = noise(ids, *NOISE, FIRST_DRAW + draw)

    def noisy(resid_pre, hook):
        resid_pre = resid_pre.clone()
        resid_pre[:, NOISE[0]] += added.to(resid_pre)
        return resid_pre

    corrupting = [("blocks.0.hook_resid_pre", noisy)]
    if not prompt["answer"]:
        prompt["answer"] = [int(run(ids)[0].argmax())]
    here, there = RUNS
    other, cache = run(ids, there, keep=names(SWEPT))
    hooks = [*HELD, *here, *hooks_for(prompt)]
    return ids, hooks, lambda layer, activation: cache[f"blocks.{layer}.{SWEPT}"].to(activation), other
'''

TRANSFORMER_LENS = '''
NAMES = ("logit_diff", "answer_log_prob", "probability", "rank", "kl_divergence")
result = {"cells": places(max(len(prompt["clean"]) for prompt in PROMPTS)), "clean": [], "corrupted": [], "values": []}
for prompt in PROMPTS:
    ids, source = RUNS
    base, (other, cache) = run(ids)[0], run(source, keep=names(SWEPT))
    reference = base.log_softmax(-1)

    def metric(at):
        """One metric as TransformerLens takes it: logits [batch pos d_vocab] -> [batch]."""
        return lambda logits: torch.tensor([metrics(row[-1].float(), prompt, reference)[at] for row in logits])

    wanted = {name: metric(at) for at, name in enumerate(NAMES)}
    found = patching.PATCH(model, torch.tensor([ids], device=DEVICE), cache, wanted, reduce="none")
    values = found.values[..., 0].movedim(0, -1)  # layer, the other axes, metric
    result["values"].append([values[ORDER].tolist() for place in result["cells"] if (at := dict(zip(AXES, place)))])
    result[BASELINE].append(metrics(base, prompt))
    result["clean" if BASELINE == "corrupted" else "corrupted"].append(metrics(other, prompt, reference))
'''
"""With `patching.PATCH` and ORDER, how its axes are indexed, written in. All prompts have one count of tokens."""
