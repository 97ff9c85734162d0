"""The numbers of number-agreement.md, part by part. `error` is the standard error over prompts; all metrics are logit
differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.recipes import AnyRecipe
from app.domain.results import METRICS
from app.domain.separation import auc
from app.domain.sites import Head
from app.engine import Engine
from app.figures.direction_tables import reader_names
from docs.stories import number_agreement as story

Floats = NDArray[np.float64]
Numbers = dict[str, Any]
KL = METRICS.index("kl_divergence")
SWAPS = 3
"""Placebos of a change that is no curve."""


class Asking:
    """Asks an engine, and reads what the story needs of results. All metrics are logit differences."""

    def __init__(self, engine: Engine) -> None:
        self.evaluate = engine.evaluate
        self.plain = {base: self.metric(story.predicted(base)) for base in ("clean", "corrupted")}

    def metric(self, recipe: AnyRecipe) -> Floats:
        """`[prompt]`"""
        return self.evaluate(recipe).metrics[0].astype(float)

    def facts(self, recipe: AnyRecipe) -> dict[str, float]:
        """Of a direction's card."""
        found = self.evaluate(recipe)
        return dict(zip(found.fact_names, found.facts.astype(float).tolist(), strict=True))

    def distance(self, place: story.Place, layer: int) -> float:
        """Between the means of the two groups of TRAIN, along their difference: its length."""
        return round(self.facts(story.card(story.direction(place, layer)))["length"], 2)

    def both(self, changes: tuple[Any, ...]) -> tuple[Floats, Floats]:
        """The metric of plural and of singular prompts under interventions."""
        clean, corrupted = (self.metric(story.predicted(base, *changes)) for base in ("clean", "corrupted"))
        return clean, corrupted


def mean(values: Floats) -> dict[str, float]:
    """With its standard error over prompts."""
    return {"mean": float(values.mean()), "error": float(values.std(ddof=1) / len(values) ** 0.5)}


def behaviour(ask: Asking) -> Numbers:
    """What the model does without us."""
    plural, singular = ask.plain["clean"], ask.plain["corrupted"]
    return {
        name: {"plural": mean(plural[of]), "singular": mean(singular[of]), "n": len(plural[of]) * 2,
               "correct": int((plural[of] > 0).sum() + (singular[of] < 0).sum())}
        for name, of in story.KINDS.items()
    }  # fmt: skip


def layers(ask: Asking) -> list[Numbers]:
    """At which layer and where the direction is read, and where it does something."""
    return [
        {"layer": layer, "place": place, **at_layer(ask, place, layer)}
        for place in ("subject", "END")
        for layer in story.LAYERS
    ]


def at_layer(ask: Asking, place: story.Place, layer: int) -> Numbers:
    """How well TESTS are told apart, and what the distance between the groups does when it is added."""
    read = ask.evaluate(story.distribution(place, layer)).projection[:, :, layer]
    distance = ask.distance(place, layer)
    found = ask.evaluate(story.curve(place, layer, "corrupted", (distance,)))
    added, placebo = found.values[0, :, 0] - found.clean[0], found.placebo[0, :, :, 0] - found.clean[0][:, None]
    return {
        "auc": auc(*read), "distance": distance, "norm": float(found.norm.mean()), "steered": mean(added),
        "placebos": sorted(placebo.mean(0).astype(float).tolist()), "flipped": int((found.values[0] > 0).sum()),
    }  # fmt: skip


def probes(ask: Asking) -> dict[str, Numbers]:
    """Accuracy on held-out samples of TRAIN, beside shuffled labels."""
    asked = (("subject", story.LAYER), ("END", story.LAYER), ("END", story.LATE))
    names = ("held_out_accuracy", "control_accuracy", "n_held_out")
    return {
        f"{place} L{layer}": {name: ask.facts(story.card(story.probe(place, layer)))[name] for name in names}
        for place, layer in asked
    }


def compared(ask: Asking) -> Numbers:
    """The direction beside others, and its nearest tokens."""
    found = ask.evaluate(story.card(story.direction(), story.COMPARED))
    return {
        "cosines": dict(zip(found.other_names, found.cosines.astype(float).tolist(), strict=True)),
        "nearest": found.nearest_tokens.tolist(), "promoted": found.promoted_tokens.tolist(),
        "suppressed": found.suppressed_tokens.tolist(),
    }  # fmt: skip


def curves(ask: Asking) -> dict[str, Numbers]:
    """The metric by strength, of both groups of prompts, and the text of the first one."""
    distance = ask.distance("subject", story.LAYER)
    strengths = [times * distance for times in story.TIMES]
    found = {}
    for base, name in (("corrupted", "singular"), ("clean", "plural")):
        curve = ask.evaluate(story.curve("subject", story.LAYER, base, strengths, tokens=8))
        found[name] = {
            "times": list(story.TIMES), "strengths": strengths, "norm": float(curve.norm.mean()),
            "values": curve.values[0].astype(float).round(4).T.tolist(),
            "kl": curve.values[KL].mean(0).astype(float).tolist(),
            "placebo": curve.placebo[0].mean(0).astype(float).T.tolist(), "texts": list(curve.texts),
        }  # fmt: skip
    at_all = ask.evaluate(story.everywhere(strengths))
    found["everywhere"] = {"texts": list(at_all.texts), "kl": at_all.values[KL, 0].astype(float).tolist()}
    return found


def changed(ask: Asking) -> dict[str, Numbers]:
    """Swapped with the other prompt, and projected out: the direction, and placebos."""
    ways: dict[str, Callable[[story.Place, int, int | None], tuple[Any, ...]]] = {
        "swapped": lambda place, layer, placebo: (story.swapped(place, layer, placebo),),
        "projected out": story.projected_out,
        "projected out, and of the 6 layers after": lambda *given: story.projected_out(*given, after=6),
    }
    asked = [("subject", story.LAYER, way) for way in ways] + [("END", story.LATE, way) for way in [*ways][:2]]
    return {
        f"{way}, {place} L{layer}": {
            "direction": outcome(ask, ways[way](place, layer, None)),
            "placebos": [outcome(ask, ways[way](place, layer, at)) for at in range(SWAPS)],
        }
        for place, layer, way in asked
    }


def outcome(ask: Asking, changes: tuple[Any, ...]) -> Numbers:
    """How far plural and singular prompts are apart, and how many are answered correctly."""
    plural, singular = ask.both(changes)
    return {"apart": mean(plural - singular), "correct": int((plural > 0).sum() + (singular < 0).sum()),
            "n": 2 * len(plural)}  # fmt: skip


def written(ask: Asking, most: int = 8) -> Numbers:
    """Which components write the direction of END: plural minus singular prompts, and where the first head looks."""
    plural, singular = (ask.evaluate(story.writers(base)) for base in ("clean", "corrupted"))
    heads = plural.heads[:, : story.LATE + 1] - singular.heads[:, : story.LATE + 1]
    mlps = {label: (plural.components - singular.components)[:, at]
            for at, label in enumerate(plural.component_labels) if not label.endswith(".attn")}  # fmt: skip
    named = {str(Head(*at)): heads[:, at[0], at[1]] for at in np.ndindex(heads.shape[1:])} | mlps
    first = sorted(named, key=lambda name: -abs(float(named[name].mean())))[:most]
    apart = plural.projection - singular.projection
    return {"apart": mean(apart), "writers": {name: mean(named[name]) for name in first},
            "looks": looks(ask, [name for name in first if "H" in name])}  # fmt: skip


def looks(ask: Asking, names: list[str]) -> Numbers:
    """Attention of heads from END to the subject and to the noun next to END, mean over plural prompts."""
    patterns = [ask.evaluate(story.attention(at)).pattern for at in range(len(story.TESTS))]
    at = {name: Head.parse(name) for name in names}
    return {name: float(np.mean([each[head.layer, head.head, story.END, story.SUBJECT] for each in patterns]))
            for name, head in at.items()}  # fmt: skip


def read(ask: Asking, most: int = 8) -> Numbers:
    """Who reads the direction of the subject in later layers, by the weights."""
    found = ask.evaluate(story.readers())
    named = zip(reader_names(found), found.layers, found.z.astype(float), found.norm.astype(float), strict=True)
    later = sorted((each for each in named if each[1] > story.LAYER), key=lambda each: -each[2])
    return {name: {"z": z, "norm": norm} for name, _, z, norm in later[:most]}


PARTS: dict[str, Callable[[Asking], Any]] = {
    "behaviour": behaviour, "layers": layers, "probes": probes, "compared": compared, "curves": curves,
    "changed": changed, "written": written, "read": read,
}  # fmt: skip
