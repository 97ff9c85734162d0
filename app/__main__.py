"""Command line: serve (default), compute, figure, script, prompts, models. `-` reads standard input.

Exit code 0 on success, 2 with one clear line on bad input, 1 on a bug (with its traceback). Ctrl+C keeps what a sweep
has computed; the same command goes on from there.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.domain.errors import BadInput, Cancelled, MicrotomeError
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe
from app.settings import NAMES, Settings, read

_PROMPTS = "prompts to put in place of the recipe's: a CSV, tab-separated, JSON or JSON lines file"
_SUMMARY = (
    "of a sweep: one row per cell with mean, standard error, 95%% interval, p-value, q-value and n over the prompts"
)
TABLES = ("parquet", "csv", "json", "npz")
PICTURES = ("svg", "pdf", "png", "html")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        command(_settings(given), given)
    except MicrotomeError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 2
    return 0


def serve(settings: Settings, given: dict[str, Any]) -> None:
    """Show the page until interrupted."""
    from app.engine import Engine
    from app.serving import serve

    serve(Engine(settings), settings, lambda text: print(text, flush=True))


def compute(settings: Settings, given: dict[str, Any]) -> None:
    """Evaluate a recipe and write its numbers."""
    from app.analyses import ANALYSES
    from app.engine import Engine
    from app.export import tables
    from app.figures.sweep_tables import SUMMARISED, summarised

    out, summary = _out(given["out"], TABLES), given["summary"]
    recipe = _recipe(given)
    if summary and (out.suffix == ".npz" or not issubclass(ANALYSES[recipe.kind].result, SUMMARISED)):
        raise BadInput("--summary is of sweeps and attribution patching, not as .npz; leave it out here.")
    with closing(Engine(settings)) as engine:
        result = _evaluated(engine, recipe)
    if out.suffix == ".npz":
        return _write(out, tables.to_npz(result), "arrays")
    write = {".parquet": tables.to_parquet, ".csv": tables.to_csv, ".json": tables.to_json}[out.suffix]
    table = summarised(result) if summary else ANALYSES[recipe.kind].table(result)
    return _write(out, write(table, result), f"{len(table)} rows")


def figure(settings: Settings, given: dict[str, Any]) -> None:
    """Draw a view, a recipe or a plate of several, or what an exported picture shows, with its manifest inside."""
    from app.engine import Engine
    from app.export.manifest import differences

    out = _out(given["out"], PICTURES)
    shown, made = shown_in(given["file"])
    with closing(Engine(settings)) as engine:
        content, provenance = picture_of(engine, shown, out.suffix[1:])
    _write(out, content, "the figure, with its recipe inside")
    for line in differences(made, provenance) if made else ():
        print(f"not as when {given['file']} was made: {line}", file=sys.stderr)


def picture_of(engine: Any, shown: Any, format: Any, dpi: int = 300) -> tuple[bytes, Any]:
    """The picture of a view or a plate, and where its (first) numbers come from; `dpi` is for png only."""
    from app.analyses import ANALYSES
    from app.domain.plates import Plate
    from app.export.manifest import manifest
    from app.export.pictures import picture
    from app.figures.caption import captioned
    from app.plates import Numbers, plate_file

    if isinstance(shown, Plate):
        numbers = [Numbers.of(engine, panel.view, _progress) for panel in shown.panels]
        return plate_file(shown, numbers, format, dpi=dpi), numbers[0].result.provenance if numbers else None
    found = Numbers.of(engine, shown, _progress)
    sized = replace(shown, style=ANALYSES[shown.recipe.kind].sized(shown.style))
    figure, source = captioned(found.drawn(sized), shown.prompt_named, sized.style), found.result.provenance
    return picture(figure, format, manifest(shown, source, found.result.digest), dpi), source


def script(settings: Settings, given: dict[str, Any]) -> None:
    """Print a TransformerLens program that recomputes a recipe without Microtome."""
    from app.engine import Engine

    recipe = _recipe(given)
    with closing(Engine(settings)) as engine:
        sys.stdout.write(engine.script(recipe))


def prompts_ioi(settings: Settings, given: dict[str, Any]) -> None:
    """Print indirect object identification pairs; the first eight are those of TransformerLens' demo."""
    from app.domain.prompt_sets import ioi

    _print_prompts(given, ioi(given["count"], given["seed"]))


def prompts_induction(settings: Settings, given: dict[str, Any]) -> None:
    """Print repeated segments of random words."""
    from app.domain.prompt_sets import WORDS, induction

    words = given["words"] or WORDS
    _print_prompts(given, induction(given["count"], given["seed"], words, given["length"]))


def prompts_read(settings: Settings, given: dict[str, Any]) -> None:
    """Print the prompts of a CSV, tab-separated, JSON or JSON lines file, checked."""
    from app.domain.prompt_sets import parse_prompts

    _print_prompts(given, parse_prompts(_read(given["file"])))


def models_list(settings: Settings, given: dict[str, Any]) -> None:
    """Print the models that can be named."""
    from app.models.catalogue import entries

    for entry in entries(settings.home):
        print(f"{entry.name:24} {entry.title}\n{'':24} {entry.note}")


def models_add(settings: Settings, given: dict[str, Any]) -> None:
    """Give a folder, a GGUF file or a Hugging Face model a name in the list."""
    from app.models.catalogue import add

    entry = add(given["what"], name=given["name"], revision=given["revision"], home=settings.home)
    print(f"Added {entry.name}: {entry.note}")


def _called() -> str:
    """As this was called: the installed command, or the package."""
    return "python -m app" if Path(sys.argv[0]).name == "__main__.py" else "microtome"


def _parser() -> argparse.ArgumentParser:
    """Options of the settings can stand before or after the command."""
    options = _options()
    parser = argparse.ArgumentParser(
        _called(), description="Attention heads, residual stream and interventions of a transformer, side by side."
        " Without a command: show the page.", parents=[options],
    )  # fmt: skip
    parser.set_defaults(command=serve)
    commands = parser.add_subparsers(metavar="COMMAND")
    _command(commands, "serve", serve, options)
    _recipe_commands(commands, options)
    _prompts_commands(commands, options)
    _models_commands(commands, options)
    return parser


def _recipe_commands(commands: Any, options: argparse.ArgumentParser) -> None:
    """`compute`, `figure`, `script`"""
    endings = {"compute": TABLES, "figure": PICTURES, "script": ()}
    for name, command in (("compute", compute), ("figure", figure), ("script", script)):
        added = _command(commands, name, command, options)
        kinds = "JSON file or a picture that Microtome exported" if name == "figure" else "JSON file"
        added.add_argument("file", help=f"{kinds}, or - for standard input")
        if endings[name]:
            added.add_argument("-o", "--out", required=True, help="." + ", .".join(endings[name]))
        if name != "figure":
            added.add_argument("--prompts", help=_PROMPTS)
        if name == "compute":
            added.add_argument("--summary", action="store_true", help=_SUMMARY)


def _models_commands(commands: Any, options: argparse.ArgumentParser) -> None:
    """`models list|add`"""
    models = _command(commands, "models", models_list, options).add_subparsers(metavar="list|add")
    _command(models, "list", models_list, options)
    added = _command(models, "add", models_add, options)
    added.add_argument("what", help="folder, GGUF file, or Hugging Face name")
    added.add_argument("--name")
    added.add_argument("--revision")


def _prompts_commands(commands: Any, options: argparse.ArgumentParser) -> None:
    """`prompts ioi|induction|read`"""
    kinds = commands.add_parser("prompts", help="Print a prompt set.").add_subparsers(
        metavar="ioi|induction|read", required=True
    )
    for name, command in (("ioi", prompts_ioi), ("induction", prompts_induction), ("read", prompts_read)):
        added = _command(kinds, name, command, options)
        added.add_argument("--as", dest="format", choices=("jsonl", "csv"), default="jsonl", help="default jsonl")
        if name == "read":
            added.add_argument("file", help="a file, or - for standard input")
            continue
        added.add_argument("--count", type=int, default=8, help="default 8")
        added.add_argument("--seed", type=int, default=0, help="default 0")
        if name == "induction":
            added.add_argument("--length", type=int, default=6, help="words in the segment; default 6")
            added.add_argument("--words", nargs="+", help="words to choose from, each one token of the model")


def _command(commands: Any, name: str, command: Any, options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    text = str(command.__doc__)
    added = commands.add_parser(name, help=text, description=text, parents=[options])
    added.set_defaults(command=command)
    return added


def _options() -> argparse.ArgumentParser:
    """Settings as options; absent ones stay absent, so that a subcommand does not reset them."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--open", dest="open_browser", action="store_true", help="open the page in the browser")
    options.add_argument("--model", help="name from models list, Hugging Face name, folder or GGUF file")
    options.add_argument("--device", help="cpu, cuda, cuda:1, mps; default: the best there is")
    options.add_argument("--dtype", help="float32 (default), bfloat16, float16")
    options.add_argument("--processing", help="compatibility (default): fold and centre weights; raw: as published")
    options.add_argument("--host", help="address to listen on; default 127.0.0.1, this machine only")
    options.add_argument("--port", help="default 8050; 0 takes a free one")
    options.add_argument("--url-prefix", help="path under which a proxy shows the page, like /microtome/")
    options.add_argument("--home", help="folder for models, model list and cache")
    options.add_argument("--folders", help="folders below which a page or recipe may name models, lenses, autoencoders")
    options.add_argument("--cache", help="folder of the result cache")
    options.add_argument("--cache-limit", help="bytes; default 2000000000")
    options.add_argument("--views-limit", help="bytes of all saved views, which are never evicted; default 200000000")
    options.add_argument("--max-tokens", help="longest prompt; default 2048")
    options.add_argument("--queue-limit", help="computations that may wait; default 64")
    options.add_argument("--models-in-memory", help="default 2")
    options.add_argument("--sweep-memory", help="MiB that a sweep may take above the model; default 2048")
    return options


def _settings(given: dict[str, Any]) -> Settings:
    """Command line over environment over file; the model's places are told to everyone by MICROTOME_HOME."""
    settings = read({name: given[name] for name in NAMES if name in given})
    if settings.home is not None:
        settings = replace(settings, home=settings.home.expanduser().resolve())
        os.environ["MICROTOME_HOME"] = str(settings.home)
    return settings


def _recipe(given: dict[str, Any]) -> AnyRecipe:
    """The recipe in the file, on other prompts where those are named."""
    from app.domain.prompt_sets import parse_prompts
    from app.domain.recipes import parse_recipe

    recipe = parse_recipe(_read(given["file"]))
    return replace(recipe, prompts=parse_prompts(_read(given["prompts"]))) if given["prompts"] else recipe


def shown_in(file: str) -> tuple[Any, dict[str, Any] | None]:
    """The view or plate in a JSON file, or that of an exported picture with its manifest. A recipe is drawn as it runs,
    with its interventions."""
    from app.domain.plates import parse_plate
    from app.domain.recipes import parse_recipe
    from app.domain.views import Style, View, parse_view
    from app.export.manifest import format_of, read_manifest

    content = _content(file)
    format = format_of(content)
    if format is not None:
        made = read_manifest(content, format)
        return parse_plate(made["plate"]) if "plate" in made else parse_view(made["view"]), made
    text = _text(file, content)
    if _holds(text, "kind"):
        recipe = parse_recipe(text)
        return View(recipe, Style(show="intervened" if recipe.interventions else "baseline")), None
    return (parse_plate if _holds(text, "panels") else parse_view)(text), None


def _holds(text: str, name: str) -> bool:
    """Whether it is a JSON object with that member."""
    from app.domain.recipes import plain_json

    try:
        given = plain_json(text)
    except ValueError:
        return False
    return isinstance(given, dict) and name in given


def _evaluated(engine: Any, recipe: AnyRecipe) -> Any:
    try:
        return engine.evaluate(recipe, _progress)
    except KeyboardInterrupt as error:
        raise Cancelled("Stopped. What a sweep has computed is kept; the same command goes on from there.") from error


def _print_prompts(given: dict[str, Any], prompts: tuple[PromptPair, ...]) -> None:
    from app.domain.prompt_sets import to_csv, to_jsonl

    sys.stdout.write(to_csv(prompts) if given["format"] == "csv" else to_jsonl(prompts))


def _read(file: str) -> str:
    return _text(file, _content(file))


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error}.") from error


def _text(file: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not text in UTF-8 ({error.reason}); give a JSON file.") from error


def _out(name: str, endings: tuple[str, ...]) -> Path:
    """Refuse an ending we cannot write before computing anything."""
    out = Path(name)
    if out.suffix[1:] not in endings:
        raise BadInput(f"{name} must end in .{', .'.join(endings)}, which says what to write.")
    if not out.parent.is_dir():
        raise BadInput(f"There is no folder {out.parent} to write {out.name} into; make it first.")
    return out


def _write(out: Path, content: bytes, said: str) -> None:
    """The file, and one line on standard error that says so."""
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error}.") from error
    print(f"{out}: {said}", file=sys.stderr)


def _progress(done: int, total: int, partial: Any = None) -> None:
    """One line on a terminal's standard error, rewritten."""
    if sys.stderr.isatty() and total:
        print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
