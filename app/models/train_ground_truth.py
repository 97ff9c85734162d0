"""Trains the ground-truth model that comes with Microtome: two attention-only layers that can only solve their task by
induction, so that what the views must show is known beforehand.

Task: a random segment of random period 10..32 over 64 words, repeated to fill the context; the loss counts only
positions whose next token can be copied from one period earlier. The period is random because with a fixed one the
learned positions offer a shortcut. What emerges (Elhage et al. 2021, "A Mathematical Framework for Transformer
Circuits"): a previous-token head in layer 0 and induction heads in layer 1.

Run `python -m app.models.train_ground_truth` to train again (about half a minute on two cores) into
`app/models/ground_truth/`. The result depends on torch's version in the last digits, so the weights are shipped.
"""

import logging
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from app.models.ground_truth_model import BOS, FOLDER, SIZES, WORDS, native_bridge, word_tokenizer

STEPS, BATCH, LEARNING_RATE = 800, 32, 4e-3
WARMUP, DECAY = 100, 0.3
PERIODS = (10, 32)
_LOG = logging.getLogger(__name__)


def repeated_words(
    batch: int, generator: torch.Generator, periods: tuple[int, int] = PERIODS
) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, " batch"]]:
    """BOS followed by a random segment repeated to the end of the context; and the period of each row."""
    length = SIZES["n_ctx"] - 1
    period = torch.randint(periods[0], periods[1] + 1, (batch,), generator=generator)
    segment = torch.randint(0, len(WORDS), (batch, periods[1]), generator=generator)
    words = segment.gather(1, torch.arange(length) % period[:, None])
    return torch.cat([torch.full((batch, 1), BOS), words], dim=1), period


def copyable_loss(
    logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"], period: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy (nats) over the positions after the first period."""
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    copyable = torch.arange(losses.shape[1]) >= period[:, None]
    return losses[copyable].mean()


def rate(step: int) -> float:
    """Learning rate over its maximum: linear warm-up, then flat, then linear decay to 0."""
    return min(1.0, (step + 1) / WARMUP, (STEPS - step) / (DECAY * STEPS))


def train() -> Any:
    """A bridge with trained weights."""
    bridge = native_bridge()
    model, data = bridge.original_model, torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-2, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    for step in range(STEPS):
        tokens, period = repeated_words(BATCH, data)
        loss = copyable_loss(bridge(tokens), tokens, period)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            _LOG.info("step %d of %d, loss %.3f nats", step, STEPS, loss.item())
    return bridge


def save(bridge: Any, folder: Path = FOLDER) -> None:
    """Weights in float16 (half the size; the heads' scores do not change in three digits), tokenizer, background."""
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    halves = {name: value.detach().half().contiguous() for name, value in bridge.state_dict().items()}
    save_file(halves, folder / "model.safetensors")
    word_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "background.txt").write_text("\n".join(background_texts(16)) + "\n", encoding="utf-8")


def background_texts(count: int) -> list[str]:
    """Rows of the task from a seed that training did not use, without BOS."""
    tokens, _ = repeated_words(count, torch.Generator().manual_seed(2))
    return [" ".join(WORDS[id] for id in row[1:]) for row in tokens.tolist()]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    torch.manual_seed(0)
    save(train())
