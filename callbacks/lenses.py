"""Token trajectories and components as tokens: computed for what the page asks while the section is on screen, drawn
from the results; and the folder of a tuned lens, read once before anything is computed through it.
"""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.errors import BadInput
from app.domain.experiment import Experiment
from app.domain.lens_results import ComponentLensResult
from app.engine import Engine
from app.figures.component_lens import NO_DIFFERENCE, remainders
from app.figures.token_trajectory import position_shown, token_trajectories_lines, token_trajectory_lines
from callbacks.evaluate import NOTHING, runs, stored, too_long, wait_to_run
from callbacks.folders import read_folder
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    experiment_of,
    ready,
    refused,
    run_text,
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts import ids
from layouts.lenses import NO_TOKENS
from layouts.rail import shown as shown_token

KINDS = {"token_trajectory": "logit_lens", "component_lens": "component_lens"}
"""Digest store -> kind of recipe."""
_ASKED = {"tokens", "position", "layer", "lens", "folder", "fingerprint"}


def evaluated(engine: Engine, name: str, experiment: Experiment, asked: Any) -> dict[str, Any]:
    """Digests of the runs, and the options that they are of."""
    if not isinstance(asked, dict) or set(asked) - _ASKED:
        raise BadInput("The page asks for no lens that there is; reload it.")
    wait_to_run(engine, experiment)
    why = too_long(engine, experiment, "logit_lens")
    if why:
        return NOTHING | {"error": why}
    options = options_here(engine, experiment, name, asked)
    found = runs(experiment, KINDS[name], **options)
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in found.items()} | {"options": options}


def options_here(engine: Engine, experiment: Experiment, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The recipe's fields; no position means the last."""
    length = len(engine.read_prompt(experiment.model, run_text(experiment)))
    chosen = {key: value for key, value in asked.items() if key != "position"}
    at = asked.get("position")
    at = at if isinstance(at, int) and 0 <= at < length else length - 1
    return chosen | ({"positions": [at]} if name == "token_trajectory" else {"position": at})


def answer_tokens(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """Both runs where there are two, whichever is shown elsewhere."""
    try:
        digests, asked = _found(engine, "token_trajectory", sent)
        baseline: Any = asked.found("baseline", "logit_lens")
        style, chosen = style_of(view_of(sent.view)), selection_of(sent.selection)
        if not baseline.tokens:
            raise Refused(NO_TOKENS)
        if digests.get("intervened"):
            intervened: Any = asked.found("intervened", "logit_lens")
            figure = token_trajectories_lines(baseline, intervened, style, chosen)
        else:
            figure = token_trajectory_lines(baseline, style, chosen)
    except REFUSALS as why:
        return refused(why, NO_TOKENS)
    at = baseline.positions[position_shown(baseline, chosen)]
    both = "; solid intervened, dotted baseline" if digests.get("intervened") else ""
    of = f"at {at} {shown_token(baseline.str_tokens[at])}, {baseline.lens}{both}"
    return ready(figure, of, digests)


def _found(engine: Engine, name: str, sent: OnPage) -> tuple[dict[str, Any], Asked]:
    """Where the runs are, and the baseline's."""
    wait_for_section(view_of(sent.view), "lens")
    experiment = experiment_of(sent.experiment)
    digests = stored(lambda: evaluated(engine, name, experiment, sent.asked), sent.experiment, None)
    return digests, Asked(engine, experiment, digests, "baseline")


def answer_components(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """The rows as plain values."""
    try:
        shown = view_of(sent.view)
        if shown.show == "difference":
            raise Refused(NO_DIFFERENCE)
        digests, asked = _found(engine, "component_lens", sent)
        result: Any = replace(asked, show=shown.show).shown("component_lens")
    except REFUSALS as why:
        return refused(why)
    at = result.position
    of = f"at {at} {shown_token(result.str_tokens[at])}, {shown.show}"
    return ready(rows_of(result), of, digests)


def rows_of(result: ComponentLensResult) -> dict[str, Any]:
    """What the page's script draws: per component its tokens with their logits, then what is no row, and the sum."""
    rows = [
        {
            "label": label, "norm": float(result.norm[at]), "logits": result.token_logits[at].tolist(),
            **{side: _ranked(result, side, at) for side in ("promoted", "suppressed")},
        }
        for at, label in enumerate(result.component_labels)
    ]  # fmt: skip
    rest = [{"label": name, "logits": values.tolist()} for name, values in remainders(result)]
    return {"tokens": [shown_token(token) for token in result.tokens], "rows": rows, "rest": rest}


def _ranked(result: ComponentLensResult, side: str, at: int) -> list[list[Any]]:
    tokens, logits = getattr(result, f"{side}_tokens")[at], getattr(result, f"{side}_logits")[at]
    return [[shown_token(token), logit] for token, logit in zip(tokens.tolist(), logits.tolist(), strict=True)]


def lens_folder(engine: Engine, folder: Any, status: Any, store: Any) -> tuple[Any, str]:
    """What is in the folder, for the reducer, or why it is no lens of this model; again once that is ready."""
    return read_folder(engine, engine.read_lens, folder, store)


def register(app: Dash, engine: Engine) -> None:
    """The folder."""
    app.callback(
        Output(ids.LENS_READ, "data"), Output(ids.LENS_SAID, "children"), Input(ids.LENS_FOLDER, "value"),
        Input(ids.STATUS, "data"), State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(lens_folder, engine))  # fmt: skip
