"""Models that come and go under an engine: numbers are kept at the address of the weights that gave them."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.errors import MicrotomeError
from app.domain.models import ModelSpec
from app.domain.recipes import parse_recipe
from app.engine import Engine
from app.settings import Settings
from tests.tiny import CLEAN, hf_model
from tests.unit.models.small import folder


def prediction(model: Any, text: str, **options: Any) -> Any:
    return parse_recipe({"kind": "prediction", "model": model, "prompts": [text], **options})


def test_a_folder_that_changes_while_its_model_is_away_gives_new_numbers_a_new_address(
    make_engine: Callable[..., Engine], settings: Settings, tmp_path: Path
) -> None:
    where = folder(tmp_path / "model")
    engine = make_engine(settings=replace(settings, models_in_memory=1, home=tmp_path / "home"))
    asked = prediction(asdict(ModelSpec("folder", str(where))), CLEAN)
    old = engine.evaluate(asked)
    engine.evaluate(prediction("ground-truth", "the river"))  # the folder's model leaves
    changed = hf_model("llama")
    with torch.no_grad():
        changed.lm_head.weight.add_(torch.randn_like(changed.lm_head.weight))
    changed.save_pretrained(where)
    new = engine.evaluate(replace(asked, top_k=3))
    assert new.digest == engine.digest(replace(asked, top_k=3))
    assert new.provenance.identity != old.provenance.identity
    assert not np.array_equal(engine.evaluate(asked).top_logits, old.top_logits)


def test_folders_that_a_recipe_names_are_read_below_the_roots_alone(
    make_engine: Callable[..., Engine], settings: Settings, tmp_path: Path
) -> None:
    where, root = folder(tmp_path / "model"), tmp_path / "root"
    engine = make_engine(settings=replace(settings, folders=str(root), home=tmp_path / "home"))
    with pytest.raises(MicrotomeError, match="does not read: it reads below"):
        engine.evaluate(prediction(asdict(ModelSpec("folder", str(where))), CLEAN))
    with pytest.raises(MicrotomeError, match="does not read: it reads below"):
        engine.read_lens(engine.spec, str(where))
    lens = {"kind": "logit_lens", "lens": "tuned", "folder": str(where), "fingerprint": "0"}
    with pytest.raises(MicrotomeError, match="does not read: it reads below"):
        engine.evaluate(parse_recipe({"model": "ground-truth", "prompts": ["the river"], **lens}))
    assert engine.evaluate(prediction("ground-truth", "the river")).top_tokens.size


def test_whoever_lets_others_reach_the_page_names_the_folders() -> None:
    assert Settings().roots is None
    assert Settings(host="localhost").roots is None
    assert Settings(host="0.0.0.0").roots == ()
    assert Settings(host="0.0.0.0", folders=f"/a{os.pathsep}/b").roots == (Path("/a"), Path("/b"))
