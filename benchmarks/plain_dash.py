"""The reference for hand speed: a bare Dash page whose callback returns the whole figure, nothing else on it."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from werkzeug.serving import make_server

LAYERS, HEADS = 30, 9


@contextlib.contextmanager
def plain_dash(tokens: int) -> Iterator[str]:
    """Its address: a click on `#matrix` draws that head's `[tokens tokens]` pattern in `#pattern`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    web = make_server("127.0.0.1", 0, _app(tokens).server, threaded=True)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}/"
    finally:
        web.shutdown()
        thread.join(5)


def _app(tokens: int) -> Any:
    import plotly.graph_objects as go
    from dash import Dash, Input, Output, dcc, html

    rng = np.random.default_rng(0)
    patterns = rng.random((LAYERS, HEADS, tokens, tokens), dtype=np.float32)
    matrix = go.Figure(
        go.Heatmap(z=rng.standard_normal((LAYERS, HEADS)).astype("f4")), go.Layout(height=620, width=440)
    )
    app = Dash("reference", use_async=False, assets_ignore=".*")
    graphs = [dcc.Graph(id="matrix", figure=matrix), dcc.Graph(id="pattern", style={"width": 460, "height": 460})]
    app.layout = html.Div(graphs, style={"display": "flex"})

    def draw(click: dict[str, Any] | None) -> go.Figure:
        point = click["points"][0] if click else {"x": 0, "y": 0}
        return go.Figure(go.Heatmap(z=patterns[point["y"], point["x"]]), go.Layout(meta=[point["y"], point["x"]]))

    app.callback(Output("pattern", "figure"), Input("matrix", "clickData"))(draw)
    return app
