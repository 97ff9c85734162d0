"""Colour ranges and the way numbers are written.

Signed: -limit .. +limit, the limit being the largest magnitude shown unless the style locks one. Sequential: 0 ..
limit. The colour bar states the limit; with a locked limit it says `≥`/`≤` where values lie beyond. NaN is "not
computed": it is drawn as hatched grey, never as zero. On hover numbers have the full precision of their float32.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.domain.views import Style

NOT_COMPUTED = "not computed"


def limit_of(values: ArrayLike, style: Style, least: float = 0.0) -> float:
    """Largest finite magnitude shown, or the style's locked limit; 1 where everything is zero or not computed. No less
    than `least`, so that what is nothing but rounding has no colour."""
    if style.color_limit is not None:
        return style.color_limit
    magnitudes = np.abs(np.asarray(values, dtype=float))
    found = float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0.0))
    return max(found, least) if found else 1.0


def short(value: float, signed: bool = True) -> str:
    """Three significant digits with a true minus sign: `+2.57`, `−0.0312`, `0`."""
    if np.isnan(value):
        return NOT_COMPUTED
    if value == 0:
        return "0"
    plain = f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:#.3g}".rstrip(".")
    return ("+" if signed and value > 0 else "") + plain.replace("-", "−")


def spoken(values: ArrayLike, signed: bool = True) -> NDArray[np.str_]:
    """Every value as the shortest text that names its float32 exactly, with sign; NaN as `not computed`."""
    numbers = np.asarray(values, dtype=np.float32)
    if not numbers.size:
        return numbers.astype(str)
    text = np.char.replace(numbers.astype(str), "-", "−")
    plus = np.where(signed & (numbers > 0), "+", "")
    return np.where(np.isnan(numbers), NOT_COMPUTED, np.char.add(plus, text))


def colour_range(
    values: ArrayLike, style: Style, *, signed: bool, unit: str, limit: float | None = None
) -> dict[str, Any]:
    """`zmin`, `zmax` and colour bar of a heatmap. `limit` fixes the range of quantities that have a natural one."""
    top = limit_of(values, style) if limit is None else limit
    numbers = np.asarray(values, dtype=float)
    return {
        "zmin": -top if signed else 0.0,
        "zmax": top,
        "autocolorscale": True,  # signed: the template's diverging colours, otherwise its sequential ones
        "colorbar": {"title": {"text": unit}, **_ticks(numbers, top, signed)},
    }


def _ticks(values: NDArray[np.float64], top: float, signed: bool) -> dict[str, Any]:
    at = np.linspace(-top if signed else 0.0, top, 5)
    text = [short(v) if signed else f"{v:.3g}" for v in at]
    beyond_top = bool(np.any(values > top * (1 + 1e-6)))
    beyond_bottom = signed and bool(np.any(values < -top * (1 + 1e-6)))
    text[-1] = f"≥ {text[-1]}" if beyond_top else text[-1]
    text[0] = f"≤ {text[0]}" if beyond_bottom else text[0]
    text[2] += "\u2003" * signed  # an upright title moves close to the 0 in the middle, the shortest of all
    return {"tickmode": "array", "tickvals": at.tolist(), "ticktext": text}
