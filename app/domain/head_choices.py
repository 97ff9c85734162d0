"""What the page offers of every head: each number with the recipe that gives it, its formula and what it needs.

A choice is a name that queries and links use (`induction`, `zero`), a *source* (a recipe of the experiment on screen)
and a number of that source's result (app/domain/head_quantities.py, which says sign, unit, and what 0 and 1 mean).
Sources that are of the model alone have one run, whatever is changed; the others have a baseline and an intervened one.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.head_quantities import QUANTITIES, HeadQuantity

Needs = Literal["nothing", "answers", "pair", "direction"]


@dataclass(frozen=True)
class HeadSource:
    """A recipe: its kind and options. `needs`: nothing, two answers of the prompt, a corrupted one
    besides, or a direction in the library."""

    kind: str
    needs: Needs = "nothing"
    alone: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def _ablation(method: str) -> HeadSource:
    return HeadSource("ablation", "answers", options={"method": method})


def _patching(direction: str, activation: str = "z") -> HeadSource:
    cells = {"activation": activation}
    return HeadSource("activation_patching", "pair", options={"direction": direction, "base": "clean", "cells": cells})


SOURCES: dict[str, HeadSource] = {
    "direct": HeadSource("direct_logit_attribution", "answers"),
    "zero": _ablation("zero"),
    "mean": _ablation("mean"),
    "resample": _ablation("resample"),
    "denoising": _patching("denoising"),
    "noising": _patching("noising"),
    "value_patching": _patching("denoising", "v"),
    "pattern_patching": _patching("denoising", "pattern"),
    "estimate": HeadSource("attribution_patching", "pair", options={"direction": "denoising", "base": "clean"}),
    "statistics": HeadSource("head_statistics"),
    "behaviour": HeadSource("behaviour_scores", alone=True),
    "copying": HeadSource("copying_scores", alone=True),
    "projection": HeadSource("head_projection", "answers"),
    "along": HeadSource("head_projection", "direction"),
}


@dataclass(frozen=True)
class HeadChoice:
    """One row: `words` are how a figure names it."""

    group: str
    label: str
    source: str
    number: str
    words: str
    formula: str
    told: str | None = None
    """Another number of the same source that hovers tell beside it."""

    @property
    def row(self) -> HeadQuantity:
        """Sign, unit, and what 0 and 1 mean."""
        return QUANTITIES[self.number]

    @property
    def swept(self) -> bool:
        """Whether it is an exact effect, one experiment per head."""
        return self.number == "effect"

    @property
    def unit(self) -> str:
        """The unit of its colours and axes."""
        return "Δ logit diff" if self.swept else self.row.unit


def _effect(name: str, label: str, words: str, formula: str, group: str = "Effects, exact") -> HeadChoice:
    return HeadChoice(group, label, name, "effect", words, formula)


def _statistic(number: str, label: str, formula: str) -> HeadChoice:
    return HeadChoice("Attention on this prompt", label, "statistics", number, QUANTITIES[number].title, formula)


def _behaviour(number: str, formula: str) -> HeadChoice:
    title = QUANTITIES[number].title
    told = "attention_to_first"
    return HeadChoice("Behaviour on repeated random tokens, seed 0", title, "behaviour", number, title, formula, told)


def _copying(number: str, label: str, formula: str) -> HeadChoice:
    return HeadChoice("Copying, from the weights", label, "copying", number, QUANTITIES[number].title, formula)


CHOICES: dict[str, HeadChoice] = {
    "direct": HeadChoice(
        "Attribution", "direct attribution", "direct", "direct", QUANTITIES["direct"].title,
        "(z·W_O − mean) / σ · u,  u = W_U[answer] − W_U[instead]",
    ),
    "projection": HeadChoice(
        "Attribution", "projection on the answers", "projection", "projection", "projection on the answers",
        "(z·W_O) · u / |u|,  u = W_U[answer] − W_U[instead]",
    ),
    "along": HeadChoice(
        "Attribution", "projection on the direction", "along", "projection", "projection on the direction",
        "(z·W_O) · d̂ at END,  d̂ the direction of the library that is looked at",
    ),
    "zero": _effect("zero", "zero ablation", "zero ablation", "LD(z = 0) − LD(run)"),
    "mean": _effect("mean", "mean ablation", "mean ablation (background)", "LD(z = mean of background z) − LD(run)"),
    "resample": _effect(
        "resample", "resample ablation", "resample ablation (background, 1 draw, seed 0)",
        "LD(z of a random background position) − LD(run)",
    ),
    "denoising": _effect(
        "denoising", "denoising", "activation patching (denoising)", "LD(corrupted run, z from clean) − LD(corrupted)",
    ),
    "noising": _effect(
        "noising", "noising", "activation patching (noising)", "LD(clean run, z from corrupted) − LD(clean)",
    ),
    "value_patching": _effect(
        "value_patching", "value patching", "activation patching (denoising) of v",
        "LD(corrupted run, v from clean) − LD(corrupted)",
    ),
    "pattern_patching": _effect(
        "pattern_patching", "pattern patching", "activation patching (denoising) of pattern",
        "LD(corrupted run, pattern from clean) − LD(corrupted)",
    ),
    "estimate": HeadChoice(
        "Effects, estimated", "attribution patching", "estimate", "estimate",
        "attribution patching (denoising, estimated)", "(z_clean − z_corrupted) · ∂LD/∂z of the corrupted run",
    ),
    "entropy": _statistic("entropy", "entropy", "mean_q of −Σ_k A[q,k] ln A[q,k]"),
    "normalised_entropy": _statistic(
        "normalised_entropy", "normalised entropy", "mean_q of −Σ_k A[q,k] ln A[q,k] / ln(q + 1)"
    ),
    "attention_to_first": _statistic("attention_to_first", "attention to first", "mean_q of A[q, 0]"),
    "attention_to_self": _statistic("attention_to_self", "attention to self", "mean_q of A[q, q]"),
    "mean_distance": _statistic("mean_distance", "mean distance", "mean_q of Σ_k A[q,k] (q − k)"),
    "output_norm": _statistic("output_norm", "output norm", "mean_q of |z_q W_O|"),
    "previous_token": _behaviour("previous_token", "mean_q of A[q, q − 1]"),
    "duplicate_token": _behaviour("duplicate_token", "mean_q of A[q, q − R],  R ≤ 50 random tokens, repeated"),
    "induction": _behaviour("induction", "mean_q of A[q, q − R + 1],  R ≤ 50 random tokens, repeated"),
    "prefix_matching": _behaviour("prefix_matching", "mean_q of Σ A[q, k],  k directly after earlier tokens like q"),
    "copying": _copying("copying", "copying score", "Re Σλ / Σ|λ|,  λ eigenvalues of W_V W_O"),
    "copying_full": _copying("copying_full", "copying score, tokens", "Re Σλ / Σ|λ|,  λ of W_E W_V W_O W_U"),
}  # fmt: skip
"""In the order in which they are offered, by group."""


def described() -> dict[str, dict[str, Any]]:
    """The table as the page's scripts read it (assets/), from names to plain values."""
    return {name: _plain(choice) for name, choice in CHOICES.items()}


def _plain(choice: HeadChoice) -> dict[str, Any]:
    row, source = choice.row, SOURCES[choice.source]
    own = {
        name: getattr(choice, name)
        for name in ("group", "label", "source", "number", "words", "formula", "unit", "told")
    }
    read = {name: getattr(row, name) for name in ("signed", "limit", "zero", "one")}
    done = "patched" if source.kind == "activation_patching" else "ablated"
    activation = source.options.get("cells", {}).get("activation", "z")
    shared = {"k": "keys", "v": "values"}.get(activation, "")  # of key-value heads, which several heads read
    return {**own, **read, "shared": shared, "swept": choice.swept, "alone": source.alone, "done": done}
