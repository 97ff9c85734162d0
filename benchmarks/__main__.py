"""`python -m benchmarks [NAME ...] [--sample SHARE] [--long]`: ratios against a named reference in the same run.

Machines are shared and noisy, so only the ratios mean anything; absolute times are printed to make them checkable.
Each module offers `run(asked) -> dict` with `what`, `reference`, the numbers, and `rows` where it has a table of them.
Results: benchmarks/results/latest.json.
"""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.asked import Asked

NAMES = ("sweeps", "exploratory_demo", "sweep_memory", "hand_speed", "residual_hand", "start", "memory")
RESULTS = Path(__file__).parent / "results" / "latest.json"


def measure(name: str, asked: Asked) -> dict[str, Any]:
    """One benchmark in this process."""
    print(f"\n== {name}", flush=True)
    found = importlib.import_module(f"benchmarks.{name}").run(asked)
    for key, value in found.items():
        if key != "rows":
            print(f"  {key:32} {_shown(value)}", flush=True)
    _print_table(found.get("rows", ()))
    return found


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Columns as wide as their widest cell; rows may lack some."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = [columns, *([_shown(row.get(name, "")) for name in columns] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    for row in table if rows else ():
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), flush=True)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(arguments: list[str]) -> int:
    """Run the named benchmarks (default all) and write their numbers."""
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default all")
    parser.add_argument("--sample", type=float, help="share of the reference's cells to time, 1 = all of them")
    parser.add_argument("--long", action="store_true", help="sweeps at 256 tokens too, about ten minutes more")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}.")
    asked = Asked(given.sample, given.long)
    measured = {name: measure(name, asked) for name in given.names or NAMES}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": platform.platform(), "benchmarks": measured}, indent=2) + "\n")
    print(f"\nWritten to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
