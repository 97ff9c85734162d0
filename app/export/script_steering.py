"""The program of a strength curve, as text (see script_pieces.py). Texts are what a generation's program prints."""

from app.domain.direction_interventions import Clamp, Steer, SwapAlong
from app.domain.steering_recipes import SteeringCurve
from app.export.script_directions import Data, direction_parts, directions_in

STEERING_CURVE = '''
def changed(direction, strength, prompt):
    """The change along a direction as a hook: what `a`, the activation at the site, becomes."""
    d = made(direction)
    d = d / d.norm()
SOURCE

    def change(activation, hook):
        activation = activation.clone()
        a = activation[INDEX].float()
        activation[INDEX] = BECOMES
        return activation

    return [(NAME, change)]


result = {name: [] for name in ("values", "placebo", "clean", "norm", "projection")}
result["strengths"] = STRENGTHS
d = made(DIRECTIONS[0])
d = d / d.norm()
for prompt in PROMPTS:
    base, cache = run(prompt["clean"], hooks_for(prompt), [NAME])
    log_probs, a = base.log_softmax(-1), cache[NAME][INDEX].float()
    result["clean"].append(metrics(base, prompt))
    result["norm"].append(float(a[:, SKIPPED:].norm(dim=-1).mean()))
    result["projection"].append(float((a[:, SKIPPED:] @ d).mean()))
    lines = []
    for way in DIRECTIONS:
        hooks = [[*hooks_for(prompt), *changed(way, strength, prompt)] for strength in STRENGTHS]
        lines.append([metrics(run(prompt["clean"], each)[0], prompt, log_probs) for each in hooks])
    result["values"].append(lines[0])
    result["placebo"].append(lines[1:])
'''

SOURCE = """    real = made(DIRECTIONS[0])
    real = real / real.norm()  # placebos go as far as the swap along it
    source = run(prompt["corrupted"], keep=[NAME])[1][NAME][INDEX].float()
"""


def steering_parts(recipe: SteeringCurve, directions: tuple[Data, ...], skipped: int) -> tuple[str, ...]:
    """What makes the directions, the constants, and the curve."""
    positions = "" if recipe.site.positions is None else f", {list(recipe.site.positions)}"
    one = recipe.changed(recipe.direction, recipe.strengths[0])
    size = " * a.norm(dim=-1, keepdim=True)" if recipe.unit == "norm" else ""
    becomes = "a - strength * (a @ d)[..., None] * d"
    if isinstance(one, Steer):
        becomes = f"a + strength{size} * d"
    elif isinstance(one, Clamp):
        becomes = "a + (strength - a @ d)[..., None] * d"
    elif isinstance(one, SwapAlong):
        becomes = "a + strength * (((source - a) @ real).abs() * ((source - a) @ d).sign())[..., None] * d"
    skipped = skipped if recipe.site.positions is None else 0
    text = STEERING_CURVE.replace("SOURCE\n", SOURCE if isinstance(one, SwapAlong) else "")
    text = text.replace("INDEX", f":{positions}").replace("BECOMES", becomes)
    constants = ["", f"NAME = {recipe.site.hook_name!r}", f"STRENGTHS = {list(recipe.strengths)}",
                 f"SKIPPED = {skipped}  # the separator before a prompt, which is many times longer than the rest",
                 "DIRECTIONS = [  # the direction, then its placebos", *(f"    {each}," for each in directions), "]",
                 ""]  # fmt: skip
    return (*direction_parts(*directions_in(recipe)), "\n".join(constants), text)
