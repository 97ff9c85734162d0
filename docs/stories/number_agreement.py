"""What docs/stories/number-agreement.md asks: prompts, directions and recipes. docs/stories/write.py asks it.

`TRAIN` is what directions are made from, `TESTS` what they are tried on: other nouns, in other sentences. The metric is
the logit difference of plural and singular verbs at END: positive = plural.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from app.domain.direction_card import DirectionCard
from app.domain.direction_interventions import ProjectOut, SwapAlong
from app.domain.direction_recipes import DirectionDistribution, DirectionProjection, DirectionReaders, DirectionWriters
from app.domain.directions import AnyDirection, MeanDifference, NamedDirection, Placebo, Probe, TokenDirection
from app.domain.experiment import Experiment
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import AttentionPattern, Prediction
from app.domain.residual_asked import ResidualAsked, StrengthAsked
from app.domain.samples import Sample
from app.domain.session import Session, Viewed
from app.domain.sites import Site
from app.domain.steering_recipes import SteeringCurve
from app.domain.views import Selection

MODEL = ModelSpec("listed", "smollm2-135m")
PLURAL, SINGULAR = (" are", " were"), (" is", " was")
Base = Literal["clean", "corrupted"]
Place = Literal["subject", "END"]
SUBJECT, END = 5, 8
"""Positions of every prompt of TESTS: all have nine tokens."""
LEARNED_AT = {"subject": 2, "END": None}
"""Where TRAIN has them."""
LAYER, LATE = 9, 27
"""Where the direction of the subject, and that of END, are used."""
LAYERS = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 26, 27, 28, 29)
PLACEBOS = 5
TIMES = (-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Strengths, as multiples of the distance between the means of the two groups."""

LEARNED = ("key", "dog", "book", "tree", "car", "house", "student", "teacher", "doctor", "author", "player", "letter",
           "picture", "machine", "window", "river")  # fmt: skip
HELD_OUT = ("king/kings", "artist/artists", "lamp/lamps", "boat/boats", "man/men", "woman/women", "child/children",
            "wolf/wolves")  # fmt: skip
"""The last four do not form their plural by -s alone."""
_BESIDE, _BEHIND = ("table", "building", "desk", "garden"), ("tower", "chair", "school", "engine")


def _learned(place: Place, ending: str) -> tuple[Sample, ...]:
    """`The keys near the table`: every noun once before a singular and once before a plural one."""
    return tuple(
        Sample(f"The {noun}{ending} near the {_BESIDE[at % 4]}{other}", LEARNED_AT[place])
        for at, noun in enumerate(LEARNED)
        for other in ("", "s")
    )


def train(place: Place) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Plural, singular."""
    return _learned(place, "s"), _learned(place, "")


def _pair(form: str, noun: str) -> PromptPair:
    one, many = noun.split("/")
    return PromptPair(form.format(many), form.format(one), PLURAL, SINGULAR)


def _tests() -> Iterator[PromptPair]:
    for other in ("", "s"):
        for at, noun in enumerate(HELD_OUT):
            yield _pair(f"I think that the {{}} behind the {_BEHIND[at % 4]}{other}", noun)
    yield from (_pair("I think that the {} we saw yesterday", noun) for noun in HELD_OUT)


TESTS = tuple(_tests())
"""Plural, and as the corrupted prompt singular: before a singular noun, before a plural one, before an adverb."""
KINDS = {"before a singular noun": slice(0, 8), "before a plural noun": slice(8, 16), "before an adverb": slice(16, 24)}


def direction(place: Place = "subject", layer: int = LAYER) -> MeanDifference:
    """Plural minus singular."""
    return MeanDifference("resid_post", layer, *train(place))


def probe(place: Place = "subject", layer: int = LAYER) -> Probe:
    """The same by logistic regression."""
    return Probe("resid_post", layer, *train(place))


VERBS = TokenDirection(PLURAL, SINGULAR)
COMPARED = (
    NamedDirection("probe", probe()), NamedDirection(f"plural at END, L{LATE}", direction("END", LATE)),
    NamedDirection("plural − singular verbs", VERBS), NamedDirection("placebo", Placebo(direction())),
)  # fmt: skip


def site(place: Place, layer: int) -> Site:
    """The stream at the subject, or at END."""
    return Site("resid_post", layer, positions=(SUBJECT if place == "subject" else END,))


def card(of: AnyDirection, others: tuple[NamedDirection, ...] = ()) -> DirectionCard:
    """A direction by itself."""
    return DirectionCard(model=MODEL, direction=of, others=others)


def curve(
    place: Place, layer: int, base: Base, strengths: Sequence[float], placebos: int = PLACEBOS, tokens: int = 0
) -> SteeringCurve:
    """Plural prompts (`clean`), or singular ones, steered along the direction at its place."""
    return SteeringCurve(
        model=MODEL, prompts=TESTS, base=base, direction=direction(place, layer), site=site(place, layer),
        strengths=tuple(strengths), placebos=placebos, max_new_tokens=tokens,
    )  # fmt: skip


def everywhere(strengths: Sequence[float]) -> SteeringCurve:
    """One singular prompt, steered at every position."""
    site = Site("resid_post", LAYER)
    return SteeringCurve(
        model=MODEL, prompts=TESTS[:1], base="corrupted", direction=direction(), site=site,
        strengths=tuple(strengths), max_new_tokens=8,
    )  # fmt: skip


def predicted(base: Base, *interventions: Any) -> Prediction:
    """The metric of every prompt."""
    return Prediction(model=MODEL, prompts=TESTS, base=base, interventions=interventions, top_k=1)


def swapped(place: Place, layer: int, placebo: int | None = None) -> SwapAlong:
    """The projection is that of the pair's other prompt; nothing else of it is."""
    of = direction(place, layer)
    return SwapAlong(site(place, layer), (of if placebo is None else Placebo(of, placebo),))


def projected_out(place: Place, layer: int, placebo: int | None = None, after: int = 0) -> tuple[ProjectOut, ...]:
    """The projection is the mean over all TESTS at that position, singular and plural; of the `after` next layers,
    too."""
    of = direction(place, layer)
    used = of if placebo is None else Placebo(of, placebo)
    texts = tuple(text for pair in TESTS for text in (pair.clean, str(pair.corrupted)))
    layers = range(layer, layer + after + 1)
    return tuple(ProjectOut(site(place, each), used, "mean", texts, pooled=False) for each in layers)


def distribution(place: Place, layer: int) -> DirectionDistribution:
    """Whether it tells the plural prompts from the singular ones."""
    at = SUBJECT if place == "subject" else END
    return DirectionDistribution(model=MODEL, prompts=TESTS, direction=direction(place, layer), position=at)


def projection(base: Base = "clean") -> DirectionProjection:
    """Where the direction of the subject is."""
    return DirectionProjection(model=MODEL, prompts=TESTS[:1], base=base, direction=direction())


def writers(base: Base) -> DirectionWriters:
    """Who writes the direction of END."""
    return DirectionWriters(model=MODEL, prompts=TESTS, base=base, direction=direction("END", LATE), layer=LATE)


def readers() -> DirectionReaders:
    """Who is able to read the direction of the subject."""
    return DirectionReaders(model=MODEL, direction=direction())


def attention(prompt: int) -> AttentionPattern:
    """Where heads look."""
    return AttentionPattern(model=MODEL, prompts=TESTS, prompt=prompt)


def session() -> Session:
    """The page with all of it: the prompts, the directions, the layer and the subject selected."""
    curve = StrengthAsked("set", LAYER, "selected", "absolute", -84, 84, 9, tokens=8)
    return Session(
        Experiment(MODEL, TESTS[0], prompts=TESTS), Selection(positions=(SUBJECT,), layers=(LAYER,)),
        Viewed("residual", "direction"), directions=(NamedDirection("plural − singular", direction()), *COMPARED),
        residual=ResidualAsked("plural − singular", strength=curve),
    )  # fmt: skip
