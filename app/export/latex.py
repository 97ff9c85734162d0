"""A plate in a LaTeX document: the picture at its width, and a caption that says of every panel what it was made of."""

from typing import Any

from app.domain.plates import letter
from app.export.manifest import asked_of

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def latex(made: dict[str, Any], width_mm: float, file: str) -> str:
    """`made` is the plate's manifest. The caption says of each panel kind, method, metric, seed and n, then weights."""
    panels = [_panel(at, panel, own) for at, (panel, own) in enumerate(zip(made["panels"], _titles(made), strict=True))]
    weights = dict.fromkeys(_weights(panel["provenance"]) for panel in made["panels"])
    caption = " ".join([*panels, *weights, f"Microtome {made['microtome']}; recipes are inside the file."])
    return "\n".join((
        r"\begin{figure}", r"  \centering", rf"  \includegraphics[width={width_mm:g}mm]{{{file}}}",
        rf"  \caption{{{caption}}}", r"  \label{fig:microtome}", r"\end{figure}", "",
    ))  # fmt: skip


def escaped(text: str) -> str:
    """Plain text as LaTeX prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _titles(made: dict[str, Any]) -> list[str | None]:
    return [panel["title"] for panel in made["plate"]["panels"]]


def _panel(at: int, made: dict[str, Any], own: str | None) -> str:
    recipe = made["view"]["recipe"]
    what = own or recipe["kind"].replace("_", " ").capitalize()
    count = len(recipe["prompts"])
    said = [f"n = {count} prompt{'s' * (count > 1)}"] if count else []
    show = made["view"]["style"]["show"]
    said += [] if show == "baseline" else [f"{show} run" if show == "intervened" else "intervened minus baseline"]
    return rf"\textbf{{{letter(at)}}} {escaped('; '.join([what, *asked_of(made['view']), *said]))}."


def _weights(source: dict[str, Any]) -> str:
    weights = f"{source['processing']} weights, {source['dtype']}, revision {source['revision']}"
    return escaped(f"{source['model']} ({weights}).")
