"""Logit lens and tuned lens: what the model would predict if it stopped after each layer (docs/formulas.md).

`softcap(LN_final(h) @ W_U + b_U)` at every point and position, the final norm's statistics recomputed on each stream;
the last resid_post gives the true logits. A tuned lens reads `h + A h + b` instead of h (app/models/tuned_lens.py).
Probabilities of one token; entropy and KL(final || lens) in nats, `final` being the run's own distribution at that
position; ranks count tokens with a strictly larger logit (0 = top). `answer_probability` is the answers' total. Without
answers these are NaN.
Source: nostalgebraist, "interpreting GPT: the logit lens" (LessWrong, 2020); Belrose et al. 2023.
Rows are read in chunks, so the full point x position x vocabulary array never exists.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.lens_streams import Streams, lens_streams
from app.compute.metrics import logit_diff, of_answers
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import ReadPrompt, array, chosen_prompt
from app.compute.reading import Ids
from app.compute.report import Report, silent
from app.domain.lens_recipes import LogitLens
from app.domain.lens_results import LogitLensResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, token_string

CHUNK_BYTES = 48 * 2**20
"""Logits held at once; above glibc's largest mmap threshold (32 MB), so that freed chunks return to the system."""
_POSITIONS = 4
"""A chunk has at most one over this many of its rows as positions, so that it holds several points of each."""


def logit_lens(
    model: LoadedModel,
    recipe: LogitLens,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> LogitLensResult:
    """Top tokens, entropy, divergence, the answers' metrics and the tokens' numbers of every point and position."""
    check_top_k(recipe.top_k, model)
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    streams = lens_streams(model, prompt, recipe)
    kept = _Kept(prompt, lens_tokens(model, recipe.tokens, prompt), recipe.top_k)
    read = _read_in_chunks(model, streams, kept, report)
    return LogitLensResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, str_tokens=prompt.clean.str_tokens,
        positions=streams.positions, points=streams.points, lens=streams.lens,
        tokens=tuple(token_string(model, each) for each in kept.tokens),
        top_tokens=token_strings(model, read.pop("top_ids")), **{name: array(values) for name, values in read.items()},
    )  # fmt: skip


def lens_tokens(model: LoadedModel, tokens: tuple[str, ...], prompt: ReadPrompt) -> Ids:
    """The tokens whose numbers are kept: the chosen ones, else the answers."""
    return answer_ids(model, tokens) or tuple(dict.fromkeys((*prompt.answer_ids, *prompt.incorrect_ids)))


def read_out(model: LoadedModel, resid: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_vocab"]:
    """The model's own path from a residual stream to logits, output transform included."""
    bridge = model.bridge
    with model.lock, torch.no_grad():
        logits = bridge.unembed(bridge.ln_final(resid[None].to(bridge.cfg.dtype)))[0]
        return bridge.adapter.apply_output_logits_transform(logits).float()


@dataclass(frozen=True)
class _Kept:
    """What is kept of a row's logits."""

    prompt: ReadPrompt
    tokens: Ids
    top_k: int


def _read_in_chunks(model: LoadedModel, streams: Streams, kept: _Kept, report: Report) -> dict[str, Tensor]:
    """What is kept of every row's logits, `[point position ...]`."""
    rows = max(1, CHUNK_BYTES // (4 * model.facts.d_vocab))
    n_points, n_positions = streams.stack.shape[:2]
    done, parts = 0, list[dict[str, Tensor]]()
    for here in torch.arange(n_positions).split(max(1, min(n_positions, rows // _POSITIONS))):
        final = read_out(model, streams.final[here]).log_softmax(-1)
        blocks: list[dict[str, Tensor]] = []
        for block in streams.stack[:, here].split(max(1, rows // len(here))):
            report(done, n_points * n_positions)
            logits = read_out(model, block.flatten(0, 1))
            blocks.append(
                {name: each.unflatten(0, block.shape[:2]) for name, each in _summary(logits, final, kept).items()}
            )
            done += len(logits)
        parts.append({name: torch.cat([block[name] for block in blocks]) for name in blocks[0]})
    return {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}


def _summary(
    logits: Float[Tensor, "row d_vocab"], final: Float[Tensor, "pos d_vocab"], kept: _Kept
) -> dict[str, Tensor]:
    """Of a chunk of rows, point after point; few passes, the vocabulary is wide. entropy = ln Z - sum_v p(v) l(v)."""
    log_norm = logits.logsumexp(-1)
    top = logits.topk(kept.top_k)
    answers = of_answers(logits, log_norm, kept.prompt.answer_ids)
    of_tokens = logits[:, list(kept.tokens)]
    found = {
        "top_ids": top.indices,
        "top_probabilities": (top.values - log_norm[:, None]).exp(),
        "logit_diff": logit_diff(logits, kept.prompt.answer_ids, kept.prompt.incorrect_ids),
        "answer_probability": answers["probability"],
        "answer_rank": answers["rank"],
        "token_logits": of_tokens,
        "token_probabilities": (of_tokens - log_norm[:, None]).exp(),
        "token_ranks": _ranks(logits, of_tokens),
        "kl_divergence": _kl(logits, log_norm, final),
    }
    probabilities = (logits - log_norm[:, None]).exp_()
    return found | {"entropy": (log_norm - probabilities.mul_(logits).sum(-1)).clamp_min(0)}


def _ranks(logits: Float[Tensor, "row d_vocab"], of_tokens: Float[Tensor, "row token"]) -> Float[Tensor, "row token"]:
    """Tokens with a strictly larger logit."""
    ranks = torch.empty_like(of_tokens)
    for at, own in enumerate(of_tokens.T):
        ranks[:, at] = (logits > own[:, None]).sum(-1)
    return ranks


def _kl(
    logits: Float[Tensor, "row d_vocab"], log_norm: Float[Tensor, " row"], final: Float[Tensor, "pos d_vocab"]
) -> Float[Tensor, " row"]:
    """sum_v f(v) (ln f(v) - ln p(v)), f the final distribution at the row's position; not below 0 by rounding."""
    weight, found = final.exp(), list[Tensor]()
    for rows, norm in zip(logits.split(len(final)), log_norm.split(len(final)), strict=True):
        found.append(((final - rows).add_(norm[:, None]).mul_(weight)).sum(-1))
    return torch.cat(found).clamp_min(0)
