"""Which engine runs a sweep: the replay where it is verified and covers what is asked, otherwise the bridge and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from app.compute.bridge_rows import bridge_base
from app.compute.bridge_values import bridge_values
from app.compute.held import for_prompt, held
from app.compute.passes import Ids
from app.compute.reading import ReadPrompt
from app.compute.replay_rows import replay_base, replay_reads, replay_traces, replay_values
from app.compute.replay_verify import replay_weights
from app.compute.replay_weights import Uncovered, Weights
from app.compute.variations import Base, Held, Reads, Row, Values
from app.domain.interventions import Frozen, Interventions, frozen
from app.domain.sites import Site
from app.models.loaded import LoadedModel

Freeze = frozenset[Frozen]
NOTHING: Freeze = frozenset()


class Runs(Protocol):
    """One model's runs by one engine: `base` is ready for rows, `values` are a run's own activations, `reads` what its
    layers make of other streams. `ahead` names the plain runs that will be asked for next, so that they can run
    together."""

    def base(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Base: ...

    def values(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Values: ...

    def reads(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Reads: ...

    def ahead(self, prompts: Sequence[Ids]) -> None: ...


@dataclass(frozen=True, eq=False)
class BridgeRuns:
    """All by the bridge; `reason` says why."""

    model: LoadedModel
    reason: str = "asked for"

    def base(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Base:
        """The bridge's."""
        return bridge_base(self.model, ids, in_force, freeze, reason=self.reason)

    def values(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Values:
        """The bridge's."""
        return bridge_values(self.model, ids, in_force, freeze)

    def reads(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Reads:
        """A whole pass for every stream."""

        def read(site: Site, stream: Tensor) -> Tensor:
            return self.values(ids, (*in_force, Held(Site("resid_pre", site.layer), stream)), freeze)(site)

        return read

    def ahead(self, prompts: Sequence[Ids]) -> None:
        """The bridge runs prompts one by one: padding would change its positions."""


@dataclass(frozen=True, eq=False)
class ReplayRuns:
    """By the replay; what that does not cover, by the bridge."""

    model: LoadedModel
    weights: Weights

    def base(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Base:
        """The replay's where it covers what is in force."""
        try:
            return replay_base(self.model, self.weights, ids, in_force, freeze)
        except Uncovered as reason:
            return BridgeRuns(self.model, str(reason)).base(ids, in_force, freeze)

    def values(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Values:
        """The replay's where it has them."""

        def value(site: Site) -> Tensor:
            try:
                return replay_values(self.model, self.weights, ids, in_force, freeze)(site)
            except Uncovered:
                return bridge_values(self.model, ids, in_force, freeze)(site)

        return value

    def reads(self, ids: Ids, in_force: Row = (), freeze: Freeze = NOTHING) -> Reads:
        """That layer's attention alone, by the replay where it covers what is in force."""
        try:
            return replay_reads(self.model, self.weights, ids, in_force, freeze)
        except Uncovered as reason:
            return BridgeRuns(self.model, str(reason)).reads(ids, in_force, freeze)

    def ahead(self, prompts: Sequence[Ids]) -> None:
        """In right-padded batches, remembered for `base` and `values`."""
        replay_traces(self.model, self.weights, prompts)


def runs_of(model: LoadedModel) -> Runs:
    """The replay where it is verified, otherwise the bridge."""
    weights = replay_weights(model)
    return BridgeRuns(model, weights) if isinstance(weights, str) else ReplayRuns(model, weights)


def in_force(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, freeze: Freeze, runs: Runs
) -> tuple[Row, Freeze]:
    """What the interventions hold in the prompt's run, and what they and the sweep freeze there."""
    mine = for_prompt(interventions, prompt.index)
    return held(model, prompt, interventions, runs.values), freeze | frozen(mine)
