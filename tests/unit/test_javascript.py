"""The page's own scripts, tested by node's test runner, as part of this suite."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")


def test_the_reducer_the_links_and_the_other_pure_scripts_hold_in_node():
    if NODE is None:
        pytest.skip("node is not on the PATH")
    files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/js/*.test.js"))
    ran = subprocess.run([NODE, "--test", *files], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_script_does_what_a_strict_content_policy_forbids():
    scripts = sorted((ROOT / "assets").glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text()
        assert "eval(" not in text, script.name
        assert "new Function" not in text, script.name
        assert "innerHTML" not in text, script.name
