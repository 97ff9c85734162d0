"""Draws every recipe of docs/recipes for gallery.md: `python -m docs.gallery`, in the repository's folder.

Writes gallery/NAME.png, each with its recipe inside, and the page. Words are those of recipes/README.md. Takes some
minutes on two cores; a test compares the pictures' recipes and the page, and draws one of them anew.
"""

import json
import re
import struct
import zlib
from contextlib import closing
from pathlib import Path

from app.__main__ import picture_of, shown_in
from app.analyses import ANALYSES
from app.domain.views import View
from app.engine import Engine
from app.png import chunk

HERE = Path(__file__).parent
RECIPES, FOLDER, PAGE = HERE / "recipes", HERE / "gallery", HERE / "gallery.md"
NOT_DRAWN = {
    "sae_features": "No picture: it needs an autoencoder of your own, which `docs/train_autoencoder.py` makes."
}
DPI = 96
_ROW = re.compile(r"^\| `(\w+)\.json` \| (.+?) \|", re.M)
_BEGIN = """# Gallery

Every recipe of [recipes](recipes/README.md) as the figure that it draws, on the model that it names. Each picture has
its recipe inside: drop it on the page, or give it to `python -m app figure`, and it is computed again.
`python -m docs.gallery` writes this page.
"""


def answers() -> dict[str, str]:
    """Recipe -> what it answers, in the order and words of the recipes' own page."""
    return dict(_ROW.findall((RECIPES / "README.md").read_text(encoding="utf-8")))


def view_of(name: str) -> View:
    """What `python -m app figure docs/recipes/NAME.json` draws."""
    return shown_in(str(RECIPES / f"{name}.json"))[0]


def drawn(engine: Engine, name: str) -> bytes:
    """The picture, a png with its recipe inside."""
    return deflated(picture_of(engine, view_of(name), "png", DPI)[0])


def deflated(png: bytes) -> bytes:
    """The same pixels and texts, packed as small as they can be; Chrome is in a hurry."""
    rest, at, pixels = png[:8], 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content, at = png[at + 8 : at + 8 + length], at + length + 12
        if kind == b"IDAT":
            pixels += content
        elif kind == b"IEND":
            rest += chunk(b"IDAT", zlib.compress(zlib.decompress(pixels), 9)) + chunk(kind, content)
        else:
            rest += chunk(kind, content)
    return rest


def page() -> str:
    """The gallery in Markdown."""
    return "\n".join([_BEGIN, *(_entry(name, answer) for name, answer in answers().items())])


def _entry(name: str, answer: str) -> str:
    given = json.loads((RECIPES / f"{name}.json").read_text(encoding="utf-8"))
    title = ANALYSES[given.get("recipe", given)["kind"]].title
    shown = NOT_DRAWN.get(name, f"![{title}](gallery/{name}.png)")
    command = f"python -m app figure docs/recipes/{name}.json -o {name}.pdf"
    said = answer[0].upper() + answer[1:]
    recipe = f"Recipe: [{name}.json](recipes/{name}.json)"
    return f"## {title}: `{name}`\n\n{said}. {recipe}\n\n```\n{command}\n```\n\n{shown}\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with closing(Engine()) as engine:
        for name in answers():
            if name not in NOT_DRAWN:
                (FOLDER / f"{name}.png").write_bytes(drawn(engine, name))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
