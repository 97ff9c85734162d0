"""From one pair to a prompt set, a sweep that is cancelled and goes on, significance, an outlier, and a link to it."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.screen import Screen

COUNT = 6
"""The fewest prompts over which a cell can be significant."""
_STRIP = "microtome.graph('strip')._fullData.find((trace) => trace.name === 'prompts')"
_COMPUTED = """async () => {
  const {data} = microtome.propsOf('digests-sweep');
  const answer = await fetch(`${microtome.prefix()}sweep/${data.baseline}/logit_diff.f32`, {cache: 'no-store'});
  return new Float32Array(await answer.arrayBuffer()).filter((value) => Number.isFinite(value)).length;
}"""
_STRONGEST = """() => {
  const {z} = microtome.graph('sweep-map')._fullData[0];
  const cells = Array.from(z, (row) => Array.from(row)).flatMap((row, y) => row.map((value, x) => ({value, x, y})));
  return cells.reduce((best, cell) => Math.abs(cell.value) > Math.abs(best.value) ? cell : best);
}"""


def test_from_a_pair_to_a_sweep_over_prompts_to_a_link_to_its_outlier(visit: Callable[..., Screen]):
    screen = visit().ready("prediction")
    fill_the_prompt_set(screen)
    screen.page.keyboard.press("4")
    cancel_and_resume(screen)
    hide_what_is_not_significant(screen)
    head = select_the_strongest_head(screen)
    prompt = select_the_outlier(screen)
    other = visit(copy_link(screen)).ready("sweep-map", "strip")
    assert other.session == screen.session
    assert other.heads == [head]
    sees(other, prompt)


def fill_the_prompt_set(screen: Screen) -> None:
    screen.page.locator("#prompts-open").click()
    screen.page.locator("#template-count").fill(str(COUNT))
    screen.page.locator("#template-fill").click()
    screen.until("microtome.propsOf('prompts-text').value.startsWith('clean,')")
    screen.page.locator("#prompts-replace").click()
    expect(screen.page.locator("#prompt-list [data-prompt]")).to_have_count(COUNT)
    expect(screen.page.get_by_role("dialog")).to_be_hidden()
    expect(screen.page.locator("#clean-prompt")).to_have_value(screen.session["experiment"]["prompts"][0]["clean"])


def cancel_and_resume(screen: Screen) -> None:
    start, cancel = screen.page.locator("#sweep-map-start"), screen.page.locator("#sweep-map-cancel")
    text = screen.page.locator("#sweep-map-text")
    expect(text).to_contain_text(f"{270 * COUNT} cells (270 × {COUNT} prompts)")
    start.click()
    screen.page.wait_for_selector("#sweep-map-panel.is-ready")
    cancel.click()
    expect(cancel).to_be_disabled()
    screen.until("document.getElementById('jobs').textContent === ''")
    expect(start).to_have_text("Resume")
    assert 0 < computed(screen) < 270 * COUNT
    start.click()
    expect(text).to_contain_text("all cells done")
    assert computed(screen) == 270 * COUNT


def computed(screen: Screen) -> int:
    """How many runs of the sweep there are: cells by prompts."""
    return screen.page.evaluate(_COMPUTED)


def hide_what_is_not_significant(screen: Screen) -> None:
    screen.page.locator("label[for=sweep-significant], #sweep-significant").first.click(force=True)
    expect(screen.page.locator("#sweep-map-of")).to_contain_text("of 270 cells have q < 0.05")
    assert screen.session["sweep"]["significant"] is True


def select_the_strongest_head(screen: Screen) -> str:
    cell = screen.page.evaluate(_STRONGEST)
    screen.click_on("sweep-map", cell["x"], cell["y"])
    name = f"L{cell['y']}H{cell['x']}"
    assert screen.heads == [name]
    assert screen.shapes("sweep-map") == [["primary", cell["x"] - 0.5, cell["y"] - 0.5]]
    expect(screen.page.locator("#strip-of")).to_contain_text(f"{name} on each prompt")
    return name


def select_the_outlier(screen: Screen) -> int:
    screen.ready("strip")
    values: list[float] = screen.page.evaluate(f"Array.from({_STRIP}.x)")
    mean = sum(values) / len(values)
    furthest = max(range(1, COUNT), key=lambda prompt: abs(values[prompt] - mean))
    screen.click_on("strip", values[furthest], furthest)
    sees(screen, furthest)
    return furthest


def sees(screen: Screen, prompt: int) -> None:
    """The prompt is on screen everywhere."""
    pair: dict[str, Any] = screen.session["experiment"]["prompts"][prompt]
    assert screen.session["selection"]["prompt"] == prompt
    assert screen.session["experiment"]["prompt"] == pair
    expect(screen.page.locator("#clean-prompt")).to_have_value(pair["clean"])
    expect(screen.page.locator("#prompt-list .is-chosen")).to_have_attribute("data-prompt", str(prompt))
    giver = json.dumps(pair["incorrect_answer"][0])
    screen.until(f"microtome.tokenTexts().filter((token) => token === {giver}).length === 2")
    screen.until(
        f"microtome.graph('strip').layout.shapes.some(({{name, y0}}) => name === 'prompt' && y0 === {prompt - 0.5})"
    )


def copy_link(screen: Screen) -> str:
    screen.page.locator("#copy-link").click()
    expect(screen.page.get_by_text("Link copied")).to_be_visible()
    return screen.page.evaluate("navigator.clipboard.readText()")
