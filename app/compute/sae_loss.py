"""What becomes of a run where an activation is replaced by its reconstruction, or by 0."""

from collections.abc import Callable

import torch
from torch import Tensor

from app.compute.hooks import row_hooks
from app.compute.metrics import logit_diff
from app.compute.passes import Hook, quiet_scales
from app.compute.prompts import array
from app.compute.reading import ReadPrompt
from app.compute.runs import hooks_for
from app.compute.variations import Held
from app.domain.interventions import Interventions
from app.domain.results import Floats
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from app.models.sparse_autoencoder import SparseAutoencoder


def replaced(model: LoadedModel, prompt: ReadPrompt, sae: SparseAutoencoder, mine: Interventions) -> dict[str, Floats]:
    """Losses and logit differences of RUNS; nothing is replaced on the separator before the prompt."""
    positions = tuple(range(int(prompt.clean.bos), len(prompt.clean)))
    site = Site(sae.activation, sae.layer, None, positions)
    changes: tuple[Callable[[Tensor], Tensor] | None, ...] = (
        None, lambda x: sae.decode(sae.encode(x)).to(x), torch.zeros_like,
    )  # fmt: skip
    before = hooks_for(model, prompt.clean.ids, mine, prompt.corrupted_ids)
    found = [
        _read(model, prompt, before if change is None else [*before, *row_hooks((Held(site, change),))])
        for change in changes
    ]
    losses, logit_diffs = zip(*found, strict=True)
    return {"losses": array(torch.stack(losses)), "logit_diffs": array(torch.stack(logit_diffs))}


def _read(model: LoadedModel, prompt: ReadPrompt, hooks: list[Hook]) -> tuple[Tensor, Tensor]:
    """The mean loss of the tokens that follow another one of the prompt, and the logit difference at END."""
    ids = torch.tensor([prompt.clean.ids], device=model.facts.device)
    with model.lock, torch.no_grad(), quiet_scales():
        logits = model.bridge.run_with_hooks(ids, fwd_hooks=hooks)[0].float()
    log_probs = logits[:-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
    loss = -log_probs.mean() if len(log_probs) else torch.tensor(torch.nan)
    return loss, logit_diff(logits[-1:], prompt.answer_ids, prompt.incorrect_ids)[0]
