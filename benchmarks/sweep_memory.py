"""Memory of the sweeps that take most, above the loaded model, at 256 tokens.

Every head of the first layers zeroed at all positions: the change is at position 0, so every row runs every position of
every layer above it and nothing can be left out. Every head's pattern patched: each layer's values are as large as
patterns are. Every pattern estimated: the graph of a whole pass, and gradients as large as the patterns.
The reference is the bound, the setting `sweep_memory`: its default, and about the smallest that is not refused for
pairs of this length. Each sweep has a process of its
own, because freed memory is not given back.
"""

import subprocess
import sys
from dataclasses import replace
from typing import Any

from app.compute.ablation import ablation
from app.compute.activation_patching import activation_patching
from app.compute.attribution_patching import attribution_patching
from app.domain.cells import Cells
from app.domain.models import Provenance
from app.domain.recipes import Ablation, ActivationPatching, AttributionPatching
from benchmarks.asked import Asked
from benchmarks.measuring import default_model, forget, memory_rise, pair_of_length

BOUNDS_MB = (2048, 640)
LAYERS = (0, 1, 2)
"""The first layers' rows run through all layers; more of them take longer and not more memory."""
TOKENS = 256
SWEEPS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "heads zeroed": (ablation, Ablation, {"cells": Cells("z", layers=LAYERS)}),
    "patterns patched": (activation_patching, ActivationPatching, {"cells": Cells("pattern")}),
    "patterns estimated": (
        attribution_patching, AttributionPatching, {"cells": Cells("pattern"), "top": 1, "bottom": 1, "sample": 0}
    ),
}  # fmt: skip


def run(asked: Asked) -> dict[str, Any]:
    """The rise of each sweep under each bound."""
    rows = [
        {"sweep": name, "bound_mb": bound, "rise_mb": (rise := _measured(name, bound)), "ratio": rise / bound}
        for name in SWEEPS
        for bound in BOUNDS_MB
    ]
    return {
        "what": f"resident memory above the model during sweeps at {TOKENS} tokens",
        "reference": "the bound, which is the setting sweep_memory",
        "rows": rows,
    }


def _measured(name: str, bound: int) -> float:
    """MB, in a process of its own."""
    program = f"from benchmarks.sweep_memory import rise; print(rise({name!r}, {bound}))"
    return float(subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()[-1])


def rise(name: str, bound: int) -> float:
    """MB above the loaded and verified model; a short sweep has already warmed up what is allocated once."""
    model = replace(default_model(), sweep_bytes=bound * 2**20)
    compute, kind, options = SWEEPS[name]

    def sweep(n_tokens: int) -> None:
        forget(model)
        recipe = kind(model=model.facts.spec, prompts=(pair_of_length(model, n_tokens),), **options)
        compute(model, recipe, digest="", provenance=Provenance.of(model.facts, {}))

    sweep(15)
    return memory_rise(lambda: sweep(TOKENS))
