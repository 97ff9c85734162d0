"""The last part of a program: the figure of its numbers, with Plotly alone. One plain drawing per kind of recipe, of
what the page shows first; over several prompts the mean.

Templates only; `result` is what the program prints.
"""

from app.domain.recipes import AnyRecipe, AttributionPatching, Generation, PathPatching, patched_run

IMPORT = "\n\nimport plotly.graph_objects as go\n\n"
_SIGNED, _FROM_ZERO = '"colorscale": "RdBu", "zmid": 0', '"colorscale": "Teal", "zmin": 0'


def _tokens(ids: str) -> str:
    """Texts; a model may come without a tokenizer."""
    return f'[model.tokenizer.decode([id]) if model.tokenizer else f"token {{id}}" for id in {ids}]'


def _map(values: str, across: str, down: str, unit: str, signed: bool = True) -> str:
    colours = _SIGNED if signed else _FROM_ZERO
    return (
        f"values = {values}\n"
        f'look = {{{colours}, "colorbar": {{"title": {{"text": "{unit}"}}}}}}\n'
        "figure = go.Figure(go.Heatmap(z=values.tolist(), **look))\n"
        f'figure.update_layout(xaxis_title="{across}", yaxis={{"title": "{down}", "autorange": "reversed"}})\n'
    )


def _heads(key: str, unit: str, signed: bool = True, mean: bool = True) -> str:
    values = f'torch.tensor(result["{key}"], dtype=torch.float32)'
    return _map(values + (".nanmean(0)" if mean else ""), "head", "layer", unit, signed)


def _bars(labels: str, values: str, unit: str, most: int = 25) -> str:
    """Largest magnitude first."""
    return (
        f"labels, values = {labels}, torch.tensor({values}, dtype=torch.float32)\n"
        f"order = values.nan_to_num().abs().argsort(descending=True)[:{most}].tolist()\n"
        'drawn = {"x": values[order].tolist(), "y": [f"{at}: {labels[at]}" for at in order]}\n'
        'figure = go.Figure(go.Bar(**drawn, orientation="h"))\n'
        f'figure.update_layout(xaxis_title="{unit}", yaxis={{"autorange": "reversed"}})\n'
    )


def _lines(series: dict[str, str], x: str, across: str, unit: str) -> str:
    traces = "\n".join(
        f'figure.add_scatter(x={x}, y={values}, mode="lines+markers", name="{name}")' for name, values in series.items()
    )
    return f'figure = go.Figure()\n{traces}\nfigure.update_layout(xaxis_title="{across}", yaxis_title="{unit}")\n'


def _mean(key: str) -> str:
    return f'torch.tensor(result["{key}"], dtype=torch.float32).nanmean(0).tolist()'


def _either(names: str) -> str:
    """By attribution, or, without answers, by activation at the last position."""
    ranked = (
        'result["attribution"] if result["attribution"][0] == result["attribution"][0] else result["activations"][-1]'
    )
    return _bars(names, ranked, "share of the logit difference; without answers, activation at the last position")


_COUNT = "list(range(len({})))"
_READING = {name: f'result["{name}"]' for name in ("score", "content", "positional", "pattern")}
_ACTIVATIONS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
_DRAWINGS: dict[str, str] = {
    "prediction": _bars(_tokens('result["top_ids"][0]'), 'result["top_probabilities"][0]', "probability"),
    "direct_logit_attribution": _heads("heads", "logits"),
    "attention_pattern": _map(
        'torch.tensor(result["pattern"][0][0])', "key", "query", "attention of the first head", signed=False
    ),
    "residual_trajectory": _lines(
        {"logit lens": _mean("lens"), "cumulative direct attribution": _mean("cumulative")},
        _COUNT.format('result["lens"][0]'), "point of the stream", "logit difference",
    ),
    "logit_lens": _map(
        'torch.tensor(result["top_probabilities"])[..., 0]', "position", "point", "probability of the top token",
        signed=False,
    ),
    "component_lens": _bars('result["component_labels"]', 'result["norm"]', "norm of what is written"),
    "attribution_patching": (
        f"exact, estimate = {_mean('exact')}, {_mean('estimate')}\n"
        'names = [str(cell) for cell in result["cells"]]\n'
        'figure = go.Figure(go.Scatter(x=exact, y=estimate, mode="markers", text=names))\n'
        'figure.update_layout(xaxis_title="exact effect", yaxis_title="estimate")\n'
    ),
    "self_repair": _map(
        '(torch.tensor(result["heads_after"]) - torch.tensor(result["heads_before"])).float().nanmean(0)',
        "head", "layer", "change of direct attribution, logits",
    ),
    "generation": _bars(_tokens('result["generated_ids"]'), 'result["log_probs"]', "log probability"),
    "attention_weights": _map('torch.tensor(result["output_norm"][0])', "key", "head", "output norm", signed=False),
    "head_reading": _lines(_READING, 'result["src_positions"]', "key", "score before softmax; attention"),
    "residual_geometry": _lines(
        {name: f'[layer[-1] for layer in result["norms"][{at}]]' for at, name in enumerate(_ACTIVATIONS)},
        _COUNT.format('result["norms"][0]'), "layer", "norm at the last position",
    ),
    "steering_curve": (
        'values = torch.tensor(result["values"])[..., 0].nanmean(0)\n'
        'figure = go.Figure(go.Scatter(x=result["strengths"], y=values.tolist(), name="the direction"))\n'
        'for at, values in enumerate(torch.tensor(result["placebo"])[..., 0].nanmean(0).tolist()):\n'
        '    figure.add_scatter(x=result["strengths"], y=values, name=f"placebo {at}", line={"dash": "dot"})\n'
        'figure.update_layout(xaxis_title="strength", yaxis_title="logit difference")\n'
    ),
    "activation_map": (
        'across, down = zip(*result["coordinates"])\n'
        'look = {"mode": "markers", "marker": {"color": result["prompt"]}, "text": result["side"]}\n'
        "figure = go.Figure(go.Scatter(x=across, y=down, **look))\n"
    ),
    "behaviour_scores": _heads("induction", "induction score", signed=False, mean=False),
    "copying_scores": _heads("copying", "copying score", mean=False),
    "head_projection": _heads("projection", "projection"),
    "head_tokens": _map(
        'torch.tensor(result["promoted_logits"])[0, ..., 0]', "head", "layer", "logits of the token promoted most"
    ),
    "direction_card": _bars(_tokens('result["promoted_ids"]'), 'result["promoted_logits"]', "logits per unit"),
    "sae_features": _either('result["feature_ids"]'),
    "neurons": _either(_COUNT.format('result["attribution"]')),
    "logit_decomposition": _bars('result["component_labels"]', _mean("components"), "logits"),
    "head_statistics": _heads("entropy", "entropy of attention, nats", signed=False),
    "direction_projection": _map('torch.tensor(result["projection"][0])', "position", "layer", "projection"),
    "direction_distribution": (
        "figure = go.Figure()\n"
        'for side, prompts in enumerate(result["projection"]):\n'
        '    name = ("clean", "corrupted")[side]\n'
        '    figure.add_scatter(x=[p[-1] for p in prompts], y=[name] * len(prompts), mode="markers", name=name)\n'
        'figure.update_layout(xaxis_title="projection after the last layer")\n'
    ),
    "direction_writers": _heads("heads", "written, residual units"),
    "correctness_meters": _bars('result["names"]', 'result["deviation"]', "deviation"),
    "direction_readers": (
        'ratio = [norm / mean for norm, mean in zip(result["norm"], result["random_mean"])]\n'
        'figure = go.Figure(go.Scatter(x=result["layers"], y=ratio, mode="markers", text=result["inputs"]))\n'
        'figure.update_layout(xaxis_title="layer", yaxis_title="norm over that of random directions")\n'
    ),
}  # fmt: skip


def _sweep(recipe: AnyRecipe) -> str:
    """Mean change of the first metric, on the cells' first two axes; bars where they have but one."""
    base = "clean"
    if recipe.kind == "activation_patching" or isinstance(recipe, PathPatching):
        base = patched_run(recipe)  # pyright: ignore[reportArgumentType]
    return (
        f'change = torch.tensor(result["values"])[..., 0] - torch.tensor(result["{base}"])[:, :1]\n'
        "effect = change.nanmean(0)\n"
        'places = torch.tensor(result["cells"])\n'
        "if places.shape[1] < 2:\n"
        "    figure = go.Figure(go.Bar(x=places[:, 0].tolist(), y=effect.tolist()))\n"
        "else:\n"
        "    grid = torch.full(tuple((places[:, :2].max(0).values + 1).tolist()), torch.nan)\n"
        "    grid[places[:, 0], places[:, 1]] = effect.to(grid.dtype)\n"
        '    look = {"colorscale": "RdBu", "zmid": 0, "colorbar": {"title": {"text": "Δ logit difference"}}}\n'
        "    figure = go.Figure(go.Heatmap(z=grid.tolist(), **look))\n"
        '    figure.update_layout(yaxis={"autorange": "reversed"})\n'
    )


_SHOWN = """
# A notebook shows it; elsewhere it becomes a file, another one with FIGURE=name.html, none with FIGURE= and no name.
figure.update_layout(title="{title}", template="simple_white")
if "get_ipython" in globals():
    figure.show()
elif environ.get("FIGURE", "{kind}.html"):
    figure.write_html(environ.get("FIGURE", "{kind}.html"))
"""


def drawing(recipe: AnyRecipe, title: str) -> str:
    """Imports, the figure, and where it goes."""
    sweeps = not isinstance(recipe, AttributionPatching | Generation) and recipe.kind not in _DRAWINGS
    body = _sweep(recipe) if sweeps else _DRAWINGS[recipe.kind]
    return f"{IMPORT}from os import environ\n{body}{_SHOWN.format(title=title, kind=recipe.kind)}"
