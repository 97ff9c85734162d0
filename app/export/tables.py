"""Tables as files. Every file carries where its numbers come from, in constant columns beside them:

`model`, `identity` (of the weights as processed), `weights` (revision), `processing`, `dtype`, `device`, `bos`,
`versions` and `recipe_digest`. Tables that leave the page also have `show`: baseline, intervened, or their difference.
Numbers keep the full precision of their float32. What is undefined is an empty field in csv, null in json and parquet.
Tokens such as `NA` or `null` need `pandas.read_csv(file, keep_default_na=False, na_values=[""])`; parquet and json need
no such care.
"""

import io

import orjson
import pandas as pd

from app.domain.models import Provenance
from app.domain.results import Result, to_bytes

PROVENANCE_COLUMNS = (
    "model", "identity", "weights", "processing", "dtype", "device", "bos", "versions", "recipe_digest",
)  # fmt: skip


def with_provenance(table: pd.DataFrame, provenance: Provenance, digest: str) -> pd.DataFrame:
    """The table with its provenance in constant columns at the right."""
    versions = "; ".join(f"{name} {version}" for name, version in provenance.versions)
    given = (
        provenance.model, provenance.identity, provenance.revision, provenance.processing, provenance.dtype,
        provenance.device, provenance.bos, versions, digest,
    )  # fmt: skip
    return table.assign(**dict(zip(PROVENANCE_COLUMNS, given, strict=True)))


def to_csv(table: pd.DataFrame, provenance: Provenance, digest: str) -> bytes:
    """UTF-8, quoted where needed (commas, quotes, newlines inside tokens)."""
    whole = with_provenance(table, provenance, digest)
    return whole.to_csv(index=False, lineterminator="\n").encode()


def to_parquet(table: pd.DataFrame, provenance: Provenance, digest: str) -> bytes:
    """Parquet with the table's own types."""
    buffer = io.BytesIO()
    with_provenance(table, provenance, digest).to_parquet(buffer, index=False)
    return buffer.getvalue()


def to_json(table: pd.DataFrame, provenance: Provenance, digest: str) -> bytes:
    """A JSON array with one object per row; NaN and missing are null."""
    whole = with_provenance(table, provenance, digest).astype(object)
    return orjson.dumps(whole.where(whole.notna(), None).to_dict("records"), option=orjson.OPT_SERIALIZE_NUMPY)


def to_npz(result: Result) -> bytes:
    """The result's own arrays with their axis labels, recipe and provenance as JSON (key `__plain__`); no pickle."""
    return to_bytes(result)
