"""Recipes whose exported programs are run: every kind, every kind of change, on small models of several families."""

from dataclasses import dataclass
from typing import Any

from app.domain.cells import Cells
from app.domain.direction_card import DirectionCard
from app.domain.direction_interventions import Clamp, ClampFeature, ProjectOut, Steer, SwapAlong
from app.domain.direction_recipes import DirectionDistribution, DirectionProjection, DirectionReaders, DirectionWriters
from app.domain.directions import (
    AnyDirection,
    MeanDifference,
    NamedDirection,
    Placebo,
    PrincipalComponent,
    Probe,
    RandomDirection,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.geometry_recipes import ActivationMap, ResidualGeometry
from app.domain.head_recipes import BehaviourScores, CopyingScores, HeadProjection, HeadStatistics, HeadTokens
from app.domain.interventions import Ablate, AnyIntervention, GaussianNoise, KnockOutEdge, Patch
from app.domain.lens_recipes import ComponentLens
from app.domain.prompts import PromptPair
from app.domain.recipes import (
    Ablation,
    ActivationPatching,
    AttentionPattern,
    AttentionWeights,
    AttributionPatching,
    CorrectnessMeters,
    DirectLogitAttribution,
    Generation,
    HeadReading,
    LogitDecomposition,
    LogitLens,
    Neurons,
    PathPatching,
    Prediction,
    ResidualTrajectory,
    SaeFeatures,
    SelfRepair,
)
from app.domain.samples import Sample
from app.domain.sites import Head, Site
from app.domain.steering_recipes import SteeringCurve
from tests import tiny as words

ONE_RUN = (
    Prediction, DirectLogitAttribution, AttentionPattern, ResidualTrajectory, LogitLens, CorrectnessMeters,
)  # fmt: skip
WORD_PAIR = PromptPair(words.CLEAN, words.CORRUPTED, (words.ANSWER, "w8"), (words.INCORRECT,))
TRUTH_PAIR = PromptPair("apple river house apple", "tree river house tree", ("river",), ("tree",))
MARY = PromptPair(
    "When Mary and John went to the store, John gave a drink to",
    "When Mary and John went to the store, Mary gave a drink to",
    (" Mary",),
    (" John",),
)
MIXED = (
    Ablate(Site("z", 1, (0, 1), (1, 3)), "mean", ("w1 w5 w2", "w3 w9")),
    Patch(Site("resid_pre", 1)),
    Ablate(Site("pattern", 0, (1,), (2,))),
    Patch(Site("attn_out", 1)),
)
MIDDLE = (Patch(Site("resid_mid", 1)), Ablate(Site("mlp_post", 2, None, (0, 5))), Ablate(Site("k", 0, (1,))))
OTHER_PAIR = PromptPair("w1 w2 w3 w20 w2 w5", "w1 w2 w21 w3 w2 w5", (words.ANSWER,), (words.INCORRECT,))
BOTH = (WORD_PAIR, OTHER_PAIR)
REFERENCE = ("w1 w5 w2 w8 w9 w3 w4 w6", "w3 w9 w30 w31 w32 w33 w34 w35", "w40 w41 w42 w43 w44 w45 w46 w47")
TOKENS = TokenDirection((words.ANSWER, "w8"), (words.INCORRECT,))
SAMPLES = (Sample("w1 w2 w3"), Sample("w4 w5 w6 w7", 2), Sample("w2 w9", -2), Sample("w8 w8 w1"))
GROUPS = MeanDifference("resid_post", 1, SAMPLES[:2], SAMPLES[2:])
COMPONENT = PrincipalComponent("resid_pre", 2, SAMPLES, 1)
SINGULAR, READ = SingularVector(Head(1, 2), 1), SingularVector(Head(2, 3), 0, "read")
ACROSS = Placebo(TOKENS, 2)
NUMBERS = Vector.of(tuple(float(at % 5) - 1.5 for at in range(32)))
STREAM = Site("resid_post", 1)
KINDS_OF_CHANGE: dict[str, AnyIntervention] = {
    "mean by position": Ablate(Site("attn_out", 1), "mean", REFERENCE, pooled=False),
    "pooled mean": Ablate(Site("mlp_post", 2, None, (3, 7), (0, 5)), "mean", REFERENCE),
    "resample": Ablate(Site("z", 0, (1, 2)), "resample", REFERENCE, seed=3, draw=1),
    "resampled middle": Ablate(Site("resid_mid", 1, None, (7,)), "resample", REFERENCE, seed=3),
    "patch from a text": Patch(Site("q", 1, (0, 3), (2, 7)), "w40 w41 w42", (1, 3)),
    "patch from another position": Patch(Site("resid_post", 0, None, (7,)), source_positions=(4,)),
    "patch from a shorter pattern": Patch(Site("pattern", 1, None, (2, 3)), "w40 w41 w42"),
    "edges": KnockOutEdge(1, ((5, 4), (5, 0)), (0, 2), 0.25),
    "renormalised edges": KnockOutEdge(1, ((7, 4), (7, 2), (0, 0)), None, 0.1, renormalise=True),
    "noise": GaussianNoise((3, 4), 2.0, seed=5, draw=1),
    "frozen": Ablate(Site("mlp_out", 0), freeze=("pattern", "scale")),
    "frozen in the second prompt": Ablate(Site("mlp_out", 0), freeze=("pattern",), prompts=(1,)),
    "steered": Steer(Site("resid_post", 1), TOKENS, 4.0),
    "steered in norms": Steer(Site("resid_mid", 1, None, (2, 7)), GROUPS, -0.5, "norm"),
    "clamped": Clamp(Site("resid_pre", 0), COMPONENT, 2.0),
    "projected out": ProjectOut(Site("attn_out", 1), SINGULAR),
    "projected to a mean": ProjectOut(
        Site("resid_post", 1, None, (3, 7)), Placebo(TOKENS, 2), "mean", REFERENCE, False
    ),
    "half projected out": ProjectOut(Site("resid_pre", 2), Placebo(NUMBERS, 1), "mean", REFERENCE, share=0.5),
    "swapped": SwapAlong(Site("resid_post", 0), (TOKENS, RandomDirection(1), NUMBERS)),
    "half swapped": SwapAlong(Site("resid_post", 1), (TOKENS, READ), share=0.5),
    "swapped from a text": SwapAlong(Site("mlp_out", 1, None, (2, 7)), (READ,), "w40 w41 w42", (1, 3)),
    "second prompt alone": Ablate(Site("z", 1, (1,)), prompts=(1,)),
}


@dataclass(frozen=True)
class Case:
    """A recipe on a model."""

    model: str
    kind: type
    interventions: tuple[AnyIntervention, ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()
    prompts: tuple[PromptPair, ...] = ()
    onto: AnyDirection | None = None

    def __str__(self) -> str:
        what = " and ".join(map(str, self.interventions)) or "baseline"
        return f"{self.kind.__name__} on {self.model}, {what} {dict(self.fields) or ''} {len(self.prompts) or ''}"


CASES = (
    *(Case("ground truth", kind, (Ablate(Site("z", 1, (1,)), "mean"), *MIXED[1:3])) for kind in ONE_RUN),
    Case("ground truth", Ablation, (), (("method", "mean"),)),
    *(Case("llama", kind) for kind in ONE_RUN),
    *(Case("gemma, raw", kind, MIDDLE) for kind in (DirectLogitAttribution, ResidualTrajectory, LogitLens, Prediction)),
    Case("gemma, raw", CorrectnessMeters),
    Case("gpt2, raw", DirectLogitAttribution, MIXED),
    Case("gpt2, raw", ResidualTrajectory, (Ablate(Site("resid_post", 0, None, (7,))),)),
    Case("gpt2, raw", AttentionPattern, (Ablate(Site("q", 1, (2, 3))),), (("layers", (2, 0)),)),
    Case("neox", DirectLogitAttribution, (Ablate(Site("resid_post", 1)), Patch(Site("mlp_out", 2)))),
    Case("neox", Ablation, (), (("method", "mean"), ("reference", ("w1 w2 w3", "w5 w6")))),
    *(
        Case("gpt2, raw", kind, (change,), (), (WORD_PAIR, OTHER_PAIR) if "second" in name else ())
        for name, change in KINDS_OF_CHANGE.items()
        for kind in (Prediction, DirectLogitAttribution)
    ),
    *(Case("gemma, raw", Prediction, (change,)) for name, change in KINDS_OF_CHANGE.items() if "project" in name),
    Case("llama", Prediction, (), (("base", "corrupted"),)),
    Case("llama", Prediction, (Patch(Site("resid_pre", 1)),), (("base", "corrupted"),)),
)


def sweep(model: str, kind: type, cells: Cells, interventions: tuple[AnyIntervention, ...] = (), **fields: Any) -> Case:
    """A sweep over both word pairs, which differ in length, unless it is said to be of one."""
    prompts = fields.pop("prompts", (WORD_PAIR, OTHER_PAIR))
    return Case(model, kind, interventions, (("cells", cells), *fields.items()), prompts)


ONE = (WORD_PAIR,)
Z, EDGES, MID = Cells(), Cells("pattern", "edge", layers=(1,)), Cells("resid_mid", "position")
SWEEP_CASES = (
    sweep("gpt2, raw", Ablation, Z, base="corrupted"),
    sweep("gpt2, raw", Ablation, Cells("mlp_out"), (KINDS_OF_CHANGE["steered"],), prompts=ONE),
    sweep("llama", Ablation, Cells("v", "position"), method="mean", reference=REFERENCE),
    sweep("gpt2, raw", Ablation, Cells("mlp_out", window=2), method="mean", reference=REFERENCE, pooled=False),
    sweep("llama", Ablation, MID, method="resample", reference=REFERENCE, draws=2, seed=4, freeze=("pattern",)),
    sweep("neox", Ablation, Cells("mlp_post", layers=(1,), neurons=(0, 5, 40)), (KINDS_OF_CHANGE["resample"],)),
    sweep("gpt2, raw", Ablation, Cells("z", "position", heads=(Head(1, 2), Head(0, 3)), positions=(2, 6))),
    *(sweep("llama", ActivationPatching, Cells(activation, by), direction=direction, prompts=ONE)
      for direction in ("denoising", "noising")
      for activation, by in (("resid_pre", "position"), ("z", "position"), ("k", "all"), ("pattern", "position"))),
    sweep("gpt2, raw", ActivationPatching, EDGES),
    sweep("gpt2, raw", ActivationPatching, MID, (KINDS_OF_CHANGE["edges"],), freeze=("scale",)),
    sweep("llama", ActivationPatching, Cells("resid_post", "position"), direction="noising"),
    *(sweep("gpt2, raw", ActivationPatching, Cells("attn_out", "position", window=2), direction=direction, draws=2,
            noise=GaussianNoise((2, 3), 3.0, seed=2), freeze=("pattern",)) for direction in ("denoising", "noising")),
    *(sweep("gpt2, raw", ActivationPatching, Cells("mlp_out", "position"), (KINDS_OF_CHANGE[change],),
            direction=direction, noise=GaussianNoise((2, 3), 3.0, seed=2, freeze=("scale",)))
      for direction, change in (("denoising", "second prompt alone"), ("noising", "frozen"),
                                ("noising", "frozen in the second prompt"))),
    Case("gpt2, raw", Generation, (), (("max_new_tokens", 6),)),
    Case("llama", Generation, tuple(KINDS_OF_CHANGE.values())[1:3], (("max_new_tokens", 4), ("temperature", 1.5))),
    Case("gpt2, raw", Generation, tuple(map(KINDS_OF_CHANGE.get, ("steered", "clamped", "swapped from a text"))),
         (("max_new_tokens", 4),)),
    Case("llama", Generation, (KINDS_OF_CHANGE["frozen"], KINDS_OF_CHANGE["renormalised edges"], MIDDLE[0]),
         (("max_new_tokens", 3),)),
)  # fmt: skip
FEW = {"top": 2, "bottom": 2, "sample": 3, "seed": 1}
GRADIENT_CASES = (
    sweep("llama", AttributionPatching, Cells("z"), (KINDS_OF_CHANGE["half projected out"],), **FEW),
    *(sweep("gpt2, raw", AttributionPatching, Cells(activation, by), direction=direction, **FEW)
      for activation, by, direction in (("z", "all", "denoising"), ("resid_mid", "position", "noising"),
                                        ("pattern", "edge", "denoising"), ("v", "position", "noising"))),
    sweep("llama", AttributionPatching, Cells("q", "position"), (KINDS_OF_CHANGE["resample"],), **FEW),
    sweep("llama", AttributionPatching, Cells("k"), softmax_correction=True, grad_drop=True, **FEW),
    sweep("llama", AttributionPatching, Cells("k", "position"), **FEW),
    sweep("llama", AttributionPatching, Cells("k"), softmax_correction=False, **FEW),
    sweep("neox", AttributionPatching, Cells("mlp_post", layers=(1,)), grad_drop=True, **FEW),
    sweep("gemma, raw", AttributionPatching, Cells("attn_out", "position", window=2), grad_drop=True, **FEW),
    sweep("gpt2, raw", AttributionPatching, Cells("resid_mid", "position"), (KINDS_OF_CHANGE["noise"],), ig_steps=3,
          direction="noising", **FEW),
    sweep("llama", AttributionPatching, Cells("q"), ig_steps=2, grad_drop=True, **FEW),
)  # fmt: skip
CURVE_CASES = (
    Case("gpt2, raw", SteeringCurve, (KINDS_OF_CHANGE["second prompt alone"],),
         (("direction", TOKENS), ("site", STREAM), ("strengths", (-2.0, 0.0, 4.0)), ("placebos", 2)), BOTH),
    Case("llama", SteeringCurve, (KINDS_OF_CHANGE["steered"],),
         (("direction", Placebo(GROUPS, 1)), ("site", Site("attn_out", 1, None, (2, 5))), ("strengths", (0.5, 0.1)),
          ("placebos", 2), ("unit", "norm"))),
    *(Case("gemma, raw", SteeringCurve, (),
           (("direction", SINGULAR), ("site", STREAM), ("strengths", (1.0, 0.0)), ("change", change), ("placebos", 1)))
      for change in ("clamp", "project_out")),
    Case("gpt2, raw", SteeringCurve, (),
         (("direction", SINGULAR), ("site", Site("resid_pre", 1, None, (3, 6))), ("strengths", (-0.5, 0.5, 1.0)),
          ("change", "swap_along"), ("placebos", 2))),
)  # fmt: skip
REPAIR_CASES = (
    Case("gpt2, raw", SelfRepair, (KINDS_OF_CHANGE["steered"], KINDS_OF_CHANGE["swapped"])),
    Case("llama", SelfRepair, (KINDS_OF_CHANGE["projected out"], KINDS_OF_CHANGE["steered in norms"])),
    Case("gpt2, raw", SelfRepair, (Ablate(Site("z", 1, (1, 2))),), (), (WORD_PAIR, OTHER_PAIR)),
    Case("gemma, raw", SelfRepair, (Ablate(Site("z", 1, (1,)), freeze=("pattern",)), Patch(Site("mlp_out", 0)))),
    Case("llama", SelfRepair, (KINDS_OF_CHANGE["pooled mean"], KINDS_OF_CHANGE["patch from a text"])),
    Case("gpt2, raw", SelfRepair, (KINDS_OF_CHANGE["noise"], Ablate(Site("resid_mid", 1)))),
    Case("neox", SelfRepair, (KINDS_OF_CHANGE["mean by position"], KINDS_OF_CHANGE["patch from another position"])),
)
PATH_CASES = (
    Case("gpt2, raw", PathPatching, (), (("source", Head(0, 2)),), BOTH),
    Case("neox", PathPatching, (MIDDLE[2],),
         (("source", Head(0, 1)), ("component", "v"), ("direction", "noising")), BOTH),
    Case("llama", PathPatching, (KINDS_OF_CHANGE["second prompt alone"],),
         (("source", Head(0, 1)), ("heads", (Head(2, 3), Head(1, 0)))), BOTH),
    Case("gpt2, raw", PathPatching, (KINDS_OF_CHANGE["edges"], MIDDLE[0]),
         (("source", Head(0, 3)), ("component", "k"), ("layers", (2,))), (WORD_PAIR,)),
    Case("gpt2, raw", PathPatching, (KINDS_OF_CHANGE["frozen"],), (("source", Head(0, 1)), ("component", "v")), BOTH),
    Case("gpt2, raw", PathPatching, (MIDDLE[0],), (("receiver", Head(2, 1)), ("component", "k")), BOTH),
    Case("llama", PathPatching, (KINDS_OF_CHANGE["second prompt alone"],),
         (("receiver", Head(2, 3)), ("component", "v"), ("direction", "noising"), ("layers", (1,))), BOTH),
)  # fmt: skip
HEAD_CASES = (
    Case("gpt2, raw", HeadStatistics, (KINDS_OF_CHANGE["edges"], KINDS_OF_CHANGE["second prompt alone"]), (), BOTH),
    Case("gemma, raw", HeadStatistics, (KINDS_OF_CHANGE["frozen"],), (("base", "corrupted"),)),
    Case("ground truth", HeadStatistics, (Ablate(Site("z", 1, (1,)), "mean"),), (("corpus", True), ("prompts", ()))),
    *(Case(model, CopyingScores, (), (("prompts", ()),)) for model in ("gpt2, raw", "gemma, raw", "ground truth")),
    Case("gpt2, raw", HeadProjection, (KINDS_OF_CHANGE["second prompt alone"],), (("tokens", ("w7", "w8")),), BOTH),
    Case("gemma, raw", HeadProjection, (), (("tokens", ("w7",)), ("minus", ("w9",)), ("position", 3))),
    Case("gpt2, raw", HeadTokens, (KINDS_OF_CHANGE["second prompt alone"],), (("top_k", 3),), BOTH),
    Case("gemma, raw", HeadTokens, MIDDLE, (("position", 3),)),
    Case("llama", BehaviourScores, (), (("prompts", ()), ("length", 9), ("sequences", 2), ("seed", 3))),
    Case("ground truth", BehaviourScores, (), (("prompts", ()),)),
)
ATTENTION_CASES = (
    Case("ground truth", AttentionWeights),
    Case("gemma, raw", AttentionWeights, MIDDLE),
    Case("gpt2, raw", AttentionWeights, (KINDS_OF_CHANGE["steered"], KINDS_OF_CHANGE["clamped"])),
    Case("llama", AttentionWeights, (Ablate(Site("z", 1, (1, 3))), Patch(Site("resid_post", 0)))),
    Case("gpt2, raw", AttentionWeights, (KINDS_OF_CHANGE["noise"],), (("layers", (2, 0)), ("prompt", 1)), BOTH),
    Case("neox", AttentionWeights, (), (), (PromptPair(words.CLEAN),)),
    Case("ground truth", HeadReading, (), (("head", Head(1, 3)),)),
    Case("gemma, raw", HeadReading, MIDDLE, (("head", Head(1, 2)), ("query", 5))),
    Case("llama", HeadReading, (KINDS_OF_CHANGE["edges"],), (("head", Head(1, 3)), ("top_k", 3))),
    Case("neox", HeadReading, (Patch(Site("resid_pre", 1)),), (("head", Head(2, 0)),)),
    Case("gpt2, raw", HeadReading, (KINDS_OF_CHANGE["noise"],), (("head", Head(2, 1)), ("prompt", 1)), BOTH),
    Case("gpt2, raw", HeadReading, (Patch(Site("resid_pre", 1)),), (("head", Head(1, 1)),)),
)
SAMPLES = tuple(Sample(f"w{at} w{at + 3} w7", -1 if at % 2 else 1) for at in range(10))
DIRECTIONS = (
    TokenDirection(("w7", "w8"), ("w9",)), TokenDirection(("w7",), (), "W_E"),
    MeanDifference("resid_post", 1, SAMPLES[:4], SAMPLES[4:]), PrincipalComponent("mlp_out", 2, SAMPLES, 1),
    Probe("resid_pre", 1, SAMPLES[:5], SAMPLES[5:], C=0.5, seed=3), SingularVector(Head(1, 3), 1),
    SingularVector(Head(1, 2), 0, "read"), Vector.of(tuple(float(at % 5) for at in range(32))),
    RandomDirection(4), Placebo(SingularVector(Head(0, 1)), 2),
)  # fmt: skip
COMPARED = tuple(NamedDirection(f"d{at}", each) for at, each in enumerate(DIRECTIONS))
DIRECTION_CASES = (
    *(Case(model, DirectionCard, (), (("prompts", ()), ("top_k", 4), ("direction", DIRECTIONS[at]),
                                      ("others", COMPARED)))
      for model, at in (("gpt2, raw", 0), ("gemma, raw", 5), ("llama", 4), ("neox", 3))),
    Case("llama", DirectionCard, (), (("prompts", ()), ("direction", DIRECTIONS[8]))),
    Case("gemma, raw", DirectionProjection, MIDDLE[1:], (("direction", DIRECTIONS[0]), ("activation", "attn_out"))),
    Case("gpt2, raw", DirectionProjection, (Patch(Site("resid_pre", 1), prompts=(0,)),),
         (("direction", DIRECTIONS[2]), ("activation", "resid_mid"), ("normalised", True)),
         (WORD_PAIR, PromptPair("w2 w5 w4"))),
    Case("llama", DirectionDistribution, (Patch(Site("z", 1)),), (("direction", DIRECTIONS[5]), ("position", 7)),
         BOTH),  # the second is too short
    Case("gemma, raw", DirectionWriters, (Ablate(Site("z", 0, (1,))), ProjectOut(Site("attn_out", 1), SINGULAR)),
         (("direction", DIRECTIONS[9]), ("neurons", 5))),
    Case("gpt2, raw", DirectionWriters,
         (Ablate(Site("mlp_post", 1, None, (0, 3))), Patch(Site("resid_post", 0, positions=(3,)), prompts=(0,)),
          ProjectOut(Site("resid_mid", 1), SINGULAR), Ablate(Site("resid_pre", 2))),
         (("direction", DIRECTIONS[7]), ("layer", 1), ("position", 3)), BOTH),
    Case("ground truth", DirectionWriters, (), (("direction", DIRECTIONS[8]), ("layer", 0))),
    Case("llama", HeadProjection, (Patch(Site("z", 1)),), (("direction", DIRECTIONS[2]), ("position", 3))),
    *(Case(model, DirectionReaders, (), (("prompts", ()), ("direction", DIRECTIONS[8]), ("draws", 20)))
      for model in ("gemma, raw", "neox", "ground truth")),
)  # fmt: skip
LENS_CASES = (
    Case("gpt2, raw", LogitLens, (), (("points", ("resid_pre", "resid_post")), ("lens", "tuned"))),
    Case("gpt2, raw", LogitLens, (KINDS_OF_CHANGE["noise"],),
         (("points", ("resid_pre", "resid_mid", "resid_post")), ("positions", (6, 2)), ("tokens", ("w3", "w9")))),
    Case("ground truth", ComponentLens),
    Case("llama", ComponentLens, (Patch(Site("resid_pre", 1)),), (("tokens", ("w3", "w9")), ("most", 6))),
    Case("gpt2, raw", ComponentLens, (KINDS_OF_CHANGE["noise"],), (("layer", 1), ("position", 5), ("prompt", 1)), BOTH),
    Case("gemma, raw", ComponentLens, MIDDLE, (("layer", 2), ("top_k", 3))),
    Case("neox", ComponentLens, (), (("position", 3),), (PromptPair(words.CLEAN),)),
)  # fmt: skip
GEOMETRY_CASES = (
    Case("gpt2, raw", ResidualGeometry, (KINDS_OF_CHANGE["second prompt alone"],), (("prompt", 1),), BOTH),
    Case("gemma, raw", ResidualGeometry, MIDDLE),
    Case("neox", ResidualGeometry),
    Case("gpt2, raw", ActivationMap, (KINDS_OF_CHANGE["edges"],), (("layer", 1), ("positions", "all")), BOTH),
    Case("llama", ActivationMap, (Patch(Site("resid_pre", 1)),),
         (("layer", 2), ("activation", "mlp_out"), ("positions", (2, 3)), ("both", True)), BOTH, GROUPS),
)  # fmt: skip
PARTS_CASES = (
    Case("gpt2, raw", LogitDecomposition, (KINDS_OF_CHANGE["second prompt alone"],), (("scale", "baseline"),), BOTH),
    Case("gemma, raw", LogitDecomposition, MIDDLE),
    Case("llama", LogitDecomposition, (Ablate(Site("z", 1, (1, 3))), Patch(Site("mlp_out", 0)))),
    Case(
        "gpt2, raw",
        Neurons,
        (KINDS_OF_CHANGE["second prompt alone"],),
        (("layer", 1), ("neuron", 7), ("prompt", 1), ("top_k", 4)),
        BOTH,
    ),
    Case("gemma, raw", Neurons, (), (("layer", 2), ("top_k", 3))),
    Case("neox", LogitDecomposition, (Patch(Site("resid_pre", 1)),), (("scale", "baseline"),)),
)
AUTOENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "standard": ("blocks.1.hook_resid_mid", {"normalize_activations": "layer_norm"}),
    "topk": ("blocks.1.hook_resid_post", {"rescale_acts_by_decoder_norm": True}),
    "jumprelu": ("blocks.0.hook_attn_out", {"apply_b_dec_to_input": False}),
    "gated": ("blocks.1.hook_mlp_out", {"normalize_activations": "constant_norm_rescale"}),
}
"""Architecture -> its hook and its configuration, in a folder beside each model."""
FEATURE = SaeFeature("topk", 7)
SAE_CASES = (
    Case("llama", SaeFeatures, (), (("folder", "topk"), ("fingerprint", ""), ("top_k", 3))),
    Case("gemma, raw", SaeFeatures, (Ablate(Site("z", 0, (1,))), Patch(Site("resid_post", 2))),
         (("folder", "gated"), ("fingerprint", ""), ("feature", 5), ("contexts", 2))),
    Case("gpt2, raw", SaeFeatures, (KINDS_OF_CHANGE["second prompt alone"],),
         (("folder", "standard"), ("fingerprint", ""), ("prompt", 1)), BOTH),
    Case("gpt2, raw", SaeFeatures, (), (("folder", "jumprelu"), ("fingerprint", "")), (PromptPair("w1 w2 w3"),)),
    Case("llama", DirectLogitAttribution,
         (ClampFeature(STREAM, FEATURE), ClampFeature(Site("mlp_out", 1, None, (2, 7)), SaeFeature("gated", 3), 2.0))),
    Case("gpt2, raw", Prediction, (ClampFeature(Site("resid_mid", 1), SaeFeature("standard", 3), 1.5),)),
    sweep("llama", AttributionPatching, Cells("z"), (ClampFeature(STREAM, FEATURE),), **FEW),
    Case("llama", Generation, (ClampFeature(STREAM, FEATURE, 2.0),), (("max_new_tokens", 3),)),
    Case("llama", DirectionCard, (), (("prompts", ()), ("direction", FEATURE))),
    Case("llama", Prediction, (Steer(STREAM, Placebo(SaeFeature("topk", 3), 1), 2.0),)),
)  # fmt: skip
ALL_CASES = (
    *SAE_CASES,
    *PARTS_CASES,
    *CURVE_CASES,
    *GEOMETRY_CASES,
    *DIRECTION_CASES,
    *LENS_CASES,
    *ATTENTION_CASES,
    *HEAD_CASES,
    *PATH_CASES,
    *GRADIENT_CASES,
    *REPAIR_CASES,
    *CASES,
    *SWEEP_CASES,
)
