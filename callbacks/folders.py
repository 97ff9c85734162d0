"""A folder on the server that a person names: what is asked for carries its fingerprint, not its content."""

from collections.abc import Callable
from typing import Any

from dash import no_update

from app.domain.errors import MicrotomeError
from app.domain.models import ModelSpec
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.reading import experiment_of


def read_folder(engine: Engine, read: Callable[[ModelSpec, str], str], folder: Any, store: Any) -> tuple[Any, str]:
    """Folder and fingerprint for the reducer, or why what is there does not fit the model; nothing while that is on
    its way. Of an emptied field nothing is said."""
    if not isinstance(folder, str) or not folder.strip():
        return no_update, ""
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        return {"folder": folder.strip(), "fingerprint": read(experiment.model, folder.strip())}, ""
    except MicrotomeError as error:
        return no_update, str(error)
