"""Engine.evaluate(recipe) -> Result: the only stateful object; model, lock, cache and queue behind one door.

A result is looked up by digest: SHA-256 of (model identity, BOS, device, recipe without its model name, versions of
the libraries that matter). What is not known is computed on the compute thread; who asks for what is being computed
already waits for the same computation. Importing this module imports no torch: that happens on the compute thread.

    from app.engine import Engine
    from app.domain.recipes import parse_recipe

    engine = Engine()
    result = engine.evaluate(parse_recipe({"kind": "prediction", "model": "ground-truth", "prompts": ["3 1 4 1 3"]}))
"""

import functools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app import answered
from app.analyses import ANALYSES
from app.cache import DiskStore, ResultCache, Store
from app.computations import Computations, told
from app.compute.report import Report
from app.domain import recipes
from app.domain.cost import Cost
from app.domain.directions import AnyDirection
from app.domain.models import ModelFacts, ModelSpec, Provenance
from app.domain.prompts import TokenisedPrompt
from app.domain.questions import settled
from app.domain.recipes import AnyRecipe
from app.domain.results import Result, difference, draw_with
from app.domain.views import View
from app.jobs.threads import ComputeThread
from app.models.catalogue import Entry, entries, resolve
from app.models.folders import check_below, folders_named
from app.models.loaded import LoadedModel
from app.paces import Paces
from app.residents import ModelStatus, ResidentModels
from app.saved_views import SavedViews
from app.screens import Screens
from app.settings import Settings, read

log = logging.getLogger(__name__)
NUMBERS = 3
"""Part of every digest, beside Microtome's version. Raised with a change, within a version, after which a computation
gives numbers that differ by more than rounding, so that what a checkout of yesterday has cached is not found."""
COUNTING = "counting what a sweep takes"
_LIBRARIES = ("torch", "transformer-lens", "transformers")
draw_with(lambda: import_module("app.notebook"))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Counters:
    """`hits` and `misses` of the cache since the start; computations `running` and `waiting` now, and what they are."""

    hits: int
    misses: int
    running: int
    waiting: int
    running_names: tuple[str, ...] = ()
    waiting_names: tuple[str, ...] = ()


class Engine:
    """`model` is a live TransformerBridge, or a LoadedModel, and becomes the default model. `store` keeps results in
    another place than the cache folder."""

    def __init__(self, settings: Settings | None = None, model: Any | None = None, store: Store | None = None) -> None:
        self.settings = settings or read()
        self.spec = self.settings.spec
        self._thread = ComputeThread(limit=self.settings.queue_limit)
        self._models = ResidentModels(self._thread, self._load, self.settings.models_in_memory)
        store = store or DiskStore(self.settings.cache_folder, self.settings.cache_limit)
        self._results = ResultCache(store, {row.kind: row.result for row in ANALYSES.values()})
        self._computations = Computations(self._thread, self._results, self.settings.max_tokens)
        self.views = SavedViews(self.settings.cache_folder / "views", self.settings.views_limit)
        self._paces = Paces()
        self.screens = Screens()
        self._endings: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._hits = 0
        if model is not None:
            self._keep_live(model)

    # models

    def start(self) -> None:
        """In the background: import torch and TransformerLens, then load the default model. Returns at once."""
        self._thread.submit(self._import_libraries, name="loading libraries")
        self.want(self.spec)

    def entries(self) -> tuple[Entry, ...]:
        """The models that can be picked by name."""
        added = entries(self.settings.home)
        return added if self.spec.source != "live" else (self._live_entry(), *added)

    def status(self, spec: ModelSpec) -> ModelStatus:
        """How far a model is; begins nothing and never waits."""
        status = self._models.status(self._resident(spec))
        return status if status.facts is None else replace(status, facts=_asked(status.facts, spec))

    def want(self, spec: ModelSpec) -> None:
        """Begin loading where that is needed; never waits."""
        self._models.want(self._resident(spec))

    def facts(self, spec: ModelSpec) -> ModelFacts:
        """What the model says of itself; waits until it is loaded."""
        return _asked(self._models.facts(self._resident(spec)), spec)

    def provenance(self, spec: ModelSpec) -> Provenance:
        """Where numbers of this model come from."""
        return Provenance.of(self.facts(spec), versions())

    # prompts and answers, by the tokenizer alone

    def read_prompt(self, spec: ModelSpec, text: str) -> TokenisedPrompt:
        """The prompt as the model sees it; `BadPrompt` where it is empty or too long."""
        from app.models.tokens import tokenise

        return tokenise(self._model(spec), text, self.settings.max_tokens)

    def read_answer(self, spec: ModelSpec, text: str) -> str:
        """The one token's string; `BadAnswer` that shows the split where it is several."""
        from app.models.tokens import token_id, token_string

        model = self._model(spec)
        return token_string(model, token_id(model, text))

    def search_tokens(self, spec: ModelSpec, query: str, limit: int = 20) -> tuple[str, ...]:
        """Tokens of the vocabulary that match, best first."""
        from app.models.tokens import search

        return search(self._model(spec), query, limit)

    def read_lens(self, spec: ModelSpec, folder: str) -> str:
        """The fingerprint of the tuned lens in a folder; refuses one that does not fit the model."""
        check_below(folder, self.settings.roots)
        return import_module("app.compute.lens_streams").fitting_lens(self._model(spec), folder)

    def read_autoencoder(self, spec: ModelSpec, folder: str) -> tuple[str, Any]:
        """The fingerprint of the autoencoder in a SAELens folder, and itself; refuses what does not fit the model."""
        check_below(folder, self.settings.roots)
        return import_module("app.compute.autoencoders").fitting_autoencoder(self._model(spec), folder)

    def check(self, recipe: AnyRecipe) -> None:
        """Refuse a recipe whose prompts, answers, sites or pair lengths do not hold on its model."""
        from app.checks import check

        self._check_folders(recipe)
        check(self._model(recipe.model), settled(recipe), self.settings.max_tokens)

    def _check_folders(self, recipe: AnyRecipe) -> None:
        """Refuse a recipe with folders that are not to be read here."""
        if self.settings.roots is not None:
            for folder in folders_named(recipes.recipe_dict(recipe)):
                check_below(folder, self.settings.roots)

    def _check_here(self, recipe: AnyRecipe) -> None:
        """And one that does not fit into the memory that sweeps may take here."""
        self.check(recipe)
        import_module("app.compute.room").check_room(self._model(recipe.model), recipe, self.settings.max_tokens)

    # results

    def digest(self, recipe: AnyRecipe) -> str:
        """The address of the recipe's result."""
        facts = self.facts(recipe.model)
        asked = recipes.recipe_dict(settled(recipe))
        asked.pop("model")
        return recipes.digest(
            facts.identity, recipe.model.prepend_bos, facts.device, asked, sorted(versions().items()), NUMBERS
        )

    def evaluate(
        self, recipe: AnyRecipe | str | dict[str, Any], report: Report | None = None, urgent: bool = True
    ) -> Result:
        """The result: from the cache, from whoever computes it already, or computed. Waits. A recipe is also taken as
        the JSON that the page copies; one that names no model is of this engine's.

        `report` hears of progress in this thread; raising `Cancelled` in it leaves the computation, which ends when
        nobody is left. Sweeps are not `urgent`: between their batches urgent work goes first. A sweep that was left, or
        that its process did not survive, goes on where it was.
        """
        recipe = settled(recipes.as_recipe(recipe, self.spec))
        digest = self.digest(recipe)
        found = self._results.get(digest)
        if found is not None:
            with self._lock:
                self._hits += 1
            answered.note(told(digest, recipe, None))
            return found
        self._check_here(recipe)  # loads the model where it had left, perhaps from a folder that has changed since,
        digest, model = self.digest(recipe), self._model(recipe.model)  # so asked anew
        computed = self._computations.joined(digest, model, recipe, self.provenance(recipe.model), urgent)
        with self._paces.watched(digest, report) as heard:
            result = computed.wait(heard)
        answered.note(told(digest, recipe, computed.seconds))
        return result

    def view(self, view: View, report: Report | None = None) -> Result:
        """The numbers a view shows: the baseline, the intervened run, or their difference."""
        show, recipe = view.style.show, view.recipe
        if show == "baseline":
            return self.evaluate(recipes.baseline(recipe), report)
        intervened = self.evaluate(recipe, report)
        if show == "intervened":
            return intervened
        return difference(intervened, self.evaluate(recipes.baseline(recipe), report))

    def script(self, recipe: AnyRecipe | str | dict[str, Any], onto: AnyDirection | None = None) -> str:
        """The recipe as a TransformerLens program that recomputes it without Microtome; of a map of activations
        `onto` is the direction that its points are projected on."""
        from app.export.script import script
        from app.export.script_facts import script_facts

        recipe = settled(recipes.as_recipe(recipe, self.spec))
        self.check(recipe)
        return script(recipe, script_facts(self._model(recipe.model), recipe, self.settings.max_tokens, onto))

    def result(self, digest: str) -> Result | None:
        """A finished result from the cache."""
        return self._results.get(digest)

    def partial(self, digest: str) -> Result | None:
        """The newest partial result: of the computation that runs, or kept from one that did not end."""
        return self._computations.partial(digest)

    def preview(self, recipe: AnyRecipe) -> Cost:
        """What evaluating the recipe will take here, as sweeps before it have taught. Waits for its turn and then for a
        fraction of a second, once per model, kind of cells and length of prompts."""
        recipe = settled(recipe)
        self._check_here(recipe)
        digest = self.digest(recipe)
        known = self._results.get(digest) or self._results.partial(digest)
        cost = import_module("app.compute.cost").cost
        work = functools.partial(cost, self._model(recipe.model), recipe, known, self.settings.max_tokens)
        return self._paces.quoted(digest, recipe, self._thread.submit(work, name=COUNTING).result())

    def counters(self) -> Counters:
        """How busy the engine is."""
        running, waiting = self._thread.names
        return Counters(self._hits, self._computations.begun, len(running), len(waiting), running, waiting)

    # life

    def serve(self, port: int = 0, open_browser: bool = False) -> str:
        """Show the page on this engine from a thread of its own; returns its address. In Jupyter, also shows it."""
        return _above("app.beside").serve(self, port, open_browser)

    def show(self, shown: Any = None, height: int = 800, proxy: str | None = None) -> Any:
        """The page in a cell of a notebook, on a recipe, a view, a session, a result, or JSON of these; elsewhere its
        address is printed. What the person selects there is in the `app.beside.Shown` that this returns. `proxy`: where
        the notebook server shows ports of its machine, where the browser is on another one (docs/notebooks)."""
        return _above("app.beside").show(self, shown, height, proxy)

    def when_closed(self, ending: Callable[[], None]) -> None:
        """Something to do when this engine is closed: a page that stands on it."""
        self._endings.append(ending)

    def close(self) -> None:
        """Take nothing new; what waits is dropped, a sweep that runs is kept as far as it is, and pages end."""
        while self._endings:
            self._endings.pop()()
        self._computations.close()
        self._results.close()

    def _model(self, spec: ModelSpec) -> Any:
        model = self._models.get(self._resident(spec))
        return replace(model, facts=_asked(model.facts, spec))

    def _resident(self, spec: ModelSpec) -> ModelSpec:
        """What is in memory for this spec: with and without BOS, prompts are read differently by one model."""
        return replace(resolve(spec, self.settings.home), prepend_bos=True)

    def _live_entry(self) -> Entry:
        facts = self.facts(self.spec)
        return Entry(facts.title, facts.title, self.spec, "in memory, handed over from Python")

    def _import_libraries(self) -> None:
        """On the compute thread: the slow imports, seconds before the first load needs them."""
        import_module("transformer_lens")
        self._models.starting = False

    def _load(self, spec: ModelSpec, tell: Callable[[str], None]) -> Any:
        from app.models.load import load

        self._check_place(spec)
        model = load(spec, device=self.settings.device, tell=tell, home=self.settings.home)
        tell(f"comparing the fast sweep engine with {model.facts.title}")
        return self._bounded(_verified(model))

    def _check_place(self, spec: ModelSpec) -> None:
        """Refuse a folder or file that is not of the list, nor the one to start with, nor where folders are read."""
        home = self.settings.home
        known = {resolve(each.spec, home).name for each in entries(home)} | {resolve(self.settings.spec, home).name}
        here = spec.source == "huggingface" and Path(spec.name).exists()  # transformers would read that one
        if spec.name not in known and (spec.source in ("folder", "gguf") or here):
            check_below(spec.name, self.settings.roots)

    def _keep_live(self, model: Any) -> None:
        if not isinstance(model, LoadedModel):
            from app.models.load import live

            model = _verified(live(model))
        model = self._bounded(model)
        self.spec = model.facts.spec
        self._models.keep(self._resident(self.spec), model)

    def _bounded(self, model: LoadedModel) -> LoadedModel:
        """The model with the memory that its sweeps may take."""
        return replace(model, sweep_bytes=self.settings.sweep_memory * 2**20)


def _above(name: str) -> Any:
    """By name: the page lies above the engine, and arrows point inwards."""
    return import_module(name)


def _asked(facts: ModelFacts, spec: ModelSpec) -> ModelFacts:
    """The facts, reading prompts with or without BOS as this spec asks."""
    return replace(facts, spec=replace(facts.spec, prepend_bos=spec.prepend_bos))


def _verified(model: LoadedModel) -> LoadedModel:
    """The model with what the fast sweep engine made of it: compared with the bridge once, when it is loaded."""
    from app.compute.replay_verify import engine_name

    return replace(model, facts=replace(model.facts, sweep_engine=engine_name(model)))


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the libraries that decide the numbers; read without importing them."""
    return {name: _version(name) for name in (*_LIBRARIES, "microtome")}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from source"
