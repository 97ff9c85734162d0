"""The page as a person sees it: what is selected, drawn and said, and the gestures on it."""

import base64
import json
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, expect

PATIENCE_MS = 60_000
"""Loading a model on a busy machine takes its time; a step that works does not wait this long."""
CENTRE = """([panel, x, y]) => {
  const gd = document.querySelector(`#${panel} .js-plotly-plot`), box = gd.getBoundingClientRect();
  const {xaxis, yaxis} = gd._fullLayout;
  return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y), box.left, box.top];
}"""
_FITS = """panel => {
  const gd = document.querySelector(`#${panel} .js-plotly-plot`), {width, height} = gd._fullLayout;
  return Math.abs(height - gd.clientHeight) < 2 && Math.abs(width - gd.clientWidth) < 2;
}"""
_SHAPES = """panel => (document.querySelector(`#${panel} .js-plotly-plot`).layout.shapes || [])
  .map(({name, x0, y0}) => [name, x0, y0])"""
_IMAGE = "microtome.graph('attention').layout.images[0].source"
_ROWS = """() => dash_ag_grid.getApi('components').getSelectedNodes().map(node => node.id)
  .filter(id => id.includes('H')).sort().join()"""


class Screen:
    """One page. `complaints` collects what no test may leave behind."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"left the machine: {request.url}")

    def open(self, address: str) -> "Screen":
        """Go there and wait until the page has opened its session."""
        self.page.goto(address)
        self.page.wait_for_selector("html[data-microtome=open]", state="attached")
        return self

    # what is there

    @property
    def session(self) -> dict[str, Any]:
        """The page's state."""
        return json.loads(self.page.evaluate("JSON.stringify(microtome.session())"))

    @property
    def heads(self) -> list[str]:
        """Selected heads in the order of selection."""
        return [f"L{head['layer']}H{head['head']}" for head in self.session["selection"]["heads"]]

    @property
    def interventions(self) -> list[bool]:
        """Of each intervention, whether it is on."""
        return [item["on"] for item in self.session["experiment"]["interventions"]]

    def shapes(self, panel: str) -> list[list[Any]]:
        """Marks on a figure: name, left, top."""
        return self.page.evaluate(_SHAPES, panel)

    def marked_heads(self) -> list[str]:
        """Heads marked on the matrix, sorted."""
        marks = {(round(y + 0.5), round(x + 0.5)) for _, x, y in self.shapes("head-matrix")}
        return sorted(f"L{layer}H{head}" for layer, head in marks)

    def ready(self, *panels: str) -> "Screen":
        """Wait until these panels show their content."""
        for panel in panels:
            self.page.wait_for_selector(f"#{panel}-panel.is-ready")
            if panel != "components":
                self.page.wait_for_selector(f"#{panel} .js-plotly-plot .main-svg", state="attached")
        return self

    def still(self, panel: str) -> "Screen":
        """Wait until a figure is drawn for the room that it has: before, its cells move away under the pointer."""
        self.page.wait_for_function(_FITS, arg=panel)
        return self

    def settled(self) -> "Screen":
        """Wait until nothing has been asked for a second but how far the model is."""
        asked = -1
        while asked != (now := sum("/status" not in url for url in self.requests)):
            asked = now
            self.page.wait_for_timeout(1000)
        return self

    def until(self, condition: str) -> "Screen":
        """Wait until a JavaScript expression holds."""
        self.page.wait_for_function(condition)
        return self

    def shows_everywhere(self, heads: list[str]) -> None:
        """All views agree on the selected heads: state, matrix, table, chips, attention title."""
        assert sorted(self.heads) == sorted(heads)
        assert self.marked_heads() == sorted(heads)
        self.page.wait_for_function(f"({_ROWS})() === {json.dumps(','.join(sorted(heads)))}")
        primary = self.session["selection"]["primary"]
        title = f"L{primary['layer']}H{primary['head']}"
        expect(self.page.locator("#attention-head")).to_have_text(title)
        expect(self.page.locator("#selection-bar-chips [data-kind=primary]")).to_contain_text(title)
        self.until(f"{_IMAGE}.startsWith('data:image/png')")

    # gestures

    def click_head(self, layer: int, head: int, *, add: bool = False) -> None:
        """Click a cell of the matrix."""
        x, y, _, _ = self.page.evaluate(CENTRE, ["head-matrix", head, layer])
        self._click(x, y, add)

    def click_on(self, panel: str, x: float, y: float) -> None:
        """Click a place on a figure, in its own coordinates."""
        at = self.still(panel).page.evaluate(CENTRE, [panel, x, y])
        self._click(at[0], at[1], add=False)

    def click_layer(self, layer: int) -> None:
        """Click a row header of the matrix."""
        _, y, left, _ = self.page.evaluate(CENTRE, ["head-matrix", 0, layer])
        self._click(left + 10, y, add=False)

    def click_head_index(self, head: int) -> None:
        """Click a column header of the matrix."""
        x, _, _, top = self.page.evaluate(CENTRE, ["head-matrix", head, 0])
        self._click(x, top + 8, add=False)

    def _click(self, x: float, y: float, add: bool) -> None:
        if add:
            self.page.keyboard.down("Shift")
        self.page.mouse.click(x, y)
        if add:
            self.page.keyboard.up("Shift")

    def point(self, panel: str, x: float, y: float) -> None:
        """Move the pointer to a place on a figure."""
        at = self.page.evaluate(CENTRE, [panel, x, y])
        self.page.mouse.move(at[0], at[1])
        self.page.mouse.move(at[0] + 1, at[1])

    def box(self, first: tuple[int, int], last: tuple[int, int]) -> None:
        """Drag a box over cells of the matrix, from (layer, head) to (layer, head)."""
        self.drag("head-matrix", (first[1] - 0.3, first[0] - 0.3), (last[1] + 0.3, last[0] + 0.3))

    def drag(self, panel: str, first: tuple[float, float], last: tuple[float, float]) -> None:
        """Drag over a figure from one place to another, in its own coordinates."""
        x0, y0, _, _ = self.page.evaluate(CENTRE, [panel, *first])
        x1, y1, _, _ = self.page.evaluate(CENTRE, [panel, *last])
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=3)
        self.page.mouse.move(x1, y1, steps=3)
        self.page.mouse.up()

    def type_prompts(self, clean: str, corrupted: str) -> None:
        """Fill in both prompts; drafts until Run."""
        self.page.locator("#clean-prompt").fill(clean)
        self.page.locator("#corrupted-prompt").fill(corrupted)
        self.until(f"microtome.propsOf('corrupted-prompt').value === {json.dumps(corrupted)}")

    def choose_answer(self, picker: str, query: str, option: str) -> None:
        """Replace what the picker holds by one token found by searching."""
        field = self.page.locator(f"#{picker}")
        field.click()
        field.press("Backspace")
        field.type(query)
        self.page.get_by_role("option", name=option, exact=True).click()
        field.press("Escape")

    def choose(self, select: str, option: str) -> None:
        """Choose from a list of one."""
        self.page.locator(f"#{select}").click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def run(self) -> None:
        """Press Run."""
        self.page.locator("#run").click()


def link(experiment: dict[str, Any], **parts: Any) -> str:
    """A link as the page writes it, made here independently."""
    text = json.dumps({"experiment": experiment, **parts}, separators=(",", ":"))
    return "#s=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def experiment(model: str, clean: str, corrupted: str, answer: str, incorrect: str) -> dict[str, Any]:
    """An experiment of one prompt pair."""
    prompt = {"clean": clean, "corrupted": corrupted, "answer": [answer], "incorrect_answer": [incorrect]}
    return {"model": {"source": "listed", "name": model}, "prompt": prompt}
