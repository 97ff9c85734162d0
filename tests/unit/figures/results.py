"""Results made by hand, small enough to check by eye, for the tests of figures, tables and exports."""

import numpy as np

from app.domain.attention_results import AttentionWeightsResult, HeadReadingResult
from app.domain.lens_results import ComponentLensResult, LogitLensResult
from app.domain.models import Provenance
from app.domain.parts_results import REMAINDERS, LogitDecompositionResult, NeuronsResult
from app.domain.recipes import digest, parse_recipe, recipe_json
from app.domain.results import (
    METRICS,
    AttentionPatternResult,
    CorrectnessMetersResult,
    DirectLogitAttributionResult,
    PredictionResult,
    ResidualTrajectoryResult,
    SweepResult,
)
from app.domain.sae_results import SaeFeaturesResult

PROVENANCE = Provenance(
    "Tiny", "ab12", "rev 1", "compatibility", "float32", "cpu", "<|endoftext|>", (("torch", "2.13.0"), ("x", "1"))
)
TOKENS = ("<|endoftext|>", "When", " Mary", " and", " Mary", "\n")
_ASKED = {"model": {"source": "bundled", "name": "tiny"}, "prompts": [{"clean": "When Mary and Mary\n"}]}


def _common(kind: str, **fields: object) -> dict:
    recipe = parse_recipe({"kind": kind, **_ASKED, **fields})
    return {"recipe": recipe_json(recipe), "digest": digest(recipe_json(recipe)), "provenance": PROVENANCE}


def floats(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Reproducible float32 numbers of both signs."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def attribution(
    n_layers: int = 2, n_heads: int = 3, prompts: int = 1, **changes: object
) -> DirectLogitAttributionResult:
    """Heads and components that obey the sums a real result obeys."""
    heads, mlp = floats(prompts, n_layers, n_heads), floats(prompts, n_layers, seed=1)
    attn_bias, ends = floats(prompts, n_layers, seed=2, scale=0.1), floats(prompts, 2, seed=3)
    attn = heads.sum(-1) + attn_bias
    layers = np.stack([attn, mlp], axis=-1).reshape(prompts, -1)
    components = np.concatenate([ends[:, :1], layers, ends[:, 1:]], axis=1)
    names = [f"L{layer}.{kind}" for layer in range(n_layers) for kind in ("attn", "mlp")]
    values = {
        "component_labels": ("embed", *names, "bias"), "components": components, "heads": heads,
        "attn_bias": attn_bias, "logit_diff": components.sum(-1),
    }  # fmt: skip
    return DirectLogitAttributionResult(**_common("direct_logit_attribution"), **{**values, **changes})


def ablation(n_layers: int = 2, n_heads: int = 3, answers: bool = True, corrupted: bool = True) -> SweepResult:
    """Five metrics of one prompt; without answers only the KL divergence is known."""
    cells = np.argwhere(np.ones((n_layers, n_heads))).astype(np.int32)
    values = floats(len(METRICS), 1, len(cells))
    clean, other = floats(len(METRICS), 1, seed=1), floats(len(METRICS), 1, seed=2)
    clean[METRICS.index("kl_divergence")] = 0
    if not answers:
        values[:4], clean[:4], other[:4] = np.nan, np.nan, np.nan
    return SweepResult(
        **_common("ablation"), method="zero", reference="none", engine="replay", baseline="clean", activation="z",
        cell_axes=("layer", "head"), cells=cells, str_tokens=np.array([TOKENS]), other_tokens=np.array([TOKENS]),
        values=values, clean=clean, corrupted=other if corrupted else np.full_like(other, np.nan),
    )  # fmt: skip


def pattern(tokens: tuple[str, ...] = TOKENS, n_layers: int = 1, n_heads: int = 2) -> AttentionPatternResult:
    """Causal rows that sum to 1."""
    n = len(tokens)
    weights = np.tril(np.exp(floats(n_layers, n_heads, n, n)))
    rows = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
    return AttentionPatternResult(
        **_common("attention_pattern"), layers=tuple(range(n_layers)), str_tokens=tokens, pattern=rows
    )


def weights(tokens: tuple[str, ...] = TOKENS, n_heads: int = 2, answers: bool = True) -> AttentionWeightsResult:
    """Of layers 0 and 3."""
    shape = (2, n_heads, len(tokens))
    attribution = floats(*shape, seed=2) if answers else np.full(shape, np.nan, np.float32)
    return AttentionWeightsResult(
        **_common("attention_weights"), layers=(0, 3), str_tokens=tokens, attribution=attribution,
        value_norm=np.abs(floats(*shape)), output_norm=np.abs(floats(*shape, seed=1)),
    )  # fmt: skip


def reading(tokens: tuple[str, ...] = TOKENS, note: str = "") -> HeadReadingResult:
    """L0H1 at the last token, which does not see the first."""
    n = len(tokens) - 1
    pattern = (np.arange(1, n + 1) / np.arange(1, n + 1).sum()).astype(np.float32)
    content, positional = floats(n), floats(n, seed=1)
    score = content + positional
    if note:
        content, positional = np.full((2, n), np.nan, np.float32)
    words = np.array([[" the", "<b>", "a,b", "\n"]] * n)
    logits = np.sort(np.abs(floats(n, 4, seed=2)), axis=-1)[:, ::-1]
    return HeadReadingResult(
        **_common("head_reading", head="L0H1"), head="L0H1", query=n, str_tokens=tokens, note=note, score=score,
        src_positions=tuple(range(1, n + 1)), content=content, positional=positional, pattern=pattern,
        promoted_tokens=words, promoted_logits=logits, suppressed_tokens=words[:, ::-1], suppressed_logits=-logits,
    )  # fmt: skip


def trajectory(n_layers: int = 3, parallel: bool = False) -> ResidualTrajectoryResult:
    """`0_pre`, `0_mid`, ..., `final`; parallel blocks have no `_mid`."""
    places = ("pre",) if parallel else ("pre", "mid")
    points = (*(f"{layer}_{place}" for layer in range(n_layers) for place in places), "final")
    lens, cumulative = floats(1, len(points)).cumsum(1), floats(1, len(points), seed=1).cumsum(1)
    cumulative[:, -1] = lens[:, -1]
    return ResidualTrajectoryResult(
        **_common("residual_trajectory"), points=points, lens=lens, cumulative=cumulative, logit_diff=lens[:, -1]
    )


def lens(n_layers: int = 2, tokens: tuple[str, ...] = TOKENS, answers: bool = True) -> LogitLensResult:
    """Two top tokens per cell, one of them with characters that are hard to show."""
    shape = (n_layers, len(tokens))
    rng = np.random.default_rng(0)
    first = np.sort(rng.random((*shape, 2), dtype=np.float32) / 2 + 0.01, axis=-1)[..., ::-1]
    words = np.array([" the", "<b>", "a,b", " Mary", "\n"])[rng.integers(0, 5, (*shape, 2))]
    known = floats(*shape) if answers else np.full(shape, np.nan, np.float32)
    followed = (" Mary", "<b>") if answers else ()
    logits = floats(*shape, len(followed), seed=3)
    return LogitLensResult(
        **_common("logit_lens"), str_tokens=tokens, top_tokens=words, top_probabilities=first, logit_diff=known,
        answer_probability=np.abs(known) / 4, answer_rank=np.round(np.abs(known) * 100), entropy=np.abs(floats(*shape)),
        positions=tuple(range(len(tokens))), points=tuple(f"{layer}_post" for layer in range(n_layers)),
        lens="logit lens", tokens=followed, kl_divergence=np.abs(floats(*shape, seed=2)), token_logits=logits,
        token_probabilities=1 / (1 + np.exp(-logits)), token_ranks=np.round(np.exp(np.abs(logits) * 2) - 1),
    )  # fmt: skip


def component_lens(tokens: tuple[str, ...] = TOKENS) -> ComponentLensResult:
    """Two heads and an MLP at the last token."""
    followed = (" Mary", "<b>")
    n, words = len(followed), np.array([[" the", "<b>", "a,b"]] * 3)
    logits = np.abs(floats(3, 3))
    rows, rest = floats(3, n, seed=1), floats(3, n, seed=2)
    rest[1] = 0
    return ComponentLensResult(
        **_common("component_lens"), str_tokens=tokens, position=len(tokens) - 1, tokens=followed,
        component_labels=("L0H1", "L2.mlp", "L1H0"), remainder_labels=("others", "interventions", "bias"),
        promoted_tokens=words, promoted_logits=logits, suppressed_tokens=words[:, ::-1], suppressed_logits=-logits,
        norm=np.abs(floats(3)), logit_diff=floats(3, seed=4), token_logits=rows, remainders=rest,
        logits=rows.sum(0) + rest.sum(0),
    )  # fmt: skip


def decomposition(
    n_layers: int = 2, n_heads: int = 3, prompts: int = 1, scale: str = "own"
) -> LogitDecompositionResult:
    """All levels obey the sums that a real result obeys; five neurons per layer."""
    sources, neurons = floats(prompts, n_layers, n_heads, len(TOKENS)), floats(prompts, n_layers, 5, seed=1)
    attn_bias, mlp_bias = floats(2, prompts, n_layers, seed=2, scale=0.1)
    heads = sources.sum(-1)
    both = np.stack([heads.sum(-1) + attn_bias, neurons.sum(-1) + mlp_bias], axis=-1).reshape(prompts, -1)
    ends = floats(prompts, 4, seed=3)
    ends[:, 1] = 0
    if scale == "own":
        ends[:, 2] = 0
    components = np.concatenate([ends[:, :1], both, ends[:, 1:]], axis=1)
    names = [f"L{layer}.{kind}" for layer in range(n_layers) for kind in ("attn", "mlp")]
    return LogitDecompositionResult(
        **_common("logit_decomposition", scale=scale), component_labels=("embed", *names, *REMAINDERS), source_note="",
        neuron_note="", components=components, heads=heads, attn_bias=attn_bias, mlp_bias=mlp_bias, sources=sources,
        str_tokens=np.array([TOKENS] * prompts), neurons=neurons, logit_diff=components.sum(-1),
    )  # fmt: skip


def neurons(answers: bool = True, **changes: object) -> NeuronsResult:
    """Forty neurons of layer 3, closely the one numbered 2."""
    values, words = floats(len(TOKENS), 40), np.array([" the", "<b>", "a,b"])
    attribution = floats(40, seed=1) if answers else np.full(40, np.nan, np.float32)
    logits = np.sort(np.abs(floats(3)))[::-1]
    given = {
        "layer": 3, "neuron": 2, "note": "", "str_tokens": TOKENS, "activations": values, "attribution": attribution,
        "promoted_tokens": words, "promoted_logits": logits, "suppressed_tokens": words[::-1],
        "suppressed_logits": -logits, "exciting_tokens": words, "exciting_activations": logits * 2,
    }  # fmt: skip
    return NeuronsResult(**_common("neurons", layer=3), **{**given, **changes})


def features(answers: bool = True, **changes: object) -> SaeFeaturesResult:
    """Thirty features of layer 3, closely the one numbered 70."""
    values, words = np.abs(floats(len(TOKENS), 30)), np.array([" the", "<b>", "a,b"])
    share = floats(30, seed=1) if answers else np.full(30, np.nan, np.float32)
    logits = np.sort(np.abs(floats(3)))[::-1]
    window = np.array([["", *TOKENS[1:4], *["x"] * 6, " Mary", " a", "\n", "<b>", "z"]] * 2)
    given = {
        "autoencoder": "sae", "architecture": "topk", "activation": "resid_post", "layer": 3, "d_sae": 400,
        "feature": 70, "written": 0.5, "first": 1, "texts": 12, "tokens": 240, "str_tokens": TOKENS,
        "feature_ids": np.arange(0, 300, 10, dtype=np.int32), "activations": values,
        "plain_activations": values / 2, "attribution": share, "plain_attribution": share / 2,
        "promoted": np.resize(words, 30), "errors": np.abs(floats(len(TOKENS), seed=2)),
        "active": np.full(len(TOKENS), 6, np.float32), "fvu": np.array([0.25], np.float32),
        "losses": np.array([3.0, 3.5, 9.0], np.float32),
        "logit_diffs": np.array([2.0, 1.5, 0.5] if answers else [np.nan] * 3, np.float32),
        "promoted_tokens": words, "promoted_logits": logits, "suppressed_tokens": words[::-1],
        "suppressed_logits": -logits, "feature_activations": values[:, 7],
        "plain_feature_activations": values[:, 7] / 2,
        "density": np.array([0.0125], np.float32), "context_tokens": window,
        "context_activations": np.abs(floats(2, 15, seed=3)), "context_texts": np.array([3, 0], np.int32),
        "context_positions": np.array([11, 5], np.int32),
    }  # fmt: skip
    asked = {"folder": "sae", "fingerprint": "ab"}
    return SaeFeaturesResult(**_common("sae_features", **asked), **{**given, **changes})


def prediction() -> PredictionResult:
    """Three next tokens of one prompt."""
    return PredictionResult(
        **_common("prediction"),
        top_tokens=np.array([[" Mary", "\n", "<s>"]]),
        top_probabilities=np.array([[0.625, 0.25, 1e-7]], np.float32),
        top_logits=np.array([[9.5, 8.5, -6.25]], np.float32),
        metrics=np.array([[2.5], [-0.5], [0.625], [0], [0]], np.float32),
        corrupted_metrics=np.full((5, 1), np.nan, np.float32),
    )


def meters() -> CorrectnessMetersResult:
    """One that holds, one that does not, one that does not apply."""
    return CorrectnessMetersResult(
        **_common("correctness_meters"),
        names=("components sum", "heads sum", "restore"),
        notes=("", "", "there is no corrupted prompt"),
        deviation=np.array([1e-6, 0.5, np.nan], np.float32),
        tolerance=np.array([1e-4, 1e-4, 1e-4], np.float32),
    )
