"""The parts of an exported path-patching sweep: TransformerLens' own function where every later head of a source is
asked for and nothing else is in force (with frozen scales it would give other numbers), otherwise hooks.
"""

from app.domain.cells import Cells
from app.domain.recipes import PathPatching, patched_run
from app.domain.sites import Head, Site
from app.export import script_sweep_pieces as pieces
from app.export.script_sweep import RUNS, cell_constants, change_parts

TRANSFORMER_LENS = '''
def paths(prompt, ids, source):
    """Baselines [metric], and the metrics of the path into every later head, in the order of the cells."""
    name = f"blocks.{SOURCE[0]}.attn.hook_z"
    (base, here), (other, there) = run(ids, keep=[name]), run(source, keep=[name])
    reference, found = base.log_softmax(-1), []

    def metric(logits):
        """All metrics of one path; TransformerLens wants a single number, which is not used."""
        found.append(metrics(logits[0, -1].float(), prompt, reference))
        return logits[0, -1, 0]

    tokens, component = torch.tensor([ids], device=DEVICE), SWEPT.removeprefix("attn.hook_")
    patching.get_act_patch_direct_path(model, tokens, there, here, metric, *SOURCE, component, verbose=False)
    return metrics(base, prompt), metrics(other, prompt, reference), found


result = {"cells": places(1), "clean": [], "corrupted": [], "values": []}
for prompt in PROMPTS:
    base, other, found = paths(prompt, RUNS)  # the run that is patched, and the source
    result["values"].append(found)
    result[BASELINE].append(base)
    result["clean" if BASELINE == "corrupted" else "corrupted"].append(other)
'''

STARTED = '''
def started(prompt, draw):
    """The run that is patched, under the interventions; what later heads make of streams in which the source head
    writes what it writes on the other prompt; that prompt's plain run."""
    ids, source = RUNS
    hooks = hooks_for({**prompt, "clean": ids, "corrupted": source})
    z = f"blocks.{SOURCE[0]}.attn.hook_z"
    streams = [f"blocks.{layer}.hook_resid_pre" for layer in range(SOURCE[0] + 1, N_LAYERS)]
    (_, here), (other, there) = run(ids, hooks, keep=[z, *streams]), run(source, keep=[z])
    delta = (there[z] - here[z])[:, :, SOURCE[1]] @ model.blocks[SOURCE[0]].attn.W_O[SOURCE[1]]
    shifted = [(name, lambda stream, hook: here[hook.name] + delta) for name in streams]
    cache = run(ids, [*hooks, *shifted], keep=names(SWEPT))[1]
    return ids, hooks, lambda layer, activation: cache[f"blocks.{layer}.{SWEPT}"].to(activation), other
'''


INTO_RECEIVER = '''
def started(prompt, draw):
    """The run that is patched, under the interventions; what the receiver reads of the stream in which one head writes
    what it writes on the other prompt; that prompt's plain run."""
    ids, source = RUNS
    hooks = hooks_for({**prompt, "clean": ids, "corrupted": source})
    stream, writes = f"blocks.{RECEIVER[0]}.hook_resid_pre", [f"blocks.{layer}.{SWEPT}" for layer in LAYERS]
    (_, here), (other, there) = run(ids, hooks, keep=[stream, *writes]), run(source, keep=writes)

    def value(layer, head):
        z = f"blocks.{layer}.{SWEPT}"
        delta = (there[z] - here[z])[:, :, head] @ model.blocks[layer].attn.W_O[head]
        return run(ids, [*hooks, (stream, lambda resid_pre, hook: here[stream] + delta)], keep=[READ])[1][READ]

    return ids, hooks, value, other


def changes(place, value):
    """The hook of one path: the receiver alone reads what this head would write."""
    changed = value(*place)

    def hook_fn(activation, hook):
        activation = activation.clone()
        activation[:, :, RECEIVER[1]] = changed[:, :, RECEIVER[1]].to(activation)
        return activation

    return [(READ, hook_fn)]
'''
"""READ is the receiver's input, of which RECEIVER (layer, head) is one; of k and v that heads share, a key-value
head."""
_SHARED = "(model.cfg.n_heads // (model.cfg.n_key_value_heads or model.cfg.n_heads))"


def path_patching_parts(recipe: PathPatching) -> tuple[str, ...]:
    """The constants, the cells, and what they are, the last part being the result."""
    if recipe.source is None:
        return _receiver_parts(recipe, recipe.receiver or Head(0, 0))
    return _source_parts(recipe, recipe.source)


def _receiver_parts(recipe: PathPatching, receiver: Head) -> tuple[str, ...]:
    constants = cell_constants(recipe.tried(receiver.layer))
    shared = "" if recipe.component == "q" else f" // {_SHARED}"
    constants += f"RECEIVER = ({receiver.layer}, {receiver.head}{shared})\n"
    read = Site(recipe.component, receiver.layer).hook_name
    constants += f"READ, BASELINE, DRAWS = {read!r}, {patched_run(recipe)!r}, 1\n"
    return constants, pieces.PLACES, INTO_RECEIVER.replace("RUNS", RUNS[recipe.direction]), pieces.SWEEP


def _source_parts(recipe: PathPatching, source: Head) -> tuple[str, ...]:
    cells = Cells(recipe.component, layers=recipe.layers, heads=recipe.heads)
    later = f"LAYERS, POSITIONS = list(range({source.layer + 1}, N_LAYERS))"
    constants = cell_constants(cells).replace("LAYERS, POSITIONS = list(range(N_LAYERS))", later)
    constants += f"SOURCE, BASELINE = ({source.layer}, {source.head}), {patched_run(recipe)!r}\n"
    runs = RUNS[recipe.direction]
    if not recipe.interventions and recipe.layers is None and recipe.heads is None:
        return constants, pieces.PLACES, TRANSFORMER_LENS.replace("RUNS", runs)
    constants += "WINDOW, DRAWS = 1, 1\n"
    return constants, pieces.PLACES, *change_parts(cells), STARTED.replace("RUNS", runs), pieces.SWEEP
