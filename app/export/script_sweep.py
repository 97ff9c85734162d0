"""Which parts make up the program of an exact sweep, and the constants that tell its cells.

Whole sweeps of activation patching use TransformerLens' own functions (transformer_lens.patching) where it has one and
nothing else is in force; all others use hooks.
"""

from app.domain.cells import Cells
from app.domain.interventions import Frozen
from app.domain.recipes import Ablation, ActivationPatching, patched_run
from app.domain.sites import Site
from app.export import script_sweep_pieces as pieces
from app.export.script_interventions import Labels, freezing, frozen_parts, listed

_FUNCTIONS: dict[tuple[str, str], tuple[str, str]] = {
    **{(name, "position"): (f"get_act_patch_{name}", 'at["layer"], at["position"]')
       for name in ("resid_pre", "attn_out", "mlp_out")},
    **{(name, "all"): (f"get_act_patch_attn_head_{tl}_all_pos", 'at["layer"], at["head"]')
       for name, tl in (("z", "out"), ("q", "q"), ("k", "k"), ("v", "v"), ("pattern", "pattern"))},
    **{(name, "position"): (f"get_act_patch_attn_head_{tl}_by_pos", 'at["layer"], at["position"], at["head"]')
       for name, tl in (("z", "out"), ("q", "q"), ("k", "k"), ("v", "v"))},
    ("pattern", "position"): ("get_act_patch_attn_head_pattern_by_pos", 'at["layer"], at["head"], at["position"]'),
    ("pattern", "edge"): ("get_act_patch_attn_head_pattern_dest_src_pos",
                          'at["layer"], at["head"], at["position"], at["source_position"]'),
}  # fmt: skip
"""(activation, by) -> TransformerLens' function, and where a cell is in what it returns. Not resid_mid: its hook leaves
the skip connection as it was."""
RUNS = {"denoising": 'prompt["corrupted"], prompt["clean"]', "noising": 'prompt["clean"], prompt["corrupted"]'}


def sweep_parts(recipe: Ablation | ActivationPatching, labels: Labels, same_length: bool) -> tuple[str, ...]:
    """The parts of one sweep after the hooks of the interventions, the last being the result."""
    constants = cell_constants(recipe.cells)
    if isinstance(recipe, ActivationPatching) and same_length and _is_transformer_lens(recipe):
        name, order = _FUNCTIONS[(recipe.cells.activation, recipe.cells.by)]
        text = pieces.TRANSFORMER_LENS.replace("PATCH(", f"{name}(").replace("ORDER", order)
        text = text.replace("RUNS", f"{RUNS[recipe.direction]}  # the run that is patched, and the source")
        return f"{constants}BASELINE = {patched_run(recipe)!r}\n", pieces.PLACES, text
    started = _ablated(recipe, labels) if isinstance(recipe, Ablation) else _patched(recipe)
    baseline = recipe.base if isinstance(recipe, Ablation) else patched_run(recipe)
    draws = recipe.draws if isinstance(recipe, ActivationPatching) or recipe.method == "resample" else 1
    draws = 1 if isinstance(recipe, ActivationPatching) and recipe.noise is None else draws
    constants += f"WINDOW, DRAWS, BASELINE = {recipe.cells.window}, {draws}, {baseline!r}\n"
    return constants, pieces.PLACES, *change_parts(recipe.cells), started, pieces.SWEEP


def _is_transformer_lens(recipe: ActivationPatching) -> bool:
    """Whether one of its functions is this sweep."""
    cells = recipe.cells
    restricted = (cells.layers, cells.heads, cells.positions, cells.neurons) != (None,) * 4 or cells.window > 1
    changed = bool(recipe.interventions or recipe.freeze or recipe.noise)
    return not restricted and not changed and (cells.activation, cells.by) in _FUNCTIONS


def change_parts(cells: Cells) -> tuple[str, ...]:
    """How one cell is changed."""
    return (pieces.CHANGES, pieces.REPLACING_RESID_MID) if cells.activation == "resid_mid" else (pieces.CHANGES,)


def cell_constants(cells: Cells) -> str:
    """What `places` needs to know, as lines of the program."""
    within = Site(cells.activation, 0).hook_name.split(".", 2)[2]
    layers = "list(range(N_LAYERS))" if cells.layers is None else sorted(set(cells.layers))
    lines = [
        "",
        f"SWEPT, AXES = {within!r}, {cells.axes!r}",
        f"LAYERS, POSITIONS = {layers}, {_sorted(cells.positions)}",
    ]
    if "head" in cells.axes:
        lines.append(f"HEADS = {_heads(cells)}")
    if "neuron" in cells.axes:
        lines.append(f"NEURONS = {'range(model.cfg.d_mlp)' if cells.neurons is None else _sorted(cells.neurons)}")
    return "\n".join([*lines, ""])


def _sorted(chosen: tuple[int, ...] | None) -> list[int] | None:
    return None if chosen is None else sorted(set(chosen))


def _heads(cells: Cells) -> str:
    """Layer -> heads."""
    if cells.heads is None:
        count = (
            "(model.cfg.n_key_value_heads or model.cfg.n_heads)"
            if cells.activation in ("k", "v")
            else "model.cfg.n_heads"
        )
        return f"{{layer: range({count}) for layer in range(N_LAYERS)}}"
    chosen: dict[int, list[int]] = {}
    for head in sorted(set(cells.heads)):
        chosen.setdefault(head.layer, []).append(head.head)
    return repr(chosen)


def with_held(text: str, freeze: tuple[Frozen, ...], ids: str = "ids") -> str:
    """The frozen parts written in place of HELD, or nothing."""
    parts = sorted(set(freeze))
    return text.replace("*HELD, ", f"*frozen({ids}, {parts}), " if parts else "")


def _ablated(recipe: Ablation, labels: Labels) -> str:
    """What a cell becomes; a resampled run of its own for every draw."""
    text = with_held(pieces.ABLATED, recipe.freeze)
    if recipe.method == "zero":
        return text.replace("REPLACEMENT", "lambda layer, activation: torch.zeros_like(activation)")
    label = labels[recipe.reference]
    if recipe.method == "mean":
        mean = f"    means = mean_of(SWEPT, {label!r}{'' if recipe.pooled else ', len(ids)'})\n    return ids"
        text = text.replace("    return ids", mean)
        return text.replace(
            "REPLACEMENT", "lambda layer, activation: means[layer].to(activation).expand_as(activation)"
        )
    drawn = f"    cache = run(resampled({label!r}, {recipe.seed}, draw, ids), keep=names(SWEPT))[1]\n    return ids"
    text = text.replace("    return ids", drawn)
    return text.replace("REPLACEMENT", 'lambda layer, activation: cache[f"blocks.{layer}.{SWEPT}"].to(activation)')


def _patched(recipe: ActivationPatching) -> str:
    """Values from the pair's other prompt, or from the same one without or with noise."""
    if recipe.noise is None:
        return with_held(pieces.PATCHED, recipe.freeze).replace("RUNS", RUNS[recipe.direction])
    noise = recipe.noise
    freeze = (*recipe.freeze, *noise.freeze)
    ends = "corrupting, []" if recipe.direction == "denoising" else f"[], {_noisy_source(recipe, freeze)}"
    text = with_held(pieces.TRACED, freeze).replace("RUNS", ends).replace("FIRST_DRAW", str(noise.draw))
    given = f"{listed(noise.positions)}, {noise.scale!r}, {noise.seed}"
    return text.replace("*NOISE", given).replace("NOISE[0]", str(listed(noise.positions)))


def _noisy_source(recipe: ActivationPatching, freeze: tuple[Frozen, ...]) -> str:
    """The hooks of a run under noise that cells are taken from: the same is frozen in it as in the run that is patched,
    by the interventions too."""
    frozen: list[tuple[str, list[int] | None]] = [(part, None) for part in freeze]
    frozen += freezing(recipe.interventions)
    return f"[*frozen(ids, {frozen_parts(frozen)}), *corrupting]" if frozen else "corrupting"
