"""The page's scripts as node modules, for tests that compare them with the server's values."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NODE = shutil.which("node")


def in_node(expression: str, **modules: str) -> Any:
    """The JSON of an expression over these modules of assets/, by the names they are given."""
    if NODE is None:
        pytest.skip("node is not on the PATH")
    required = "".join(f"const {name} = require('./assets/{file}.js');" for name, file in modules.items())
    program = f"{required}console.log(JSON.stringify({expression}))"
    ran = subprocess.run([NODE, "-e", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(ran.stdout)
