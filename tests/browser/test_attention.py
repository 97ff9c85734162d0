"""Reading attention: all heads at once, on the text, several heads together, and differences."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen

_SHOWN = "microtome.graph('attention').layout.images[0].source"
_MIDDLE = """([layer, head]) => {
  const canvas = document.querySelector('#thumbnails canvas'), box = canvas.getBoundingClientRect();
  const {n_layers, n_heads} = microtome.shape();
  const inside = (start, whole, margin, at, count) => start + margin + (at + 0.5) * (whole - margin) / count;
  return [inside(box.left, box.width, 24, head, n_heads), inside(box.top, box.height, 17, layer, n_layers)];
}"""


def thumbnail(screen: Screen, layer: int, head: int) -> tuple[float, float]:
    """The middle of one head's thumbnail on the screen."""
    x, y = screen.page.evaluate(_MIDDLE, [layer, head])
    return x, y


def opened(visit: Callable[..., Screen]) -> Screen:
    """The attention workspace of the worked example, all heads painted."""
    screen = visit().ready("head-matrix", "attention", "components")
    screen.page.keyboard.press("2")
    screen.until("performance.getEntriesByName('microtome:thumbnails-painted').length > 0")
    return screen


def test_a_thumbnail_selects_its_head_everywhere(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.page.mouse.click(*thumbnail(screen, 12, 7))
    screen.shows_everywhere(["L12H7"])
    screen.page.keyboard.down("Shift")
    screen.page.mouse.click(*thumbnail(screen, 20, 1))
    screen.page.keyboard.up("Shift")
    screen.shows_everywhere(["L12H7", "L20H1"])
    screen.page.keyboard.press("ArrowUp")
    screen.shows_everywhere(["L19H1"])
    asked = len(screen.requests)
    screen.page.mouse.move(*thumbnail(screen, 3, 4))
    screen.until("document.querySelector('.mt-readout-tip').textContent === 'L3H4'")
    assert [url for url in screen.requests[asked:] if "/attention/" in url] == []
    label = screen.page.locator("#thumbnails canvas").get_attribute("aria-label")
    assert label is not None
    assert "L19H1 is the primary head" in label


def chips(position: int) -> str:
    """A token of the text below the pattern."""
    return f"#attention-text [data-position='{position}']"


_MEAN = """async () => {
  const {values, heads} = await microtome.attention.reading();
  const digest = microtome.propsOf('digests-attention_pattern').data.baseline;
  const maps = await Promise.all(heads.map(async ({layer, head}) =>
    new Float32Array(await (await fetch(`attention/${digest}/${layer}/${head}.f32`)).arrayBuffer())));
  const mean = at => maps.reduce((sum, map) => sum + map[at], 0) / maps.length;
  return Math.max(...values.map((value, at) => Math.abs(value - mean(at))));
}"""


def test_attention_is_read_on_the_text_together_and_against_the_pinned_head(visit: Callable[..., Screen]):
    screen = opened(visit)
    page = screen.page
    page.locator(chips(14)).click()
    assert screen.session["selection"]["positions"] == [14]
    expect(page.locator(chips(10))).to_have_attribute("data-side", "src")
    expect(page.locator(f"{chips(10)} i")).to_have_text(".66")
    asked = len(screen.requests)
    page.locator(chips(10)).hover()
    expect(page.locator(".mt-readout-tip")).to_contain_text("14 ·to looks at 10 ·John: 0.65")
    assert [url for url in screen.requests[asked:] if "/attention/" in url] == []
    page.locator(chips(14)).focus()
    page.keyboard.press("Escape")
    assert screen.session["selection"]["positions"] == []
    assert screen.heads == ["L23H3"]

    page.keyboard.press("p")
    screen.click_head(20, 1, add=True)
    page.locator("#attention-together").get_by_text("Mean").click()
    expect(page.locator("#attention-head")).to_have_text("mean of 2 heads")
    assert page.evaluate(_MEAN) < 1e-6
    page.locator("#attention-together").get_by_text("Primary head").click()
    page.select_option("#attention-minus", "pinned")
    expect(page.locator("#attention-head")).to_have_text("L20H1 − L23H3 (pinned)")
    screen.until("microtome.graph('attention').layout.coloraxis.cmin === -0.5")
    page.select_option("#attention-minus", "corrupted")
    expect(page.locator("#attention-head")).to_have_text("L20H1, clean − corrupted")
    screen.until(f"{_SHOWN}.startsWith('data:image/png')")
    page.keyboard.press("z")
    page.keyboard.press("z")
    expect(page.locator("#attention-head")).to_have_text("L20H1")


_WEIGHED = """async () => {
  const {values, limit} = await microtome.attention.reading();
  const {baseline} = dash_component_api.getLayout("digests-attention_pattern").props.data;
  const {weights} = dash_component_api.getLayout("attention-beside").props.data;
  const {layer, head} = microtome.session().selection.primary;
  const numbers = async address => new Float32Array(await (await fetch(address)).arrayBuffer());
  const map = await numbers(`attention/${baseline}/${layer}/${head}.f32`);
  const norms = await numbers(`attention/${weights.baseline}/weights/${layer}/${head}/output_norm.f32`);
  return Math.max(...values.map((value, at) => Math.abs(value - map[at] * norms[at % norms.length]))) / limit;
}"""
_AT_END = """async () => {
  const {values} = await microtome.attention.reading();
  return values.filter(value => !Number.isNaN(value)).reduce((sum, value) => sum + value, 0);
}"""


def test_weighted_attention_is_drawn_read_and_sums_to_the_heads_direct_attribution(visit: Callable[..., Screen]):
    screen = opened(visit)
    page = screen.page
    page.select_option("#attention-by", "output_norm")
    expect(page.locator("#attention-head")).to_have_text("L23H3, × |v·W_O|")
    screen.until("microtome.attention.now() && microtome.graph('attention').layout.coloraxis.cmax > 2")
    assert page.evaluate(_WEIGHED) < 1e-6

    page.select_option("#attention-by", "attribution")
    expect(page.locator(f"{chips(10)} i")).to_have_text("+2.76")
    expect(page.locator("#attention-text")).to_contain_text("towards the answer")
    screen.until("microtome.graph('attention').layout.coloraxis.cmin < -2")
    direct = page.evaluate("microtome.graph('head-matrix')._fullData.find(({type}) => type === 'heatmap').z[23][3]")
    assert abs(page.evaluate(_AT_END) - direct) < 1e-3

    page.select_option("#attention-minus", "corrupted")
    expect(page.locator("#attention-head")).to_contain_text("of one prompt")
    page.keyboard.press("z")
    page.keyboard.press("z")
    expect(page.locator("#attention-head")).to_have_text("L23H3, × |v·W_O|")
    expect(page.locator("#attention-by")).to_have_value("output_norm")


_SIDE = "microtome.attentionWindow.length(microtome.attention.place().columns)"
_SENTENCE = "When Mary and John went to the store, John gave a drink to Mary and then they talked about the weather. "
_PIXEL = """([x, y]) => {
  const gd = microtome.graph('attention'), {xaxis, yaxis} = gd._fullLayout, box = gd.getBoundingClientRect();
  return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
}"""
_EXACT = """async ([dest, src]) => {
  const {baseline} = dash_component_api.getLayout("digests-attention_pattern").props.data;
  const {layer, head} = microtome.session().selection.primary;
  const address = `attention/${baseline}/${layer}/${head}.f32?rows=${dest}-${dest + 1}&columns=${src}-${src + 1}`;
  return microtome.spoken(new Float32Array(await (await fetch(address)).arrayBuffer())[0], false);
}"""


def _asked_of(screen: Screen) -> list[str]:
    """Requests but for how far the model is."""
    return [url for url in screen.requests if "/status" not in url]


def test_a_long_prompt_is_zoomed_into_and_every_number_stays_exact(visit: Callable[..., Screen]):
    screen = opened(visit)
    page = screen.page
    screen.type_prompts(_SENTENCE * 25, "")  # some 580 tokens: longer than what travels whole
    asked = len(screen.requests)
    screen.run()
    screen.until("microtome.tokenCount() > 512 && microtome.attention.now() !== null")
    expect(page.locator("#attention-head")).to_contain_text("the largest of")
    screen.until(f"{_SHOWN}.startsWith('data:image/png')")
    expect(page.locator("#lens-panel")).to_contain_text("up to 512")
    expect(page.locator("#attention-text [data-position]")).to_have_count(512)

    (x, y), (right, below) = (page.evaluate(_PIXEL, [at, at]) for at in (300, 340))
    page.keyboard.down("Control")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(right, below, steps=3)
    page.mouse.up()
    page.keyboard.up("Control")
    screen.until(f"{_SIDE} < 60")
    columns = page.evaluate("microtome.attention.place().columns")
    expect(page.get_by_role("textbox", name="keys")).to_have_value(f"{columns[0]}–{columns[1] - 1}")
    screen.until(f"microtome.graph('attention').layout.images[0].name.includes('columns={columns[0]}-{columns[1]}')")
    dest, src = columns[1] - 4, columns[0] + 2
    page.mouse.move(*page.evaluate(_PIXEL, [src, dest]))
    expect(page.locator(".mt-readout-tip")).to_contain_text(f": {page.evaluate(_EXACT, [dest, src])}")
    maps = [url for url in screen.requests[asked:] if "/attention/" in url and ".f32" in url]
    assert maps
    assert all("rows=" in url for url in maps)  # none has travelled whole

    whole = "[...Array(3).keys()].every(i => [...Array(3).keys()].every(j => microtome.readAhead.at(256 * i, 256 * j)))"
    screen.until(whole)  # what a pointer may come to has been read ahead
    quiet = _asked_of(screen)
    page.mouse.move(*page.evaluate(_PIXEL, [src + 9, dest - 9]))
    expect(page.locator(".mt-readout-tip")).to_contain_text(f": {page.evaluate(_EXACT, [dest - 9, src + 9])}")
    page.locator("#attention-text [data-position]").first.hover()
    expect(page.locator("#attention-text .mt-attention-said")).to_contain_text("looks at")
    assert len(_asked_of(screen)) == len(quiet) + 1  # that of the test itself

    screen.until("location.hash.length > 9 && microtome.link.decode(location.hash).session.zoom !== null")
    linked = visit(page.url).ready("attention")  # the link shows the same cells, before and after its tokens are there
    linked.until(f"microtome.attention.count() > 512 && microtome.attention.place().columns[0] === {columns[0]}")
    linked.until(f"microtome.graph('attention').layout.images[0].name.includes('columns={columns[0]}-{columns[1]}')")
    expect(linked.page.get_by_role("textbox", name="keys")).to_have_value(f"{columns[0]}–{columns[1] - 1}")

    page.get_by_role("textbox", name="queries").fill("0–9999")
    page.get_by_role("textbox", name="queries").press("Enter")
    expect(page.get_by_role("textbox", name="queries")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("textbox", name="queries").fill("500–539")
    page.get_by_role("textbox", name="queries").press("Enter")
    screen.until("microtome.attention.place().rows[0] === 500")
    page.get_by_role("button", name="show all").click()
    screen.until(f"{_SIDE} === microtome.tokenCount()")
    screen.click_head(24, 2)
    screen.until("microtome.attention.now() !== null")
    expect(page.locator("#attention-head")).to_contain_text("L24H2, the largest of")
