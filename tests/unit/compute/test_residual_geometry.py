"""Norms, cosines and scales against slow loops over TransformerLens' cache."""

import numpy as np
import pytest

from app.compute.residual_geometry import residual_geometry
from app.domain.geometry_recipes import ResidualGeometry
from app.domain.geometry_results import COSINES, NORMS
from app.domain.interventions import Ablate
from app.domain.sites import Site
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, ask, cache, each_model


def geometry(model, *interventions):
    return ask(residual_geometry, ResidualGeometry, model, *interventions)


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


@each_model
def test_every_number_is_that_of_a_loop_over_the_cache(architecture, processing):
    model = tiny(architecture, processing)
    found, (_, cached) = geometry(model), cache(model)
    layers, positions = found.norms.shape[1:]
    for layer, at in np.ndindex(layers, positions):
        here = {name: cached[f"blocks.{layer}.hook_{name}"][0, at].float() for name in NORMS}
        read = here["resid_pre"]
        if architecture != "neox":
            read = cached[f"blocks.{layer}.hook_resid_mid"][0, at].float()
        last = cached[f"blocks.{layers - 1}.hook_resid_post"][0, at].float()
        norms = [float(here[name].norm()) for name in NORMS]
        pairs = [
            (here["resid_pre"], here["resid_post"]), (here["attn_out"], here["resid_pre"]), (here["mlp_out"], read),
            (here["resid_post"], last),
        ]  # fmt: skip
        np.testing.assert_allclose(found.norms[:, layer, at], norms, rtol=1e-5)
        np.testing.assert_allclose(found.cosines[:, layer, at], [cosine(*pair) for pair in pairs], atol=TOLERANCE)
        scales = [float(cached[f"blocks.{layer}.{name}.hook_scale"][0, at, 0]) for name in ("ln1", "ln2")]
        np.testing.assert_allclose(found.scales[:, layer, at], scales, rtol=1e-5)
    final = cached["ln_final.hook_scale"][0, :, 0].float().numpy()
    np.testing.assert_allclose(found.final_scale, final, rtol=1e-5)
    assert found.cosines[COSINES.index("resid_post, final"), -1] == pytest.approx(1)


def test_it_is_of_the_intervened_run():
    model = tiny("llama")
    ablated = geometry(model, Ablate(Site("attn_out", 1)))
    assert np.all(ablated.norms[NORMS.index("attn_out"), 1] == 0)
    np.testing.assert_array_equal(ablated.norms[:, 0], geometry(model).norms[:, 0])
