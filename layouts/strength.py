"""The strength curve of one direction: where, how, how much, and how far it is."""

import dash_mantine_components as dmc
from dash import html

from app.domain.residual_asked import MOST_STRENGTHS, StrengthAsked
from layouts import ids
from layouts.attributes import attributes
from layouts.direction_views import NO_DIRECTION
from layouts.panel import graph, panel
from layouts.sweep_strip import sweep_strip
from layouts.workspaces import choice

FIRST = StrengthAsked()
RUN, RESUME = "Run", "Resume"
PRESS_RUN = "Press Run to see what changes along the direction do, strength by strength."
METRICS = (
    ("logit_diff", "logit diff", "Answer minus incorrect answer"),
    ("answer_log_prob", "answer log-prob", "Log-probability of the answer"),
    ("probability", "probability", "Probability of the answer"),
    ("rank", "rank", "Rank of the answer, 0 = first"),
    ("kl_divergence", "KL", "From the run without the change"),
)
BY = (
    ("norm", "add × |a|", "Steer, in units of the activation's norm"),
    ("absolute", "add", "Steer, in units of the stream"),
    ("clamp", "clamp to", "Set the projection"),
    ("project_out", "project out", "Take a share of the projection away"),
    ("swap_along", "swap", "Go a share of the way to the projection of the pair's other prompt"),
)
POSITIONS = (
    ("all", "all tokens", "Every position of the prompt"),
    ("selected", "selected tokens", "The tokens that are selected"),
)
OF = (
    ("prompt", "prompt", "The prompt on screen"),
    ("set", "set", "Every prompt of the set: mean, with a standard error"),
)
PLACEBOS = (("on", "placebos", "Beside random directions at right angles"), ("off", "no placebos", "The curve alone"))
TEXTS = tuple(
    (str(count), f"{count} tokens" if count else "no text", "Greedy text at each strength") for count in (0, 8, 16, 32)
)


def _number(control: str, label: str, value: float, width: int, **limits: float) -> dmc.NumberInput:
    return dmc.NumberInput(
        id=control, value=value, size="xs", w=width, debounce=400, className="mt-select", hideControls=True, **limits,
        **attributes(aria_label=label),
    )  # fmt: skip


def _bars() -> html.Div:
    layer = html.Select(
        id=ids.STRENGTH_LAYER, className="mt-choice", title="Layer", **attributes(aria_label="Layer of the change")
    )
    where = [choice(ids.STRENGTH_PROMPTS, OF, "Of which prompts"), layer,
             choice(ids.STRENGTH_POSITIONS, POSITIONS, "Which tokens are changed"),
             choice(ids.STRENGTH_BY, BY, "What is done along the direction")]  # fmt: skip
    label = "Strengths: from, to, how many"
    much = [
        _number(ids.STRENGTH_LOW, "Smallest strength", FIRST.low, 46),
        html.Span("to", className="mt-field-label", title=label),
        _number(ids.STRENGTH_HIGH, "Largest strength", FIRST.high, 46),
        html.Span("in", className="mt-field-label", title=label),
        _number(ids.STRENGTH_COUNT, "How many strengths", FIRST.count, 36, min=2, max=MOST_STRENGTHS),
        choice(ids.STRENGTH_PLACEBOS, PLACEBOS, "Random directions beside it"),
        choice(ids.STRENGTH_TOKENS, TEXTS, "Text at each strength"),
    ]
    rows = [html.Div(html.Div(each, className="mt-chosen"), className="mt-bar") for each in (where, much)]
    return html.Div(rows, className="mt-bars")


def strength_panel() -> html.Section:
    """The curve, the text of one strength below it, and the strip of what is computed."""
    said = html.Div(id=ids.STRENGTH_SAID, className="mt-strength-said", role="status", hidden=True)
    return panel(
        ids.STRENGTH, "Strength curve", graph(ids.STRENGTH), kinds=(), bar=_bars(),
        controls=choice(ids.STRENGTH_METRIC, METRICS, "Which metric is drawn"),
        footer=html.Div([said, html.Div(sweep_strip(ids.STRENGTH, RUN), className="mt-foot")]),
        empty=NO_DIRECTION, section="direction",
    )  # fmt: skip
