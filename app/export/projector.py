"""Activations for TensorBoard's embedding projector: vectors and their labels as two tab-separated files.

`vectors.tsv` has one point per line and no header, `metadata.tsv` one line per point below its header; both load on the
projector's page, `projector_config.pbtxt` tells a TensorBoard that is pointed at the folder.
Source: TensorBoard, "Visualizing Data using the Embedding Projector".
"""

import io
import json
import zipfile

import numpy as np

from app.domain.geometry_results import ActivationMapResult

_CONFIG = 'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
_COLUMNS = ("prompt", "side", "position", "token", "answer")
_NUMBERS = ("norm", "logit_diff", "projection")


def to_projector(result: ActivationMapResult) -> bytes:
    """A zip of the three files and, beside them, where the numbers come from."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.tsv", _vectors(result))
        archive.writestr("metadata.tsv", _metadata(result))
        archive.writestr("projector_config.pbtxt", _CONFIG)
        origin = {"recipe": json.loads(result.recipe), "digest": result.digest, "provenance": vars(result.provenance)}
        origin |= {"direction": result.direction} if result.direction else {}
        archive.writestr("provenance.json", json.dumps(origin, indent=2, ensure_ascii=False))
    return buffer.getvalue()


def _vectors(result: ActivationMapResult) -> str:
    """Each number as the shortest text that names its float32."""
    return "".join("\t".join(row) + "\n" for row in result.activations.astype(str))


def _metadata(result: ActivationMapResult) -> str:
    """Names, labels of the prompts (`label:topic`), numbers to colour by; numbers that no point has are left out."""
    numbers = [name for name in _NUMBERS if np.isfinite(getattr(result, name)).any()]
    named = (*_COLUMNS, *result.labels, *numbers)
    lines = ["\t".join(map(_one_line, named))]
    of = {name: getattr(result, name) for name in (*_COLUMNS, *numbers)} | result.labels
    columns = [np.asarray(of[name]).astype(str) for name in named]
    lines += ["\t".join(map(_one_line, row)) for row in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """Tokens with their spaces visible: a tab or newline would break the file."""
    return text.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")
