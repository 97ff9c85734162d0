"""Short journeys in *Residual*: a direction seen and steered along, a direction lassoed, an answer taken apart."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

Visit = Callable[..., Screen]
WORDS = "river apple dog tree river apple the sea ship road"
SMALL = experiment("ground-truth", f"{WORDS} dog", f"{WORDS} tree", "tree", "dog")
TOPICS = "clean,topic\nthe sea ship,water\nriver apple dog tree,land\nthe river ship road,water\n"
DIRECTION = {
    "name": "tree − dog",
    "direction": {"kind": "tokens", "tokens": ["tree"], "minus": ["dog"], "matrix": "W_U"},
}
ENDS = """right => {
  const gd = document.querySelector('#activation-map .js-plotly-plot'), box = gd.getBoundingClientRect();
  const {xaxis: {_offset: left, _length: width}, yaxis: {_offset: top, _length: height}} = gd._fullLayout;
  const [from, to] = right ? [0.51, 0.99] : [0.01, 0.49];
  return [[from, 0.01], [to, 0.01], [to, 0.99], [from, 0.99], [from, 0.02]]
    .map(([x, y]) => [box.left + left + x * width, box.top + top + y * height]);
}"""


def opened(visit: Visit, section: str, asked: dict[str, Any] = SMALL, **parts: Any) -> Screen:
    return visit(link(asked, view={"workspace": "residual", "section": section}, **parts))


def asks_nothing(screen: Screen, control: str, option: str, until: str) -> None:
    """Another reading of numbers that are there is drawn by the page itself."""
    screen.settled().requests.clear()
    screen.page.locator(f"#{control}").select_option(option)
    screen.until(until)
    assert [url for url in screen.requests if "_dash-update-component" in url] == []


def test_a_direction_is_seen_where_it_is_written_and_read_and_steered_along(visit: Visit):
    screen = opened(visit, "direction", directions=[DIRECTION])
    screen.ready("projection", "writers", "readers", "distribution")
    screen.click_on("projection", 3, 0)
    expect(screen.page.locator("#writers-of")).to_contain_text("after L0 at 3 ")
    title = "microtome.graph('readers').data[0].colorbar.title.text"
    asks_nothing(screen, "readers-by", "norm", f"{title}.startsWith('norm')")
    screen.page.locator("#strength-start").click()
    screen.ready("strength")
    screen.until("microtome.graph('strength')._fullData.at(-1).x.length === 11")
    asks_nothing(screen, "strength-metric", "rank", "microtome.graph('strength').layout.yaxis.title.text === 'rank'")


def lasso(screen: Screen, *, right: bool) -> None:
    """Around one half of the map."""
    first, *rest = screen.page.evaluate(ENDS, right)
    screen.page.mouse.move(*first)
    screen.page.mouse.down()
    for place in rest:
        screen.page.mouse.move(*place, steps=4)
    screen.page.mouse.up()


def test_a_lasso_selects_tokens_and_a_second_one_makes_a_direction(visit: Visit):
    screen = opened(visit, "geometry").ready("geometry", "activation-map").still("activation-map")
    lasso(screen, right=False)
    screen.until("microtome.session().selection.positions.length > 0")
    screen.page.keyboard.down("Shift")
    lasso(screen, right=True)
    screen.page.keyboard.up("Shift")
    screen.until("microtome.session().directions.length === 1")
    made = screen.session["directions"][0]["direction"]
    assert made["kind"] == "mean_difference"
    assert made["plus"]
    assert made["minus"]
    expect(screen.page.locator("#map-groups")).to_contain_text("The direction A − B is made")
    asks_nothing(screen, "map-colour", "token", "microtome.graph('activation-map').data.length > 2")
    asks_nothing(
        screen, "geometry-drawn", "cosines", "microtome.graph('geometry').layout.yaxis.title.text === 'cosine'"
    )
    by_a_label(screen)


def by_a_label(screen: Screen) -> None:
    """A column of one's own colours the map and groups the distribution; undo takes it back with the prompts."""
    screen.page.locator("#prompts-open").click()
    screen.page.locator("#prompts-text").fill(TOPICS)
    screen.page.locator("#prompts-replace").click()
    expect(screen.page.locator("#prompt-list .mt-prompt-labels")).to_have_text(["water", "land", "water"])
    expect(screen.page.get_by_role("dialog")).to_be_hidden()
    screen.page.locator("#map-colour").select_option("label:topic")
    screen.until("microtome.graph('activation-map').data.map(({name}) => name).join() === 'water,land'")
    screen.page.evaluate("microtome.dispatch({type: 'set-view', section: 'direction'})")
    screen.ready("distribution")
    rows = "microtome.graph('distribution').layout.yaxis.ticktext.map(text => text.split('<br>')[0]).join()"
    asks_nothing(screen, "distribution-by", "label:topic", f"{rows} === 'water,land'")
    screen.until("microtome.session().experiment.prompts.length === 0 || void microtome.dispatch({type: 'undo'})")
    expect(screen.page.locator("#distribution-by option[value='label:topic']")).to_have_count(0)


def test_an_answer_is_taken_apart_to_a_head_and_to_a_neuron(visit: Visit):
    screen = opened(visit, "parts").ready("decomposition").settled()
    screen.requests.clear()
    screen.page.locator("#parts-level").get_by_text("Heads", exact=True).click()
    screen.until("microtome.metaOf(microtome.graph('decomposition')).rows.includes('L1H0')")
    expect(screen.page.locator("#decomposition-of")).to_contain_text("by head")
    assert [url for url in screen.requests if "_dash-update-component" in url] == []
    row = screen.page.evaluate("microtome.metaOf(microtome.graph('decomposition')).rows.indexOf('L1H0')")
    screen.click_on("decomposition", 0, row)
    screen.until("microtome.graph('decomposition').layout.shapes.some(({name}) => name === 'selected')")
    assert screen.heads == ["L1H0"]
    neurons = visit("#").ready("head-matrix")
    neurons.page.evaluate("microtome.dispatch({type: 'set-view', workspace: 'residual', section: 'features'})")
    neurons.ready("neurons", "neuron-card")
    neurons.click_on("neurons", 0, 2)
    name = neurons.page.evaluate("microtome.metaOf(microtome.graph('neurons')).rows[2]")
    neurons.until("microtome.graph('neurons').layout.shapes.some(({y0}) => y0 === 1.5)")
    expect(neurons.page.locator("#neuron-card-of")).to_contain_text(name)
    asks_nothing(
        neurons, "neurons-by", "largest", "microtome.graph('neurons').layout.xaxis.title.text.startsWith('largest')"
    )
