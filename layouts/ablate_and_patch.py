"""The panels of the *Ablate & patch* workspace, in two columns of their own heights.

A panel that nothing is asked of yet is one line, which says what to ask (assets/68-folded.js): the second sweep while
none is chosen, the strip of prompts while there is one, self-repair while nothing is changed. So panels grow when
somebody asks, not when numbers arrive.
"""

from dash import html

from layouts import against, generation, path_patching, prompt_strip, self_repair, sweep_map


def panels() -> list[html.Div]:
    """Column by column, in reading order: the sweep over what the changes do, beside what explains it. Where maps stand
    side by side the sweeps have the whole width (assets/34-sweep.css)."""
    changed = html.Div([self_repair.self_repair_panel(), generation.generation_panel()], className="mt-row")
    left = [sweep_map.sweep_map_panel(), changed]
    right = [*against.against_panels(), prompt_strip.prompt_strip_panel(), path_patching.path_patching_panel()]
    return [html.Div(column, className="mt-column") for column in (left, right)]
