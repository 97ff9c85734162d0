"""How an exported program reads sparse autoencoders, and what it does with features, as text (see script_pieces.py)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.domain.interventions import Interventions
from app.domain.sae_recipes import SaeFeatures, cut_at_end
from app.domain.sae_results import AFTER, BEFORE, EACH, MOST
from app.domain.sites import Activation, Site

NAME = "sae_{}"
"""Of the variable that has an autoencoder."""


@dataclass(frozen=True)
class ScriptAutoencoder:
    """Where one is, its fingerprint, and of its configuration what a program needs."""

    folder: str
    fingerprint: str
    config: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """By which interventions and recipes name it."""
        return self.folder, self.fingerprint


AUTOENCODER = '''
from pathlib import Path

from safetensors.torch import load


def autoencoder(folder, sha256, config):
    """A sparse autoencoder as SAELens saves it, constant factors folded into its weights."""
    raw = [(Path(folder) / name).read_bytes() for name in ("cfg.json", "sae_weights.safetensors")]
    assert hashlib.sha256(b"".join(raw)).hexdigest() == sha256, "the autoencoder is not the one that was used"
    w = {name: value.float().to(DEVICE) for name, value in load(raw[1]).items()}
    if "log_threshold" in w:
        w["threshold"] = w["log_threshold"].exp()
    if "scaling_factor" in w:
        w["W_dec"] = w["W_dec"] * w["scaling_factor"][:, None]
    if config["rescaled"]:
        norm = w["W_dec"].norm(dim=-1).clamp(min=1e-8)
        w |= {"W_enc": w["W_enc"] * norm, "b_enc": w["b_enc"] * norm, "W_dec": w["W_dec"] / norm[:, None]}
    factor = config["factor"]
    w |= {"W_enc": w["W_enc"] * factor, "W_dec": w["W_dec"] / factor, "b_dec": w["b_dec"] / factor}
    return w | config


def encode(sae, x):
    """(features, scale, shift); the reconstruction is (features @ W_dec + b_dec) * scale + shift."""
    y, scale, shift = x, torch.ones_like(x[..., :1]), torch.zeros_like(x[..., :1])
    if sae["norm"] == "layer_norm":
        scale, shift = x.std(-1, keepdim=True), x.mean(-1, keepdim=True)
        y = (x - shift) / (scale + 1e-5)
    if sae["norm"] == "constant_norm_rescale":
        scale = x.norm(dim=-1, keepdim=True).clamp(min=1e-12) / x.shape[-1] ** 0.5
        y = x / scale
    through = (y - sae["b_dec"] if sae["subtracts_b_dec"] else y) @ sae["W_enc"]
    if sae["architecture"] == "gated":
        magnitude = (through * sae["r_mag"].exp() + sae["b_mag"]).relu()
        return magnitude * (through + sae["b_gate"] > 0), scale, shift
    before = through + sae["b_enc"]
    features = before.relu()
    if sae["architecture"] == "jumprelu":
        features = features * (before > sae["threshold"])
    if sae["architecture"] == "topk":
        kept = before.topk(sae["k"], dim=-1).indices
        features = torch.zeros_like(features).scatter(-1, kept, features.gather(-1, kept))
    return features, scale, shift
'''

SET_FEATURE = '''
def set_feature(a, sae, feature, value):
    """a with this activation of the feature; what the autoencoder does not explain stays."""
    features, scale, _ = encode(sae, a)
    return a + (value - features[..., feature, None]) * scale * sae["W_dec"][feature]
'''


def autoencoder_parts(found: Sequence[ScriptAutoencoder]) -> tuple[str, ...]:
    """Those autoencoders as variables; nothing where there is none."""
    if not found:
        return ()
    lines = [
        f"{NAME.format(at)} = autoencoder({each.folder!r}, {each.fingerprint!r}, {each.config})"
        for at, each in enumerate(found)
    ]
    return (AUTOENCODER, "\n".join(["", *lines, ""]), SET_FEATURE)


def features_constants(
    recipe: SaeFeatures, own: Interventions, hook: str, length: int, first: int, texts: Sequence[Any]
) -> list[str]:
    """Which feature, where the autoencoder is, and the texts."""
    found = re.fullmatch(r"blocks\.(\d+)\.hook_(\w+)", hook)
    site = Site(cast(Activation, found[2]), int(found[1])) if found else None
    cut = site is not None and cut_at_end(own, site, length)
    return [
        f"HOOK, FEATURE, TOP_K, CONTEXTS = {hook!r}, {recipe.feature}, {recipe.top_k}, {recipe.contexts}",
        f"FIRST, EACH, MOST, BEFORE, AFTER = {first}, {EACH}, {MOST}, {BEFORE}, {AFTER}",
        f"CUT = {cut}  # whether an intervention replaced the stream after the autoencoder at END",
        "TEXTS = [  # (positions left out at the start, ids)",
        *(f"    ({skipped}, {list(ids)})," for skipped, ids in texts),
        "]",
    ]


SAE_FEATURES = '''
def seen(prompt, hooks):
    """The activation at every position, its features and scale there, and their shares of the logit difference."""
    _, cache = run(prompt["clean"], hooks, [HOOK, "ln_final.hook_scale"])
    x, final = cache[HOOK][0].float(), cache["ln_final.hook_scale"][0, -1].float()
    features, scale, shift = encode(sae, x)
    share = torch.full_like(features[-1], float("nan"))
    if prompt["answer"] and prompt["incorrect_answer"] and not (hooks and CUT):
        share = features[-1] * scale[-1] * (sae["W_dec"] @ (direction(prompt)[0] / final))
    return x, features, scale, shift, share, final


def reconstructed(x):
    features, scale, shift = encode(sae, x)
    return (features @ sae["W_dec"] + sae["b_dec"]) * scale + shift


def read_out(rows, scale, final):
    """Logits per unit of activation, against the vocabulary's mean."""
    logits = rows * scale[-1] / final @ read_through(model.ln_final, model.W_U.float())
    return logits - logits.mean(-1, keepdim=True)


def replacing(change):
    """Hooks that change the activation, but for the separator before the prompt."""
    before = []

    def see(resid_pre, hook):
        before[:] = [resid_pre.clone()]

    def edit(x, hook):
        resid_pre = before.pop() if before else torch.zeros_like(x)
        x = x + resid_pre
        new = torch.cat([x[:, :FIRST], change(x[:, FIRST:].float()).to(x)], 1)
        return new - resid_pre

    if not HOOK.endswith("resid_mid"):
        return [(HOOK, edit)]
    block = HOOK.rsplit(".", 1)[0]  # that hook sits after the skip connection has left, so attn_out is changed instead
    return [(f"{block}.hook_resid_pre", see), (f"{block}.hook_attn_out", edit)]


def replaced(prompt, hooks):
    """The mean loss of the tokens that follow another one, and the logit difference."""
    tokens = torch.tensor([prompt["clean"]], device=DEVICE)
    with model.hooks(fwd_hooks=hooks):
        logits = model(tokens)[0].float()
    loss = -logits[:-1].log_softmax(-1).gather(-1, tokens[0, 1:, None]).mean()
    answer, incorrect = prompt["answer"], prompt["incorrect_answer"]
    end = logits[-1]
    return float(loss), float(end[answer].mean() - end[incorrect].mean()) if answer and incorrect else float("nan")


prompt, sae = PROMPTS[0], sae_0
hooks = hooks_for(prompt)
x, features, scale, shift, share, final = seen(prompt, hooks)
_, plain, _, _, plain_share, _ = seen(prompt, [])
sizes, kept = torch.maximum(features.amax(0), plain.amax(0)), set()
for acts, shares in ((features, share), (plain, plain_share)):
    for rows in (acts, acts.amax(0)[None], shares.nan_to_num().abs()[None]):
        top = rows.topk(min(EACH, rows.shape[1]), dim=-1)
        kept |= set(top.indices[top.values > 0].tolist())
FEATURES = sorted(sorted(sorted(kept), key=lambda each: -float(sizes[each]))[:MOST])
lost, counted = x - reconstructed(x), x[FIRST:]
size = features.amax(0) if share.isnan().any() else share.abs()
feature = int(size.argmax()) if FEATURE is None else FEATURE
logits = read_out(sae["W_dec"][feature], scale, final)
best, worst = logits.topk(TOP_K), logits.topk(TOP_K, largest=False)
changes = [[], replacing(reconstructed), replacing(torch.zeros_like)]
losses, logit_diffs = zip(*(replaced(prompt, [*hooks, *change]) for change in changes))
acts, places = [], []  # of the feature on every text, and where it is most active
for skipped, ids in TEXTS:
    acts.append(encode(sae, run(ids, keep=[HOOK])[1][HOOK][0].float())[0][:, feature])
    places.append(skipped + int(acts[-1][skipped:].argmax()))
height = [float(act[place]) for act, place in zip(acts, places)]
order = sorted((at for at in range(len(acts)) if height[at] > 0), key=lambda at: -height[at])[:CONTEXTS]
windows = [range(places[at] - BEFORE, places[at] + AFTER + 1) for at in order]
around = [[float(acts[text][at]) if TEXTS[text][0] <= at < len(acts[text]) else float("nan") for at in window]
          for text, window in zip(order, windows)]
all_acts = torch.cat([act[skipped:] for act, (skipped, _) in zip(acts, TEXTS)])
result = {
    "feature_ids": FEATURES, "promoted_of": read_out(sae["W_dec"][FEATURES], scale, final).argmax(-1).tolist(),
    "activations": features[:, FEATURES].tolist(), "attribution": share[FEATURES].tolist(),
    "plain_activations": plain[:, FEATURES].tolist(), "plain_attribution": plain_share[FEATURES].tolist(),
    "errors": (lost.norm(dim=-1) / x.norm(dim=-1)).tolist(), "active": (features > 0).float().sum(-1).tolist(),
    "fvu": [float(lost[FIRST:].pow(2).sum() / (counted - counted.mean(0)).pow(2).sum())],
    "losses": losses, "logit_diffs": logit_diffs,
    "promoted_ids": best.indices.tolist(), "promoted_logits": best.values.tolist(),
    "suppressed_ids": worst.indices.tolist(), "suppressed_logits": worst.values.tolist(),
    "feature_activations": features[:, feature].tolist(), "plain_feature_activations": plain[:, feature].tolist(),
    "density": [float((all_acts > 0).float().mean())], "context_activations": around, "context_texts": order,
    "context_positions": [places[at] for at in order],
}
'''
