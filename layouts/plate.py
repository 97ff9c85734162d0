"""The *Figure* workspace: panels from anywhere as one figure for a paper, at its true size (assets/69-plate.js)."""

import json

from dash import html

from app.domain.plates import PRESETS
from layouts import ids
from layouts.attributes import attributes
from layouts.panel import help_button
from layouts.workspaces import choice

EMPTY = "Nothing is in this figure yet: open the export menu of any panel and choose Add to figure."
PRESET = tuple((name, preset.title, f"{preset.width_mm:g} mm wide, {preset.font_pt:g} pt, {preset.face}")
               for name, preset in PRESETS.items())  # fmt: skip
COLUMNS = tuple((str(count), f"{count} column{'s' * (count > 1)}", "Columns of the grid") for count in range(1, 5))
FACES = (("", "face of the preset", "As the preset has it"), ("sans", "sans", "Liberation Sans"),
         ("serif", "serif", "Liberation Serif"))  # fmt: skip
PALETTES = (("blue-red", "blue and red", "The page's own"), ("blue-orange", "blue and orange", ""),
            ("purple-green", "purple and green", ""))  # fmt: skip
THEMES = (("light", "light paper", ""), ("dark", "dark paper", "For slides"))
SHOWN_BY = {
    "prediction": ids.PREDICTION, "direct_logit_attribution": ids.HEAD_MATRIX, "component_bars": ids.COMPONENTS,
    "behaviour_scores": ids.HEAD_MATRIX, "copying_scores": ids.HEAD_MATRIX, "head_projection": ids.HEAD_MATRIX,
    "head_statistics": ids.HEAD_MATRIX, "attention_pattern": ids.ATTENTION, "attention_thumbnails": ids.THUMBNAILS,
    "residual_trajectory": ids.TRAJECTORY, "logit_lens": ids.LENS, "component_lens": ids.COMPONENT_LENS,
    "path_patching": ids.PATHS, "prompt_strip": ids.STRIP, "generation": ids.GENERATION,
    "head_reading": ids.HEAD_READING, "steering_curve": ids.STRENGTH, "residual_geometry": ids.GEOMETRY,
    "activation_map": ids.ACTIVATION_MAP, "direction_card": ids.DIRECTION_CARD, "sae_features": ids.SAE_FEATURES,
    "sae_feature_card": ids.SAE_CARD, "neurons": ids.NEURONS, "neuron_card": ids.NEURON_CARD,
    "logit_decomposition": ids.DECOMPOSITION, "direction_projection": ids.PROJECTION,
    "direction_distribution": ids.DISTRIBUTION, "direction_writers": ids.WRITERS, "direction_readers": ids.READERS,
}  # fmt: skip
"""Figure, or kind of recipe -> the panel that shows it, whose title names it in the list."""
FORMS = (("pdf", "PDF"), ("svg", "SVG"), ("png", "PNG"), ("html", "HTML"), ("tex", "LaTeX"), ("ipynb", "Notebook"))


def plate_panel() -> html.Section:
    """The figure on the left, what it is made of on the right."""
    exports = [
        html.Button(text, type="button", className="mt-button", **attributes(data_plate=form)) for form, text in FORMS
    ]
    of = html.Span(id=ids.OF.format(ids.PLATE), className="mt-of")
    header = html.Header(
        [
            html.H2([html.Span("Figure", className="mt-title"), of], className="mt-heading"),
            help_button(ids.PLATE),
            html.Div(exports, className="mt-controls"),
        ],
        className="mt-panel-header",
    )  # fmt: skip
    paper = html.Div(
        [
            html.Div(className="mt-busy"),
            html.Div(html.Div(id="plate-paper"), className="mt-content"),
            html.Div(EMPTY, id=ids.MESSAGE.format(ids.PLATE), className="mt-message", role="status"),
        ],
        className="mt-panel-body mt-plate-desk",
    )
    return html.Section(
        [header, html.Div([paper, _side()], id=ids.PLATE, className="mt-plate")], id=ids.PANEL.format(ids.PLATE),
        className="mt-panel is-empty", **attributes(data_panel=ids.PLATE, aria_label="Figure"),
    )  # fmt: skip


def _side() -> html.Aside:
    return html.Aside(
        [
            html.Div(
                [
                    choice("plate-preset", PRESET, "Where the figure goes"), choice("plate-columns", COLUMNS, "Grid"),
                    choice("plate-face", FACES, "Face of the letters"), choice("plate-palette", PALETTES, "Colours"),
                    choice("plate-theme", THEMES, "Paper"),
                ],
                className="mt-chosen mt-plate-chosen",
            ),
            html.Div(id="plate-numbers", className="mt-plate-numbers"),
            html.Div(id="plate-check", className="mt-plate-check"),
            html.Div(
                id="plate-list", className="mt-plate-list", **attributes(data_shown_by=json.dumps(SHOWN_BY))
            ),
        ],
        className="mt-plate-side",
    )  # fmt: skip
