"""Tables written as files reopen to equal values, tokens that break naive formats included."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from app.domain.interventions import Ablate, Patch
from app.domain.lens_results import LogitLensResult
from app.domain.recipes import parse_recipe, recipe_json
from app.domain.results import array_axes, from_bytes
from app.domain.sites import Site
from app.export.tables import PROVENANCE_COLUMNS, to_csv, to_json, to_npz, to_parquet
from app.figures.tables import long_table
from tests.unit.figures import results

HARD = (" a,b", '"quoted"', "two\nlines", "# not a comment", "NA", "null", " ", "\r", "=1+1", "日本", "é\u200b", "\t")


RESULT = replace(results.lens(), digest="d1g")


@pytest.fixture
def table() -> pd.DataFrame:
    lens = results.lens(1, HARD)
    words = np.array([[[token, token + "!"] for token in HARD]])
    values = lens.entropy.copy()
    values[0, :3] = [1e-12, 1 / 3, np.nan]
    return long_table(replace(lens, top_tokens=words, entropy=values))


def write(to, table: pd.DataFrame) -> bytes:
    return to(table, RESULT)


def equal(read: pd.DataFrame, table: pd.DataFrame) -> None:
    """Same rows: strings exactly, numbers to the last bit of their float32, missing where missing."""
    assert list(read) == [*table, *PROVENANCE_COLUMNS]
    for name in table:
        np.testing.assert_array_equal(read[name].isna(), table[name].isna(), err_msg=name)
        known = table[name].notna()
        if name in ("token", "top_token", "metric", "component", "lens"):
            assert read.loc[known, name].tolist() == table.loc[known, name].tolist()
        else:
            read_numbers, numbers = (t.loc[known, name].to_numpy(np.float32) for t in (read, table))
            np.testing.assert_array_equal(read_numbers, numbers, err_msg=name)


def test_csv_reopens_equal(table):
    read = pd.read_csv(io.BytesIO(write(to_csv, table)), keep_default_na=False, na_values=[""], lineterminator="\n")
    equal(read, table)


def test_parquet_reopens_equal_with_its_types(table):
    read = pd.read_parquet(io.BytesIO(write(to_parquet, table)))
    equal(read, table)
    assert read["value"].dtype == np.float32
    assert read["layer"].dtype == "Int64"


def test_json_reopens_equal_with_one_object_per_row(table):
    rows = json.loads(write(to_json, table))
    assert len(rows) == len(table)
    assert list(rows[0]) == [*table, *PROVENANCE_COLUMNS]
    equal(pd.DataFrame(rows), table)


def test_npz_reopens_to_the_same_result_without_pickle():
    lens = results.lens(1, HARD)
    read = from_bytes(LogitLensResult, to_npz(lens))
    assert read.str_tokens == HARD
    assert (read.recipe, read.digest, read.provenance) == (lens.recipe, lens.digest, lens.provenance)
    for name in array_axes(LogitLensResult):
        np.testing.assert_array_equal(getattr(read, name), getattr(lens, name))


def test_provenance_stands_beside_every_number(table):
    read = pd.read_parquet(io.BytesIO(write(to_parquet, table)))
    said = read[list(PROVENANCE_COLUMNS)].drop_duplicates()
    assert said.to_dict("records") == [
        {
            "model": "Tiny", "identity": "ab12", "weights": "rev 1", "processing": "compatibility", "dtype": "float32",
            "device": "cpu", "bos": "<|endoftext|>", "versions": "torch 2.13.0; x 1", "recipe_digest": "d1g",
            "interventions": "",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("to", [to_csv, to_parquet, to_json])
@pytest.mark.parametrize(
    "make",
    [
        results.ablation, results.attribution, results.pattern, results.trajectory, results.prediction, results.meters
    ],
)  # fmt: skip
def test_every_kind_of_table_can_be_written_and_has_all_its_rows(make, to):
    table = long_table(make())
    raw = io.BytesIO(write(to, table))
    read = {to_csv: pd.read_csv, to_parquet: pd.read_parquet, to_json: pd.read_json}[to](raw)
    assert len(read) == len(table)
    np.testing.assert_array_equal(read["value"].to_numpy(np.float32), table["value"].to_numpy(np.float32))


@pytest.mark.parametrize("to", [to_csv, to_parquet, to_json])
def test_a_table_names_the_interventions_of_its_run(to):
    changes = (Ablate(Site("z", 3, (1, 2))), Patch(Site("resid_pre", 0, positions=(4,))))
    recipe = replace(parse_recipe(RESULT.recipe), interventions=changes)
    raw = io.BytesIO(to(long_table(results.ablation()), replace(RESULT, recipe=recipe_json(recipe))))
    read = {to_csv: pd.read_csv, to_parquet: pd.read_parquet, to_json: pd.read_json}[to](raw)
    assert set(read["interventions"]) == {"zero L3H1,2.z; patch L0.resid_pre@4"}
