"""Sparse autoencoders that fit a model, remembered with it."""

from app.compute.effective import check_seen
from app.compute.normalization import affine_norm
from app.domain.errors import BadRecipe
from app.domain.sites import check_site
from app.models.loaded import LoadedModel
from app.models.sae_folder import folder_fingerprint, read_autoencoder
from app.models.sparse_autoencoder import SparseAutoencoder

_KEY = "autoencoder"


def autoencoder(model: LoadedModel, folder: str, fingerprint: str) -> SparseAutoencoder:
    """The one of this fingerprint; refuses what is not there, or not made for this model and its weights. The last one
    stays beside all else that is remembered: it may be larger than that."""
    asked = (folder, fingerprint)
    with model.lock:
        kept, found = model.memo.get(_KEY, (None, None))
        if kept != asked:
            found = _read(model, *asked)
            model.memo[_KEY] = asked, found
    return found


def fitting_autoencoder(model: LoadedModel, folder: str) -> tuple[str, SparseAutoencoder]:
    """The fingerprint of the autoencoder in a folder, and itself, read and found to fit the model."""
    found = folder_fingerprint(folder)
    return found, autoencoder(model, folder, found)


def _read(model: LoadedModel, folder: str, fingerprint: str) -> SparseAutoencoder:
    found = read_autoencoder(folder, model.facts, fingerprint)
    check_site(model.facts, found.site, 1)
    check_seen(model, (found.site,))
    _check_stream(model, found)
    return found


def _check_stream(model: LoadedModel, found: SparseAutoencoder) -> None:
    """Refuse processing that changes the stream which it was trained on."""
    with model.lock:
        centres = affine_norm(model.bridge.ln_final, model.facts.d_model, model.bridge.W_U).centres
    now = model.facts.spec.processing == "compatibility"
    if centres and now != found.centred:
        raise BadRecipe(
            f"The autoencoder {found.name} was trained on a stream {_MEAN[found.centred]} its mean, and "
            f"{'compatibility' if now else 'raw'} weights of {model.facts.title} (LayerNorm) give one {_MEAN[now]}; "
            f"choose {'compatibility' if found.centred else 'raw'} weights."
        )


_MEAN = {True: "without", False: "with"}
