"""The manifest inside every exported picture: what it shows, computed how, on which weights.

    {"format": "microtome-manifest", "version": 1, "microtome": "0.1.0",
     "view": a view (recipe, style, selection), "digest": the result's digest, "provenance": {...},
     "session": the page's, where it was made there}

Several figures on one plate have "plate" in place of "view", and "panels": the manifest of each.

`read_manifest(picture, format)` gives it back from an html, svg, png or pdf, and `parse_view(manifest["view"])` makes
the figure again. Where it lives: html `<script type="application/json" id="microtome-manifest">`; svg `<metadata>`;
png a `tEXt` chunk; pdf its XMP packet (`xmp.py`). A file edited and saved by another program may have lost it.
"""

import html
import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal, cast, get_args

import app
from app.domain.errors import BadInput
from app.domain.models import Provenance
from app.domain.plates import Plate, letter, plate_dict
from app.domain.recipes import plain_json
from app.domain.session import Session, session_dict
from app.domain.views import View, view_dict
from app.export import xmp
from app.png import chunk

PictureFormat = Literal["html", "svg", "png", "pdf"]
NAME = "microtome-manifest"
_SIGNATURE = 8
_BEGINNINGS: tuple[tuple[bytes, PictureFormat], ...] = (
    (b"%PDF-", "pdf"), (b"\x89PNG\r\n", "png"), (b"<svg", "svg"), (b"<?xml", "svg"), (b"<html", "html"),
    (b"<!doctype html", "html"),
)  # fmt: skip
_SAID = {
    "identity": "weights as processed", "revision": "weights", "processing": "processing", "dtype": "dtype",
    "device": "device", "bos": "BOS",
}  # fmt: skip


def manifest(view: View, provenance: Provenance, digest: str, session: Session | None = None) -> dict[str, Any]:
    """Plain JSON values that say what a picture shows and how to compute it again, and the page it was made on."""
    given = asdict(provenance) | {"versions": [list(pair) for pair in provenance.versions]}
    return {
        "format": NAME, "version": 1, "microtome": app.__version__, "view": view_dict(view), "digest": digest,
        "provenance": given, **({"session": session_dict(session)} if session else {}),
    }  # fmt: skip


def plate_manifest(plate: Plate, made: Sequence[tuple[Provenance, str]], session: Session | None) -> dict[str, Any]:
    """That of a picture of several figures; `made` is each panel's provenance and digest, `provenance` the first's."""
    each = [manifest(panel.view, *of) for panel, of in zip(plate.panels, made, strict=True)]
    return {
        "format": NAME, "version": 1, "microtome": app.__version__, "plate": plate_dict(plate),
        "provenance": each[0]["provenance"], "panels": each, **({"session": session_dict(session)} if session else {}),
    }  # fmt: skip


def describe(manifest: dict[str, Any]) -> str:
    """One line for a person: model, weights, recipe; of several prompts how many, of a sweep how and read as what; of
    several figures one after the other."""
    if "panels" in manifest:
        return " | ".join(f"{letter(at)}: {describe(panel)}" for at, panel in enumerate(manifest["panels"]))
    source, view = manifest["provenance"], manifest["view"]
    weights = f"{source['processing']} weights, {source['dtype']}, revision {source['revision']}"
    said = "; ".join([f"{view['recipe']['kind']} of {source['model']} ({weights})", *asked_of(view), *_count(view)])
    return f"{said}; recipe {manifest['digest']}; Microtome {manifest['microtome']}"


def _count(view: dict[str, Any]) -> list[str]:
    prompts = view["recipe"]["prompts"]
    return [f"{len(prompts)} prompts"] if len(prompts) > 1 else []


def asked_of(view: dict[str, Any]) -> list[str]:
    """Of a sweep: `mean, background, seed 0 of z`, `logit_diff as effect`."""
    recipe, style = view["recipe"], view["style"]
    if "cells" not in recipe:
        return []
    how = [recipe.get("method") or recipe["direction"]]
    if how[0] in ("mean", "resample"):
        reference = recipe["reference"]
        how.append(reference if isinstance(reference, str) else f"{len(reference)} reference prompts")
    random = how[0] == "resample" or recipe["kind"] == "attribution_patching"
    how += [f"seed {recipe['seed']}"] if random else []
    noise = recipe.get("noise")
    how += [f"noise {noise['scale']:g}σ, seed {noise['seed']}"] if noise else []
    return [
        f"{', '.join(how)} of {recipe['cells']['activation']}",
        f"{style['metric']} as {style['normalised']}",
    ]


def format_of(content: bytes) -> PictureFormat | None:
    """Which picture this is, by how it begins; None of anything else."""
    head = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((format for begins, format in _BEGINNINGS if head[: len(begins)].lower() == begins.lower()), None)


def differences(manifest: dict[str, Any], provenance: Provenance) -> list[str]:
    """What is not as it was when the picture was made, a line each: `torch: 2.12.1 then, 2.13.0 now`; of several
    figures for the first."""
    then, now = manifest["provenance"], asdict(provenance)
    before, after = dict(then["versions"]) | {"Microtome": manifest["microtome"]}, dict(provenance.versions)
    after |= {"Microtome": app.__version__}
    pairs = [(said, then.get(name), now[name]) for name, said in _SAID.items()]
    pairs += [(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return [f"{name}: {was or 'none'} then, {there or 'none'} now" for name, was, there in pairs if was != there]


def embed(picture: bytes, format: PictureFormat, manifest: dict[str, Any]) -> bytes:
    """The same picture with the manifest inside."""
    return _EMBED[format](picture, manifest)


def read_manifest(picture: bytes, format: PictureFormat) -> dict[str, Any]:
    """The manifest of an exported picture; refuses a file that has none."""
    if format not in get_args(PictureFormat):
        raise BadInput(f"{format!r} is not a picture format; use one of {', '.join(get_args(PictureFormat))}.")
    try:
        text = _READ[format](picture)
        found = plain_json(text) if text else None
    except (ValueError, struct.error):
        found = None
    if not isinstance(found, dict) or found.get("format") != NAME:
        raise BadInput(
            f"This {format} has no Microtome manifest inside; give a file that Microtome exported, unedited."
        )
    return cast(dict[str, Any], found)


def _json(manifest: dict[str, Any]) -> str:
    """ASCII, so that every container keeps it byte for byte."""
    return json.dumps(manifest, sort_keys=True)


def _embed_html(picture: bytes, manifest: dict[str, Any]) -> bytes:
    inside = _json(manifest).replace("<", "\\u003c")  # a prompt may contain </script>
    tag = f'<script type="application/json" id="{NAME}">{inside}</script>'
    title = f"<title>{html.escape(describe(manifest))}</title>"
    return picture.decode().replace("<head>", f"<head>{title}{tag}", 1).encode()


def _read_html(picture: bytes) -> str | None:
    found = re.search(rf'<script type="application/json" id="{NAME}">(.*?)</script>', picture.decode(), re.DOTALL)
    return found and found[1]


def _embed_svg(picture: bytes, manifest: dict[str, Any]) -> bytes:
    note = f"<desc>{html.escape(describe(manifest))}</desc>"
    tag = f'<metadata id="{NAME}">{html.escape(_json(manifest), quote=False)}</metadata>'
    return re.sub(r"(<svg\b[^>]*>)", lambda m: m[1] + note + tag, picture.decode(), count=1).encode()


def _read_svg(picture: bytes) -> str | None:
    found = re.search(rf'<metadata id="{NAME}">(.*?)</metadata>', picture.decode(), re.DOTALL)
    return found and html.unescape(found[1])


def _embed_png(picture: bytes, manifest: dict[str, Any]) -> bytes:
    texts = {NAME: _json(manifest), "Description": describe(manifest), "Software": "Microtome"}
    chunks = b"".join(chunk(b"tEXt", f"{k}\0{v}".encode("latin-1", "replace")) for k, v in texts.items())
    end_of_header = _SIGNATURE + 25  # IHDR: length, name, 13 bytes, checksum
    return picture[:end_of_header] + chunks + picture[end_of_header:]


def _read_png(picture: bytes) -> str | None:
    wanted = f"{NAME}\0".encode()
    texts = (content for kind, content in _png_chunks(picture) if kind == b"tEXt" and content.startswith(wanted))
    found = next(texts, None)
    return found[len(wanted) :].decode("latin-1") if found else None


def _png_chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _SIGNATURE
    while at + 8 <= len(picture):
        length, kind = struct.unpack(">I4s", picture[at : at + 8])
        yield kind, picture[at + 8 : at + 8 + length]
        at += length + 12


def embed_pdf(picture: bytes, manifest: dict[str, Any], sheet: tuple[float, float] | None = None) -> bytes:
    """The same pdf with the manifest inside, cut to a sheet of so many points, for Chrome prints on larger ones."""
    title, program = describe(manifest), f"Microtome {manifest['microtome']}"
    return xmp.embedded(picture, title, program, _json(manifest), sheet)


_EMBED: dict[str, Callable[[bytes, dict[str, Any]], bytes]] = {
    "html": _embed_html, "svg": _embed_svg, "png": _embed_png, "pdf": embed_pdf,
}  # fmt: skip
_READ: dict[str, Callable[[bytes], str | None]] = {
    "html": _read_html, "svg": _read_svg, "png": _read_png, "pdf": xmp.read,
}  # fmt: skip
