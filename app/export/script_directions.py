"""How an exported program makes directions, as text (see script_pieces.py), and what it is told of each.

A direction stands in the program as plain values with its texts as token ids: `direction_data` makes them. The program
has the makers of the kinds that it uses, and `made(direction)`, which gives the vector at its own length.
"""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from app.domain.directions import (
    AnyDirection,
    MeanDifference,
    Placebo,
    PrincipalComponent,
    Probe,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.samples import Samples
from app.domain.sites import Site
from app.export.script_heads import READ_THROUGH
from app.models.loaded import LoadedModel
from app.models.sae_folder import read_autoencoder
from app.models.tokens import answer_ids, tokenise

Data = dict[str, Any]
Along = tuple[AnyDirection, Data]
"""A direction that an intervention is along, and that as a program has it."""
NAME = "direction_{}"
"""Of the variable that has it, at length 1."""

ACTIVATIONS = '''
def activations(hook, samples):
    """[sample d_model] at one position of each text; no intervention holds."""
    return torch.stack([run(ids, keep=[hook])[1][hook][0, at].float() for ids, at in samples])
'''

TOKENS = """
def tokens(direction):
    plus, minus = direction["tokens"], direction["minus"]
    if direction["matrix"] == "W_E":
        rows = model.W_E.float()
        return rows[plus].mean(0) - (rows[minus].mean(0) if minus else 0)
    W_U = read_through(model.ln_final, model.W_U.float())
    return W_U[:, plus].mean(-1) - (W_U[:, minus].mean(-1) if minus else 0)
"""

MEAN_DIFFERENCE = """
def mean_difference(direction):
    plus, minus = (activations(direction["hook"], direction[side]) for side in ("plus", "minus"))
    return plus.mean(0) - minus.mean(0)
"""

PRINCIPAL_COMPONENT = """
def principal_component(direction):
    found = activations(direction["hook"], direction["samples"]).double()
    _, sizes, rows = torch.linalg.svd(found - found.mean(0), full_matrices=False)
    row = rows[direction["component"]]
    direction["facts"] = {"variance_explained": float(sizes[direction["component"]] ** 2 / (sizes**2).sum())}
    return (row * torch.sign(row[row.abs().argmax()])).float()
"""

PROBE = '''
def probe(direction):
    """Weights of a logistic regression on standardised activations, in the stream's own units."""
    groups = [activations(direction["hook"], direction[side]).double().cpu() for side in ("plus", "minus")]
    samples, labels = torch.cat(groups).numpy(), np.repeat([1, 0], [len(group) for group in groups])

    every = [tuple(ids) for side in ("plus", "minus") for ids, _ in direction[side]]
    texts = list(dict.fromkeys(every))  # all samples of a text are on one side
    first, text = [every.index(ids) for ids in texts], np.array([texts.index(ids) for ids in every])
    by_text = (labels == labels[first][text]).all()

    def fitted(labels):
        options = {"test_size": direction["held_out"], "random_state": direction["seed"], "stratify": labels[first]}
        sides = train_test_split(np.arange(len(texts)), **options)
        inside, outside = (np.concatenate([np.flatnonzero(text == at) for at in side]) for side in sides)
        (train, own), (test, other) = ((samples[side], labels[side]) for side in (inside, outside))
        model = make_pipeline(StandardScaler(), LogisticRegression(C=direction["C"], max_iter=2000)).fit(train, own)
        return model, model.score(test, other), model.score(train, own), len(train), other

    def shuffled():
        return shuffle.permutation(labels[first])[text] if by_text else shuffle.permutation(labels)

    (scaler, regression), accuracy, in_training, n_train, other = fitted(labels)
    shuffle = np.random.RandomState(direction["seed"])
    control = np.mean([fitted(shuffled())[1] for _ in range(10)])
    direction["facts"] = {
        "held_out_accuracy": accuracy, "control_accuracy": float(control),
        "chance": float(max(other.mean(), 1 - other.mean())), "train_accuracy": in_training, "n_train": n_train,
        "n_held_out": len(other),
    }
    return torch.from_numpy(regression.coef_[0] / scaler.scale_).float().to(DEVICE)
'''

SINGULAR_VECTOR = '''
def singular_vector(direction):
    """Of a head's W_V W_O, norms folded in."""
    block, head = model.blocks[direction["layer"]], direction["head"]
    W_V, W_O = block.attn.W_V.float(), block.attn.W_O.float()
    W_V = W_V[head // (len(W_O) // len(W_V))]  # query heads share values
    W_V = read_through(block.ln1, W_V) if hasattr(block, "ln1") else W_V
    W_O = W_O[head] * gain(block.ln1_post) if hasattr(block, "ln1_post") else W_O[head]
    U, sizes, V = torch.linalg.svd((W_V @ W_O).double(), full_matrices=False)
    rank = direction["rank"]
    direction["facts"] = {"singular_value": float(sizes[rank])}
    sign = torch.sign(V[rank][V[rank].abs().argmax()])
    return (sign * (V[rank] if direction["side"] == "write" else U[:, rank])).float()
'''

VECTOR = """
def vector(direction):
    return torch.tensor(direction["numbers"], device=DEVICE)
"""

DRAWN = """
def random(direction):
    found = torch.randn(model.cfg.d_model, generator=torch.Generator().manual_seed(direction["seed"]))
    return (found / found.norm()).to(DEVICE)
"""

PLACEBO = '''
def placebo(direction):
    """At right angles to the real one, of its length."""
    real, drawn = made(direction["of"]), random(direction)
    across = drawn - (drawn @ real) / (real @ real) * real
    return across / across.norm() * real.norm()
'''
_OVER_TEXTS = {"mean_difference": MEAN_DIFFERENCE, "principal_component": PRINCIPAL_COMPONENT, "probe": PROBE}
_OF_WEIGHTS = {"tokens": TOKENS, "singular_vector": SINGULAR_VECTOR}
_OTHERS = {"vector": VECTOR, "random": DRAWN, "placebo": PLACEBO}
MAKERS = {**_OVER_TEXTS, **_OF_WEIGHTS, **_OTHERS}
PROBE_IMPORTS = (
    "from sklearn.linear_model import LogisticRegression",
    "from sklearn.model_selection import train_test_split",
    "from sklearn.pipeline import make_pipeline",
    "from sklearn.preprocessing import StandardScaler",
)


def direction_parts(*directions: AnyDirection) -> tuple[str, ...]:
    """What a program needs to make these; the last part defines `made(direction)`."""
    kinds = {kind for each in directions for kind in _kinds(each)}
    kinds |= {"random"} if "placebo" in kinds else set()
    shared = [READ_THROUGH,
              *([ACTIVATIONS] if kinds & _OVER_TEXTS.keys() else [])]  # fmt: skip
    own = [text for kind, text in MAKERS.items() if kind in kinds]
    table = ", ".join(f'"{kind}": {kind}' for kind in MAKERS if kind in kinds)
    return (*shared, *own, f'\ndef made(direction):\n    return {{{table}}}[direction["kind"]](direction)\n')


def along_parts(along: Sequence[Along], own: Sequence[AnyDirection]) -> tuple[str, ...]:
    """Those directions as variables, after what makes them and the recipe's `own`."""
    if not along:
        return ()
    lines: list[str] = []
    for at, (direction, data) in enumerate(along):
        name, said = NAME.format(at), " ".join(str(direction).split())  # a comment is one line
        lines += [f"{name} = made({data})  # {said}", f"{name} = {name} / {name}.norm()"]
    return (*direction_parts(*own, *(direction for direction, _ in along)), "\n".join(["", *lines, ""]))


_AS_NUMBERS = {"sae_feature": "vector"}
"""Kinds whose vectors a program has as they are, so that it needs no other file."""


def _kinds(direction: AnyDirection) -> Iterator[str]:
    yield _AS_NUMBERS.get(direction.kind, direction.kind)
    if isinstance(direction, Placebo):
        yield from _kinds(direction.of)


def directions_in(recipe: object) -> tuple[AnyDirection, ...]:
    """The direction of a recipe, and those that it is compared with."""
    own: Any = getattr(recipe, "direction", None)
    named = [each.direction for each in getattr(recipe, "others", ())]
    return tuple(each for each in (own, *named) if isinstance(each, get_args(AnyDirection)))


_PLAIN: dict[str, tuple[str, ...]] = {
    "tokens": ("matrix",), "principal_component": ("component",), "probe": ("C", "held_out", "seed"),
    "singular_vector": ("rank", "side"), "random": ("seed",), "placebo": ("seed",),
}  # fmt: skip
"""Fields that a program has as they are."""


def direction_data(model: LoadedModel, direction: AnyDirection) -> Data:
    """The direction as a program has it: texts and tokens as ids, positions counted from 0."""
    plain = {name: getattr(direction, name) for name in _PLAIN.get(direction.kind, ())}
    kind = _AS_NUMBERS.get(direction.kind, direction.kind)
    return {"kind": kind, **plain, **_read_data(model, direction)}


def _read_data(model: LoadedModel, direction: AnyDirection) -> Data:
    """What the program has otherwise than the direction."""
    if isinstance(direction, TokenDirection):
        return {side: list(answer_ids(model, getattr(direction, side))) for side in ("tokens", "minus")}
    if isinstance(direction, MeanDifference | PrincipalComponent | Probe):
        sides = [side for side in ("plus", "minus", "samples") if hasattr(direction, side)]
        hook = Site(direction.activation, direction.layer).hook_name
        return {"hook": hook, **{side: _read(model, getattr(direction, side)) for side in sides}}
    if isinstance(direction, SingularVector):
        return vars(direction.head).copy()
    if isinstance(direction, Placebo):
        return {"of": direction_data(model, direction.of)}
    if isinstance(direction, SaeFeature):
        found = read_autoencoder(direction.folder, model.facts, direction.fingerprint)
        return {"numbers": found.W_dec[direction.feature].tolist()}
    return {"numbers": list(direction.numbers)} if isinstance(direction, Vector) else {}


def _read(model: LoadedModel, samples: Samples) -> list[tuple[list[int], int]]:
    read = [(tokenise(model, each.text, model.facts.n_ctx).ids, each.position) for each in samples]
    return [(list(ids), (-1 if at is None else at) % len(ids)) for ids, at in read]


CARD = """
direction = DIRECTION
vector_made = made(direction)
unit = vector_made / vector_made.norm()
read = unit if model.ln_final.uses_rms_norm else unit - unit.mean()
logits = read * gain(model.ln_final) @ model.W_U.float()
logits = logits - logits.mean()
W_E = model.W_E.float()
cosines = W_E @ unit / W_E.norm(dim=-1).clamp(min=1e-12)
result = {"vector": vector_made.tolist(), "facts": [float(vector_made.norm()), *direction.get("facts", {}).values()]}
for side, values, what in (("promoted", logits, "logits"), ("suppressed", -logits, "logits"),
                           ("nearest", cosines, "cosines")):
    top = values.topk(TOP_K)
    result[f"{side}_ids"] = top.indices.tolist()
    result[f"{side}_{what}"] = (-top.values if side == "suppressed" else top.values).tolist()
others = [made(other) for other in OTHERS]
result["cosines"] = [float(unit @ other / other.norm()) for other in others]
"""
