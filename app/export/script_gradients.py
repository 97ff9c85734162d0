"""Attribution patching as an exported program: estimates from gradients, then exact values of the chosen cells."""

from app.domain.recipes import AttributionPatching, patched_run
from app.export import script_sweep_pieces as sweeps
from app.export.script_sweep import RUNS, cell_constants, change_parts

GRADIENTS = '''
def gradients(prompt, ids, hooks, wanted, dropped=()):
    """d logit_diff / d activation for every hook name; what passes through `dropped` counts as constant."""
    before, after = {}, {}
    place = {name: name.replace("hook_resid_mid", "hook_attn_out") for name in wanted}  # equal gradients

    def begin(resid_pre, hook):
        return resid_pre.detach().requires_grad_()

    def keep(name):
        def hook_fn(activation, hook):
            before[name] = activation
            after[name] = activation.detach().requires_grad_() if name in dropped else activation.view_as(activation)
            return after[name]

        return name, hook_fn

    keeping = [keep(name) for name in dict.fromkeys([*place.values(), *dropped])]
    with torch.enable_grad():
        tokens = torch.tensor([ids], device=DEVICE)
        logits = model.run_with_hooks(tokens, fwd_hooks=[*hooks, ("blocks.0.hook_resid_pre", begin), *keeping])[0, -1]
        logit_diff = logits[prompt["answer"]].mean() - logits[prompt["incorrect_answer"]].mean()
        ends = [(after if name.endswith("hook_resid_mid") else before)[place[name]] for name in wanted]
        reached = [end for end in ends if end.requires_grad]
        found = iter(torch.autograd.grad(logit_diff, reached, allow_unused=True))
    found = [next(found) if end.requires_grad else None for end in ends]
    return [torch.zeros_like(end)[0] if grad is None else grad[0] for end, grad in zip(ends, found)]


def by_position(estimate):
    """Positions last: kept where cells have one, summed otherwise."""
    return estimate if "position" in AXES else estimate.sum(-1)


def of_changes(base, source):
    """Gradient -> estimates, layer by layer: (source - base) . gradient, summed to the axes of a cell."""

    def effect(layer, gradient):
        product = (source[names(SWEPT)[layer]][0] - base[names(SWEPT)[layer]][0]) * gradient
        if SWEPT == "attn.hook_pattern":  # head query key
            return product if "source_position" in AXES else by_position(product.sum(-1))
        if "head" in AXES:  # position head d_head
            return by_position(product.sum(-1).T)
        return by_position(product.T if "neuron" in AXES else product.sum(-1))

    return names(SWEPT), effect
'''

ROWS = '''
def of_rows(ids, hooks, base, source):
    """Queries and keys by the change of their recomputed attention rows, which meets the gradient of the pattern."""
    kinds = names("attn.hook_q", "attn.hook_k")

    def rows(values):
        """Patterns of every layer with these q and k, whatever the stream is."""
        setting = [(name, lambda activation, hook, name=name: values[name].clone()) for name in kinds]
        _, cache = run(ids, [*hooks, *setting], keep=names("attn.hook_pattern"))
        return [cache[name][0] for name in names("attn.hook_pattern")]  # layer: head query key

    def patched(position=slice(None)):
        values = {name: base[name].clone() for name in kinds}
        for name in names(SWEPT):
            values[name][:, position] = source[name][:, position]
        return rows(values)

    before = rows(base)
    each = SWEPT == "attn.hook_k" and "position" in AXES
    after = [patched([at]) for at in range(len(ids))] if each else [patched()]
    heads = base[names(SWEPT)[0]].shape[2]

    def effect(layer, gradient):
        products = [(new[layer] - before[layer]) * gradient for new in after]
        estimate = torch.stack([product.sum((-1, -2)) for product in products], -1) if each else None
        estimate = by_position(products[0].sum(-1)) if estimate is None else estimate
        return estimate.unflatten(0, (heads, -1)).sum(1)  # key-value heads gather their query heads

    return names("attn.hook_pattern"), effect
'''

INTEGRATED = '''
def integrated(prompt, ids, hooks, source_ids, wanted, dropped=()):
    """Mean gradients at IG_STEPS inputs on the way from the run that is patched to the other (EAP-IG, left sum)."""
    first = "blocks.0.hook_resid_pre"
    source = run(source_ids, keep=[first])[1][first]

    def at(share):
        move = (first, lambda resid_pre, hook: resid_pre + share * (source - resid_pre))
        return gradients(prompt, ids, [*hooks, move], wanted, dropped)

    return [sum(each) / IG_STEPS for each in zip(*[at(step / IG_STEPS) for step in range(IG_STEPS)])]
'''

GRAD_DROP = '''
def without_cancelling(plain, estimate):
    """AtP*'s GradDrop: the mean magnitude over passes that leave one layer's contributions out, signed as the plain
    estimate. A cell inside a layer has no estimate in that layer's own pass."""
    count = N_LAYERS - (0 if SWEPT.startswith("hook_resid") else 1)
    if not count:
        return plain
    written = [[f"blocks.{layer}.{name}" for name in ("hook_attn_out", "hook_mlp_out")] for layer in range(N_LAYERS)]
    passes = [estimate([name for name in both if name in model.hook_dict]).abs() for both in written]
    return (torch.stack(passes).sum(0) / count).copysign(plain)
'''

ESTIMATE = '''
def estimated(prompt, ids, hooks, source_ids, cells):
    """First-order estimates of patching every cell alone, and NaN for cells that the prompt does not have."""
    keep = [*dict.fromkeys([*names(SWEPT), *names("attn.hook_q", "attn.hook_k")])]
    base, source = run(ids, hooks, keep)[1], run(source_ids, keep=keep)[1]
    wanted, effect = CHANGES

    def estimate(dropped=()):
        found = GRADIENTS
        effects = [effect(layer, gradient) for layer, gradient in enumerate(found)]
        return torch.stack([cell_sum(effects, place) for place in cells])

    def cell_sum(effects, place):
        if "position" in AXES and place[AXES.index("position")] >= len(ids):
            return torch.tensor(float("nan"), device=DEVICE)
        layers = range(place[0], min(place[0] + WINDOW, N_LAYERS))
        return torch.stack([effects[layer][tuple(place[1:])] for layer in layers]).sum()

    return ESTIMATED


def started(prompt):
    """The run that is patched, its hooks, and the other prompt of the pair."""
    ids, source = RUNS
    return ids, hooks_for({**prompt, "clean": ids, "corrupted": source}), source


CELLS = places(max(len(prompt["clean"]) for prompt in PROMPTS))
result = {"cells": CELLS, "clean": [], "corrupted": [], "estimate": [], "exact": []}
for prompt in PROMPTS:
    ids, hooks, source = started(prompt)
    result["estimate"].append(estimated(prompt, ids, hooks, source, CELLS).tolist())

mean = np.nanmean(np.array(result["estimate"], dtype=np.float32), axis=0)
order, group = np.argsort(-mean, kind="stable"), np.zeros(len(CELLS), dtype=int)
group[order[max(0, len(order) - BOTTOM) :]] = 2
group[order[:TOP]] = 1
rest = np.flatnonzero(group == 0)
group[np.random.default_rng(SEED).choice(rest, min(SAMPLE, len(rest)), replace=False)] = 3
result["group"] = group.tolist()

for prompt in PROMPTS:  # exact effects of the chosen cells
    ids, hooks, source = started(prompt)
    base, (other, cache) = run(ids, hooks)[0], run(source, keep=names(SWEPT))
    start = metrics(base, prompt)
    result[BASELINE].append(start)
    result["clean" if BASELINE == "corrupted" else "corrupted"].append(metrics(other, prompt, base.log_softmax(-1)))
    exact = []
    for place, chosen in zip(CELLS, group):
        if not chosen or ("position" in AXES and place[AXES.index("position")] >= len(ids)):
            exact.append(float("nan"))
            continue
        patch = changes(place, lambda layer, activation: cache[f"blocks.{layer}.{SWEPT}"].to(activation))
        exact.append(metrics(run(ids, [*hooks, *patch])[0], prompt)[0] - start[0])
    result["exact"].append(exact)
'''


GRADIENT = "gradients(prompt, ids, hooks, wanted, dropped)"
INTEGRATION = "integrated(prompt, ids, hooks, source_ids, wanted, dropped)"


def attribution_patching_parts(recipe: AttributionPatching) -> tuple[str, ...]:
    """The parts after the hooks of the interventions, the last being the result."""
    rows = recipe.softmax_correction and recipe.cells.activation in ("q", "k")
    estimate = ESTIMATE.replace("CHANGES", "of_rows(ids, hooks, base, source)" if rows else "of_changes(base, source)")
    dropping = "without_cancelling(estimate(), estimate)"
    estimate = estimate.replace("ESTIMATED", dropping if recipe.grad_drop else "estimate()")
    estimate = estimate.replace("RUNS", RUNS[recipe.direction])
    estimate = estimate.replace("GRADIENTS", INTEGRATION if recipe.ig_steps > 1 else GRADIENT)
    chosen = ((ROWS, rows), (INTEGRATED, recipe.ig_steps > 1), (GRAD_DROP, recipe.grad_drop))
    corrections = [text for text, asked in chosen if asked]
    constants = cell_constants(recipe.cells) + f"WINDOW, BASELINE = {recipe.cells.window}, {patched_run(recipe)!r}\n"
    constants += f"TOP, BOTTOM, SAMPLE, SEED = {recipe.top}, {recipe.bottom}, {recipe.sample}, {recipe.seed}\n"
    constants += f"IG_STEPS = {recipe.ig_steps}\n" if recipe.ig_steps > 1 else ""
    return constants, sweeps.PLACES, *change_parts(recipe.cells), GRADIENTS, *corrections, estimate
