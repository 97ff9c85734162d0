"""Tables as files. Every file carries where its numbers come from, in constant columns beside them:

`model`, `identity` (of the weights as processed), `weights` (revision), `processing`, `dtype`, `device`, `bos`,
`versions`, `recipe_digest` and `interventions` (in order, like `zero L23H3.z; patch L5.z@14`; empty for none). Tables
that leave the page also have `show`: baseline, intervened, or their difference, which names the intervened run's.
Numbers keep the full precision of their float32. What is undefined is an empty field in csv, null in json and parquet.
Tokens such as `NA` or `null` need `pandas.read_csv(file, keep_default_na=False, na_values=[""])`; parquet and json need
no such care.
"""

import io

import orjson
import pandas as pd

from app.domain.recipes import parse_recipe
from app.domain.results import Result, to_bytes

PROVENANCE_COLUMNS = (
    "model", "identity", "weights", "processing", "dtype", "device", "bos", "versions", "recipe_digest",
    "interventions",
)  # fmt: skip


def with_provenance(table: pd.DataFrame, result: Result) -> pd.DataFrame:
    """The table of this result with its provenance in constant columns at the right; what a table of two results says
    of each row already stays."""
    provenance = result.provenance
    interventions = "; ".join(map(str, parse_recipe(result.recipe).interventions))
    versions = "; ".join(f"{name} {version}" for name, version in provenance.versions)
    given = (
        provenance.model, provenance.identity, provenance.revision, provenance.processing, provenance.dtype,
        provenance.device, provenance.bos, versions, result.digest, interventions,
    )  # fmt: skip
    columns = zip(PROVENANCE_COLUMNS, given, strict=True)
    return table.assign(**{name: value for name, value in columns if name not in table})


def to_csv(table: pd.DataFrame, result: Result) -> bytes:
    """UTF-8, quoted where needed (commas, quotes, newlines inside tokens)."""
    whole = with_provenance(table, result)
    return whole.to_csv(index=False, lineterminator="\n").encode()


def to_parquet(table: pd.DataFrame, result: Result) -> bytes:
    """Parquet with the table's own types."""
    buffer = io.BytesIO()
    with_provenance(table, result).to_parquet(buffer, index=False)
    return buffer.getvalue()


def to_json(table: pd.DataFrame, result: Result) -> bytes:
    """A JSON array with one object per row; NaN and missing are null."""
    whole = with_provenance(table, result).astype(object)
    return orjson.dumps(whole.where(whole.notna(), None).to_dict("records"), option=orjson.OPT_SERIALIZE_NUMPY)


def to_npz(result: Result) -> bytes:
    """The result's own arrays with their axis labels, recipe and provenance as JSON (key `__plain__`); no pickle."""
    return to_bytes(result)
