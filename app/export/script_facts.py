"""What an exported program must know of a loaded model: how to load it again, and the recipe's texts as token ids."""

from app.domain.interventions import Reference
from app.domain.models import ModelFacts
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, AttentionPattern, LogitLens
from app.export.script import ScriptFacts, ScriptPrompt, references_of
from app.models import ground_truth_model
from app.models.catalogue import GROUND_TRUTH
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise

_COMPATIBILITY = "model.enable_compatibility_mode()  # fold norms and value biases, centre what is written and read"


def script_facts(model: LoadedModel, recipe: AnyRecipe, max_tokens: int = 512) -> ScriptFacts:
    """Reads the recipe's prompts, answers and reference texts with the model's tokenizer; the bridge does not run."""
    pairs = recipe.prompts
    if isinstance(recipe, AttentionPattern | LogitLens):
        pairs = pairs[recipe.prompt : recipe.prompt + 1]
    return ScriptFacts(
        title=model.facts.title,
        identity=model.facts.identity,
        loading=_loading(model),
        device=model.facts.device,
        prompts=tuple(_prompt(model, pair, max_tokens) for pair in pairs),
        references=tuple((each, _reference(model, each)) for each in references_of(recipe)),
    )


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
    facts, folder = model.facts, str(model.bridge.original_model.config.name_or_path)
    on_hub = facts.spec.source == "huggingface"
    revision = f"revision={facts.revision!r}, " if on_hub else ""
    return (
        "from transformer_lens.model_bridge import TransformerBridge",
        "from transformers import AutoModelForCausalLM",
        "",
        f"NAME = {facts.spec.name if on_hub else folder!r}",
        f'options = {{"dtype": torch.{facts.spec.dtype}, "attn_implementation": "eager"}}',
        f"hf_model = AutoModelForCausalLM.from_pretrained(NAME, {revision}**options).to({facts.device!r})",
        f"model = TransformerBridge.boot_transformers(NAME, hf_model=hf_model, device={facts.device!r})",
    )


def _ground_truth(facts: ModelFacts) -> tuple[str, ...]:
    """TransformerLens' own small model with the shipped weights."""
    weights = ground_truth_model.FOLDER / "model.safetensors"
    return (
        "from safetensors.torch import load_file",
        "from transformer_lens.config import TransformerBridgeConfig",
        "from transformer_lens.model_bridge import TransformerBridge",
        "",
        f"SIZES = {ground_truth_model.SIZES}",
        f"model = TransformerBridge.boot_native(TransformerBridgeConfig(**SIZES), device={facts.device!r})",
        f"weights = load_file({str(weights)!r})",
        "model.load_state_dict({name: value.float() for name, value in weights.items()})",
    )
