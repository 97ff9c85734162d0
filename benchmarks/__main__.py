"""`python -m benchmarks [NAME ...]`: ratios against a named reference measured in the same run, as text and JSON.

Machines are shared and noisy, so only the ratios mean anything; absolute times are printed to make them checkable.
Each module offers `run() -> dict` with `what`, `reference`, and the numbers. Results: benchmarks/results/latest.json.
"""

import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

NAMES = ("head_ablation", "attention_click", "start", "memory")
RESULTS = Path(__file__).parent / "results" / "latest.json"


def measure(name: str) -> dict[str, Any]:
    """One benchmark in this process."""
    print(f"\n== {name}", flush=True)
    found = importlib.import_module(f"benchmarks.{name}").run()
    for key, value in found.items():
        print(f"  {key:32} {value:.4g}" if isinstance(value, float) else f"  {key:32} {value}", flush=True)
    return found


def main(names: list[str]) -> int:
    """Run the named benchmarks (default all) and write their numbers."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    measured = {name: measure(name) for name in names or NAMES}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": platform.platform(), "benchmarks": measured}, indent=2) + "\n")
    print(f"\nWritten to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
