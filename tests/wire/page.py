"""The page over the wire: the requests a browser makes, without a browser."""

import json
import time
from dataclasses import replace
from typing import Any

from dash import Dash

from app.domain.experiment import Experiment, Switched
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.session import Session, session_dict
from app.domain.sweep_asked import SweepAsked
from app.engine import Engine
from app.factory import create_app
from app.settings import Settings
from callbacks.sweep_strip import COUNTING

SPEC = ModelSpec("listed", "ground-truth")
PAIR = PromptPair("the river apple house the river", "the dog apple house the dog", ("apple",), ("dog",))
READY = {"phase": "ready"}
END_ID = "wire-test"


def experiment(pair: PromptPair = PAIR, *interventions: Any, model: ModelSpec = SPEC) -> dict[str, Any]:
    """The experiment store of a page."""
    switched = tuple(Switched(item) for item in interventions)
    return session_dict(Session(Experiment(model, pair, switched)))["experiment"]


def sweep(**fields: Any) -> dict[str, Any]:
    """The sweep store of a page."""
    return session_dict(Session(Experiment(SPEC, PAIR), sweep=SweepAsked(**fields)))["sweep"]


def prompt_set(*others: dict[str, Any]) -> dict[str, Any]:
    """An experiment on a set: PAIR, on screen, and PAIR with these changes each."""
    prompts = [changed(**fields)["prompt"] for fields in ({}, *others)]
    return {**experiment(), "prompts": prompts}


def changed(**fields: Any) -> dict[str, Any]:
    """The experiment with another prompt pair."""
    return experiment(replace(PAIR, **fields))


class Page:
    """One app on one engine, asked as the browser asks it."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.app: Dash = create_app(engine, settings)
        self.client = self.app.server.test_client()
        self.dependencies: list[dict[str, Any]] = self.client.get("/_dash-dependencies").get_json()

    def callback(self, output: str) -> dict[str, Any]:
        """The one callback that writes this `id.property`."""
        found = [d for d in self.dependencies if output in d["output"].strip(".").split("...")]
        assert len(found) == 1, (output, [d["output"] for d in found])
        return found[0]

    def body(self, output: str, values: dict[str, Any], by: str | None = None) -> dict[str, Any]:
        """The request body: `values` by `id.property`, everything else null; `by` is what triggered it."""
        wanted = self.callback(output)
        names = wanted["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
        inputs = [self._value(item, values) for item in wanted["inputs"]]
        return {
            "output": wanted["output"],
            "outputs": outputs if wanted["output"].startswith("..") else outputs[0],
            "inputs": inputs,
            "state": [self._value(item, values) for item in wanted["state"]],
            "changedPropIds": [by or next(iter(values))],
        }

    def panel(self, panel: str, sent: dict[str, Any], prop: str = "figure") -> Any:
        """What the page is told of a panel that it draws itself, as a callback's answer; None: nothing yet."""
        answer = self.client.post(f"/panel/{panel}", json=sent)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.text
        found = answer.get_json()
        said = {"-panel": ("className", "state"), "-message": ("children", "message"), "-of": ("children", "of")}
        return {panel: {prop: found["content"]}} | {
            f"{panel}{end}": {name: found[field]} for end, (name, field) in said.items()
        }

    @staticmethod
    def _value(item: dict[str, Any], values: dict[str, Any]) -> Any:
        key = f"{item['id']}.{item['property']}"
        if not item["id"].startswith("{"):
            return {**item, "value": values.get(key)}
        matching = [(name.rsplit(".", 1)[0], value) for name, value in values.items() if name.startswith("{")]
        return [{"id": json.loads(name), "property": item["property"], "value": value} for name, value in matching]

    def post(self, output: str, values: dict[str, Any], by: str | None = None, query: str = "") -> Any:
        """The raw answer."""
        return self.client.post(f"/_dash-update-component{query}", json=self.body(output, values, by))

    def ask(self, output: str, values: dict[str, Any], by: str | None = None) -> dict[str, Any] | None:
        """`{id: {property: value}}`, or None where the callback had nothing to say."""
        answer = self.post(output, values, by)
        assert answer.status_code in (200, 204), answer.get_data(as_text=True)[-2000:]
        return answer.get_json()["response"] if answer.status_code == 200 else None

    def strip(self, panel: str, values: dict[str, Any], by: str | None = None) -> dict[str, Any]:
        """The words beside a sweep, what its button says, and whether nothing is left to run: at once, then counted."""
        answer = self.ask(f"{panel}-start.children", values, by)
        assert answer is not None
        told = {part: answer[f"{panel}-{part}"]["children"] for part in ("text", "start")}
        told["done"] = answer[f"{panel}-done"]["data"]
        counted = answer[f"{panel}-counted"]["data"]
        if counted:
            assert told["text"] == COUNTING
            told["text"] = self.counted(panel, values | {f"{panel}-counted.data": counted})
        return told

    def counted(self, panel: str, values: dict[str, Any]) -> str:
        """What there is to do and what it takes."""
        asked = next(d for d in self.dependencies if [i["id"] for i in d["inputs"]] == [f"{panel}-counted"])
        answer = self.ask(asked["output"], values, f"{panel}-counted.data")
        assert answer is not None
        return answer[f"{panel}-text"]["children"]

    def digests(self, kind: str, store: dict[str, Any]) -> Any:
        """What the browser holds after the analysis: the digest store's content."""
        given = {"experiment.data": store, "status.data": READY}
        answer = self.ask(f"digests-{kind}.data", given)
        return None if answer is None else answer[f"digests-{kind}"]["data"]

    def run_background(self, output: str, values: dict[str, Any], limit_s: float = 60) -> list[dict[str, Any]]:
        """Start a background callback and ask for it as the browser does, until it ends; all answers.

        The last one holds its outputs, and is empty where it had nothing to say.
        """
        answers = [self.post(output, values).get_json()]
        until = time.monotonic() + limit_s
        while answers[-1] and "response" not in answers[-1]:
            time.sleep(0.02)
            assert time.monotonic() < until, answers[-1]
            answers.append(self.poll(output, values, answers[0]))
        return answers

    def poll(self, output: str, values: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
        """Ask once how far a started job is; empty once it has ended with nothing to say."""
        answer = self.post(output, values, query=f"?cacheKey={started['cacheKey']}&job={started['job']}")
        return {} if answer.status_code == 204 else answer.get_json() or {"news": None}
