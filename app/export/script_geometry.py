"""The parts of exported programs for the geometry of activations, as text (see script_pieces.py)."""

from app.domain.geometry_recipes import ActivationMap
from app.domain.sites import Site

RESIDUAL_GEOMETRY = '''
STREAMS = ["resid_pre", "attn_out", "mlp_out", "resid_post"]


def stack(cache, name):
    """[layer pos ...], None where this architecture has no such hook."""
    found = names(name)
    return torch.stack([cache[each][0].float() for each in found]) if found else None


def cosines(a, b):
    return None if a is None or b is None else torch.cosine_similarity(a, b, dim=-1)


def listed(values):
    """Values, or as many NaN."""
    return torch.full((N_LAYERS, n), float("nan")).tolist() if values is None else values.tolist()


prompt = PROMPTS[0]
n = len(prompt["clean"])
keep = [*names(*(f"hook_{name}" for name in [*STREAMS, "resid_mid"]), "ln1.hook_scale", "ln2.hook_scale"),
        "ln_final.hook_scale"]
_, cache = run(prompt["clean"], hooks_for(prompt), keep)
found = {name: stack(cache, f"hook_{name}") for name in [*STREAMS, "resid_mid"]}
before, after = found["resid_pre"], found["resid_post"]
read = before if found["resid_mid"] is None else found["resid_mid"]  # by the MLP
pairs = [(before, after), (found["attn_out"], before), (found["mlp_out"], read), (after, after[-1].expand_as(after))]
scales = [stack(cache, f"{name}.hook_scale") for name in ("ln1", "ln2")]
result = {
    "norms": [listed(None if found[name] is None else found[name].norm(dim=-1)) for name in STREAMS],
    "cosines": [listed(cosines(*pair)) for pair in pairs],
    "scales": [listed(None if each is None else each[..., 0]) for each in scales],
    "final_scale": cache["ln_final.hook_scale"][0, :, 0].float().tolist(),
}
'''

ACTIVATION_MAP = """
other = "corrupted" if BASE == "clean" else "clean"
runs = [(BASE, prompt) for prompt in PROMPTS]
if BOTH:
    swapped = [{**prompt, "clean": prompt["corrupted"], "corrupted": prompt["clean"]} for prompt in PROMPTS]
    runs += [(other, prompt) for prompt in swapped]
result, points = {"prompt": [], "position": [], "side": [], "logit_diff": []}, []  # of a point each
for side, prompt in runs:
    answer, incorrect, n = prompt["answer"], prompt["incorrect_answer"], len(prompt["clean"])
    logits, cache = run(prompt["clean"], hooks_for(prompt), [SITE])
    diff = float(logits[answer].mean() - logits[incorrect].mean()) if answer and incorrect else float("nan")
    for position in [at % n for at in POSITIONS] if POSITIONS else range(SKIPPED, n):
        points.append(cache[SITE][0, position].float())
        for name, value in {"prompt": prompt["index"], "position": position, "side": side, "logit_diff": diff}.items():
            result[name].append(value)
points = torch.stack(points).double().cpu().numpy()
result["activations"], result["projection"] = points.tolist(), [float("nan")] * len(points)
result["norm"] = np.linalg.norm(points, axis=1).tolist()
"""

ALONG = """
unit = made(DIRECTION)
result["projection"] = (points @ (unit / unit.norm()).double().cpu().numpy()).tolist()
"""

REDUCED = {
    "pca": """
U, sizes, rows = np.linalg.svd(points - points.mean(0), full_matrices=False)
signs = np.sign([row[np.abs(row).argmax()] for row in rows[:2]])  # each component's largest entry is positive
result["coordinates"] = ((U * sizes)[:, :2] * signs).tolist()
result["variance_explained"] = (sizes**2 / (sizes**2).sum())[:2].tolist()
""",
    "tsne": """
from sklearn.manifold import TSNE

perplexity = min(30, (len(points) - 1) / 3) if NEIGHBOURS is None else NEIGHBOURS
found = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=SEED).fit_transform(points)
result["coordinates"] = found.tolist()
""",
    "umap": """
from umap import UMAP

count = int(min(15, len(points) - 1)) if NEIGHBOURS is None else NEIGHBOURS
reduce = UMAP(n_neighbors=count, min_dist=MIN_DIST, random_state=SEED, init="pca")
result["coordinates"] = reduce.fit_transform(points).tolist()
""",
}


def map_constants(recipe: ActivationMap, skipped: int) -> list[str]:
    """What the program of a map must know of its recipe."""
    positions = {"end": "[-1]", "all": "None"}.get(str(recipe.positions), str(list(recipe.positions)))
    return [
        f"SITE = {Site(recipe.activation, recipe.layer).hook_name!r}",
        f"SKIPPED = {skipped}  # the separator before a prompt, where all positions are asked for",
        f"POSITIONS, BASE, BOTH = {positions}, {recipe.base!r}, {recipe.both}",
        f"NEIGHBOURS, MIN_DIST, SEED = {recipe.neighbours}, {recipe.min_dist}, {recipe.seed}",
    ]
