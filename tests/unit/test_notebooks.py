"""The example notebooks run from the first cell to the last, and what they assert holds."""

from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.models.bundled import packaged_file
from tests.kernels import NOTEBOOKS, kernel

ON_SMOLLM2 = ("direction-and-placebo", "ioi-heads")


def test_the_notebooks_on_the_default_model_run_and_hold(tmp_path: Path) -> None:
    try:
        packaged_file()
    except ModelError as error:
        pytest.skip(str(error))
    with kernel(tmp_path) as open_notebook:
        for name in ON_SMOLLM2:
            notebook = open_notebook(name)
            notebook.run()
            assert sum("assert " in cell.source for cell in notebook.cells) >= 2
            assert [
                cell.source for cell in notebook.cells if cell.cell_type == "code" and not cell.execution_count
            ] == []


def test_every_notebook_is_run_by_a_test() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {*ON_SMOLLM2, "page-and-back"}
