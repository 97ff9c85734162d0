"""What the panels of lenses hold, for export."""

from dataclasses import replace
from typing import Any

from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style
from callbacks.exported_source import Page, Source, single
from callbacks.lenses import KINDS, options_here
from callbacks.reading import Asked
from layouts import ids


def asked(page: Page, name: str) -> dict[str, Any]:
    """What the page asks of a panel (assets/68-lens.js)."""
    lens, positions = page.residual.lens, page.selection.positions
    shared = {"tokens": list(lens.tokens), "position": positions[-1] if positions else None}
    return shared | (lens.options if name == "token_trajectory" else {"layer": page.residual.written.layer})


def _recipe(name: str) -> Any:
    def recipe(page: Page, intervened: bool) -> AnyRecipe:
        options = options_here(page.engine, page.experiment, name, asked(page, name))
        return page.experiment.recipe(KINDS[name], intervened=intervened, **options)

    return recipe


def _known(page: Page, name: str, run: str) -> Result:
    recipe = _recipe(name)
    found = Asked(page.engine, page.experiment, page.asked(recipe).digests, page.view.show)
    return found.known(run, recipe(page, run == "intervened"))


def _run(page: Page) -> str:
    """Trajectories of two runs are drawn together; the file is of the intervened one."""
    return "intervened" if page.experiment.has_interventions else "baseline"


def _behind(page: Page) -> tuple[AnyRecipe, Result] | None:
    if not page.experiment.has_interventions:
        return None
    return _recipe("token_trajectory")(page, False), _known(page, "token_trajectory", "baseline")


def _figure(page: Page) -> str:
    return "token_trajectories_lines" if page.experiment.has_interventions else "token_trajectory_lines"


def _coloured(page: Page, result: Result, style: Style) -> Style:
    return replace(style, coloured_by=page.residual.lens.colour)


def _components(page: Page) -> Result:
    return _known(page, "component_lens", "baseline" if page.view.show == "baseline" else "intervened")


LENSES = {
    ids.LENS: single("logit_lens", read=_coloured),
    ids.TOKEN_TRAJECTORY: Source(
        _recipe("token_trajectory"), lambda page: _known(page, "token_trajectory", _run(page)), _figure, run=_run,
        across=_behind,
    ),
    ids.COMPONENT_LENS: Source(
        _recipe("component_lens"), _components,
        run=lambda page: "intervened" if page.view.show == "difference" else page.view.show,
    ),
}  # fmt: skip
"""Panel -> what is behind it."""
