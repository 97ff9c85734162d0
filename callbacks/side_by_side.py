"""The sweeps that stand side by side: which method is where, what each still needs, how far each has come."""

from dataclasses import dataclass
from typing import Any

from app.domain.experiment import Experiment
from app.domain.session import Viewed
from app.domain.sweep_asked import SweepAsked, SweepMethod
from app.engine import Engine
from callbacks.evaluate import lacking_answers
from callbacks.reading import REFUSALS, Asked, Refused
from layouts import ids
from layouts.sweep_map import NO_CELLS

KINDS: tuple[str, ...] = ("sweep", *ids.BESIDE)
"""The digest stores of the sweeps: the map's, then those beside it."""
PAIRED = ("denoising", "noising", "estimate")
NEEDS_PAIR = "Patching needs a corrupted prompt of the same length for every prompt: give one in the rail, or ablate."
NEEDS_ANSWER = "Name an answer in the rail for every prompt, then press Run; or read the sweep as KL divergence."
NEEDS_NOISE = "Causal tracing corrupts tokens: select them in the rail, then press Corrupt tokens."
NO_RATIO = "Recovered is a share of one run's own clean and corrupted ends, so it has no difference; read it as effect."


def method_of(sweep: SweepAsked, kind: str) -> SweepMethod | None:
    """The method behind a digest store of KINDS, None where there is no sweep."""
    shown = (sweep.method, *sweep.against)
    return dict(zip(KINDS, shown, strict=False)).get(kind)


def kinds_beside(sweep: SweepAsked) -> tuple[str, ...]:
    """The digest stores of the sweeps beside the map."""
    return ids.BESIDE[: len(sweep.against)]


def lacking(experiment: Experiment, sweep: SweepAsked, method: SweepMethod) -> str | None:
    """What must be given before this method has numbers, None where nothing is missing."""
    unanswered = _unanswered(experiment, "logit_diff" if method == "estimate" else sweep.metric, method)
    if unanswered:
        return unanswered
    if method in PAIRED and any(pair.corrupted is None for pair in experiment.prompt_set):
        return NEEDS_PAIR
    return NEEDS_NOISE if method == "tracing" and sweep.noise is None else None


def _unanswered(experiment: Experiment, metric: str, method: SweepMethod) -> str | None:
    """What the metric needs of the answers: a difference both kinds, KL none; without an answer, causal tracing takes
    the token that the clean run predicts."""
    if metric == "logit_diff":
        return lacking_answers(experiment)
    named = metric == "kl_divergence" or method == "tracing" or all(pair.answer for pair in experiment.prompt_set)
    return None if named else NEEDS_ANSWER


@dataclass(frozen=True)
class SideBySide:
    """The sweeps on screen; `digests` are their stores by kind, those that are known."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    sweep: SweepAsked
    digests: dict[str, Any]

    def swept(self, kind: str, not_yet: str = NO_CELLS) -> Any:
        """A sweep's result as far as it has come, or what is in the way."""
        method = method_of(self.sweep, kind)
        why = method and lacking(self.experiment, self.sweep, method)
        if why:
            raise Refused(why)
        if self.view.show == "difference" and self.sweep.normalised != "effect":
            raise Refused(NO_RATIO)
        return Asked(self.engine, self.experiment, self.digests.get(kind), self.view.show).swept(not_yet)

    def known(self, *kinds: str) -> list[tuple[Any, SweepMethod]]:
        """(result, method) of those of these sweeps that have cells."""
        found = []
        for kind in kinds:
            method = method_of(self.sweep, kind)
            if method is None or self.digests.get(kind) is None:
                continue
            try:
                found.append((self.swept(kind), method))
            except REFUSALS:
                continue
        return found

    def coloured_with(self, kind: str) -> list[tuple[Any, SweepMethod]]:
        """The other sweeps whose maps share this one's colours; none where each has its own, or scatters are drawn."""
        shared = self.sweep.one_scale and self.sweep.against_as == "map"
        return self.known(*(other for other in KINDS if other != kind)) if shared else []

    def left_of(self, kind: str) -> list[tuple[Any, SweepMethod]]:
        """The sweeps before this one, in the order of the screen."""
        return self.known(*KINDS[: KINDS.index(kind)])
