"""The page of `ruis serve`, as someone with a browser sees it: a real service, a real browser."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

import browser
from ruis import choice, formats
from ruis.denoise import load
from ruis.image import Image, ImageInfo
from ruis.zoo import AUTO

STRICT = ("--queue", "0", "--workers", "1")
SLIDE = """(values) => values.forEach((value) => {
    const slider = document.getElementById("strength");
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""
"""A slider that is moved without standing still, however slow the machine is."""

CANCEL = """() => {
    const watch = setInterval(() => {
        const phase = document.querySelector("#list li")?.dataset.phase ?? "waiting";
        if (phase === "waiting") return;
        clearInterval(watch);
        document.getElementById("cancel").click();
    }, 5);
}"""
"""Presses the button as soon as a picture is on its way, however fast the machine is."""

TOKEN = "a-token-for-the-tests-alone"


@pytest.fixture(scope="module")
def chromium():
    pytest.importorskip("playwright", reason="the dev extra has it")
    if (path := browser.path()) is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    with browser.launched(path) as found:
        yield found


@pytest.fixture
def visit(chromium, served):
    """Open a tab; whatever goes wrong in it, or leaves for elsewhere, fails the test."""
    visits = []

    def go(path="/", *, origin=None, ready=True, **settings):
        settings = {"viewport": {"width": 1200, "height": 800}, "locale": "en-GB", **settings}
        context = chromium.new_context(**settings)
        context.set_default_timeout(30_000)
        one = browser.Visit(context.new_page(), origin or served.url)
        visits.append((context, one))
        return one.open(path, ready=ready)

    yield go
    for context, one in visits:
        assert one.foreign == []
        assert one.wrong == []
        context.close()


def noisy_photo(rows=96, columns=120, *, dtype=np.uint8, seed=0, shared=False):
    """Three colours that change slowly, with noise; `shared`: the same in all colours."""
    rng = np.random.default_rng(seed)
    down, along = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    clean = np.stack([0.3 + 0.4 * down, 0.2 + 0.5 * along, 0.6 - 0.3 * down], axis=-1)
    noise = rng.normal(0, 0.04, (rows, columns, 1) if shared else clean.shape)
    white = np.iinfo(dtype).max
    pixels = np.rint(np.clip(clean + noise, 0, 1) * white).astype(dtype)
    return Image(pixels, ImageInfo(pixels.dtype, (0.0, float(white)), colour="rgb"))


def as_file(image, format="png"):
    return formats.encode(image, format)


def by_the_library(content, *, strength=1.0, model=None):
    """What the library makes of the bytes of a file: bytes, without metadata."""
    noisy = formats.read_bytes(content)
    denoised = load(model or choice.choose(noisy).model).run(noisy, strength=strength).image
    return formats.encode(denoised, noisy.info.format, strip_metadata=True)


def colours(content):
    return formats.read_bytes(content).pixels


def middle_of(tab):
    """The middle of the stage, in pixels of its canvases."""
    return tab.page.evaluate(
        """() => { const { width, height } = document.getElementById("before");
            return [width >> 1, height >> 1]; }"""
    )


# -- one picture, from dropping it to saving it --------------------------------------------------------


def test_a_dropped_picture_is_saved_as_the_library_makes_it(visit):
    content = as_file(noisy_photo())
    tab = visit()
    tab.drop(("shed.png", content))
    tab.wait("done")
    assert tab.saved() == ("shed.denoised.png", by_the_library(content))
    assert "120 × 96 · colour · 8-bit" in tab.page.inner_text("#facts")
    assert "clearly visible noise" in tab.page.inner_text("#verdict")
    assert "Chosen: white-color" in tab.page.inner_text("#model-why")


def test_before_and_after_lie_under_a_divider_that_can_be_dragged(visit):
    content = as_file(noisy_photo())
    tab = visit()
    tab.give(("shed.png", content))
    tab.wait("done")
    tab.shown()
    tab.page.click("[data-zoom='1']")
    box = tab.page.locator("#stage").bounding_box()
    left, top = round((box["width"] - 120) / 2), round((box["height"] - 96) / 2)
    noisy, denoised = colours(content), colours(by_the_library(content))
    for row, column in [(0, 0), (50, 60), (95, 119)]:
        place = (left + column, top + row)
        assert tab.pixel("before", *place) == tuple(noisy[row, column])
        assert tab.pixel("after", *place) == tuple(denoised[row, column])

    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 4, y, steps=4)
    tab.page.mouse.up()
    assert tab.page.get_attribute("#divider", "aria-valuenow") == "25"
    assert "25%" in tab.page.get_attribute("#divider", "aria-valuetext")


def test_another_strength_is_asked_of_the_service_once_it_stands_still(visit):
    content = as_file(noisy_photo())
    tab = visit()
    asked = []
    tab.page.on("request", lambda one: "/v1/denoise" in one.url and asked.append(one.url))
    tab.give(("shed.png", content))
    tab.wait("done")
    tab.shown()
    middle = middle_of(tab)
    noisy, full = tab.pixel("before", *middle), tab.pixel("after", *middle)
    with tab.answered("strength=0.5"):
        tab.page.evaluate(SLIDE, [80, 60, 50])
        assert tab.page.inner_text("#strength-value") == "50%"
        at_once = tab.pixel("after", *middle)
        assert at_once == pytest.approx(np.add(noisy, full) / 2, abs=1.5)
    assert tab.saved()[1] == by_the_library(content, strength=0.5)
    assert [re.search(r"strength=([\d.]+)", url)[1] for url in asked] == ["1", "0.5"]


def test_a_model_can_be_chosen(visit):
    content = as_file(noisy_photo())
    tab = visit()
    tab.give(("shed.png", content))
    tab.wait("done")
    with tab.answered("model=gray"):
        tab.page.select_option("#model", "gray")
    assert tab.saved()[1] == by_the_library(content, model="gray")


def test_zoom_shows_each_pixel_as_a_square_at_the_same_place_in_both(visit):
    content = as_file(noisy_photo(150, 200))
    tab = visit()
    tab.give(("shed.png", content))
    tab.wait("done")
    tab.shown()
    tab.page.click("[data-zoom='8']")
    assert tab.page.inner_text("#zoom-value") == "800%"
    noisy, denoised = colours(content), colours(by_the_library(content))
    x0, y0 = middle_of(tab)
    for x, y in [(3, 5), (x0, y0), (2 * x0 - 2, 2 * y0 - 3)]:
        column, row = (x - x0) // 8 + 100, (y - y0) // 8 + 75
        assert tab.pixel("before", x, y) == tuple(noisy[row, column])
        assert tab.pixel("after", x, y) == tuple(denoised[row, column])

    # the wheel keeps what is under the pointer; dragging takes the picture along
    box = tab.page.locator("#stage").bounding_box()
    x, y = x0 - 196, y0 - 148  # the middle of a pixel's square
    tab.page.mouse.move(box["x"] + x, box["y"] + y)
    under = tab.pixel("before", x, y)
    tab.page.mouse.wheel(0, 250)
    tab.until(lambda: tab.page.inner_text("#zoom-value") != "800%")
    assert 400 < int(tab.page.inner_text("#zoom-value").rstrip("%")) < 800
    assert tab.pixel("before", x, y) == under
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + x + 40, box["y"] + y + 30, steps=3)
    tab.page.mouse.up()
    assert tab.pixel("before", x + 40, y + 30) == under
    tab.page.click("[data-zoom=fit]")
    assert tab.page.get_attribute("[data-zoom=fit]", "aria-pressed") == "true"


def test_what_was_removed_is_gray_where_nothing_was(visit):
    content = as_file(noisy_photo())
    tab = visit()
    tab.give(("shed.png", content))
    tab.wait("done")
    tab.shown()
    tab.page.click("[data-zoom='1']")
    tab.page.click("[data-view=noise]")
    box = tab.page.locator("#stage").bounding_box()
    left, top = round((box["width"] - 120) / 2), round((box["height"] - 96) / 2)
    removed = colours(content).astype(int) - colours(by_the_library(content))
    for factor in (1, 8):
        tab.page.fill("#factor", str(factor))
        for row, column in [(10, 20), (40, 70)]:
            found = tab.pixel("noise", left + column, top + row)
            assert found == tuple(np.clip(128 + factor * removed[row, column], 0, 255))
    assert "8 times" in tab.page.get_attribute("#noise", "aria-label")


# -- kinds of pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen_bits(visit, format):
    image = noisy_photo(dtype=np.uint16)
    content = as_file(image, format)
    tab = visit()
    asked = []
    tab.page.on("request", lambda one: asked.append(one.url))
    ending = {"png": "png", "tiff": "tif"}[format]
    tab.give((f"sky.{ending}", content))
    tab.wait("done")
    tab.shown()
    name, saved = tab.saved()
    assert name == f"sky.denoised.{ending}"
    assert saved == by_the_library(content)
    assert formats.read_bytes(saved).info.dtype == np.uint16
    assert "16-bit" in tab.page.inner_text("#facts")
    tab.page.click("[data-zoom='1']")
    box = tab.page.locator("#stage").bounding_box()
    seen = tab.pixel("before", round((box["width"] - 120) / 2), round((box["height"] - 96) / 2))
    assert seen == pytest.approx(tuple(image.pixels[0, 0] / 257), abs=1)
    views = [url for url in asked if "/v1/preview" in url]
    assert len(views) == {"png": 0, "tiff": 3}[format], (
        "before, after and the small copy, once each"
    )
    assert not [url for url in asked if "/v1/inspect" in url]
    tab.page.click("summary")
    tab.page.get_by_text("Noise by channel").wait_for()


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("slide.bmp", "slide.denoised.bmp"),
        ("slide.webp", "slide.denoised.webp"),
        ("slide.ppm", "slide.denoised.ppm"),
        ("slide.npy", "slide.denoised.npy"),
        ("slide.JPEG", "slide.denoised.JPEG"),
        ("slide", "slide.denoised.png"),
    ],
)
def test_every_format_is_shown_and_comes_back_as_it_was(visit, name, saved):
    kinds = {"ppm": "pnm", "jpeg": "jpeg", "slide": "png"}
    ending = name.lower().rpartition(".")[2]
    content = as_file(noisy_photo(48, 64), kinds.get(ending, ending))
    tab = visit()
    tab.give((name, content))
    tab.wait("done")
    tab.shown()
    assert tab.saved() == (saved, by_the_library(content))
    x, y = middle_of(tab)
    for canvas, file in [("before", content), ("after", by_the_library(content))]:
        expected = tuple(colours(file)[24, 32])
        assert tab.pixel(canvas, x, y) == pytest.approx(expected, abs=4)  # decoders of JPEG differ


def test_dicom_is_shown_and_comes_back_as_a_tiff(visit):
    pydicom = pytest.importorskip("pydicom", reason="the dicom extra")
    path = Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"
    tab = visit()
    tab.give(path)
    tab.wait("done")
    tab.shown()
    name, saved = tab.saved()
    assert name == "CT_small.denoised.tif"
    noisy = formats.read(path)
    denoised = load(choice.choose(noisy).model).run(noisy).image
    assert saved == formats.encode(denoised, "tiff", strip_metadata=True)
    assert formats.read_bytes(saved).info.dtype == np.int16
    x, y = middle_of(tab)
    assert tab.pixel("after", x, y) == pytest.approx(tab.pixel("before", x, y), abs=3)
    assert tab.pixel("before", x, y) != tab.pixel("before", x, y - 200)
    tab.page.click("summary")
    assert "this is TIFF" in tab.page.inner_text("#notes")


def test_a_picture_can_be_pasted(visit):
    content = as_file(noisy_photo(48, 64))
    tab = visit()
    tab.paste(("image.png", content))
    tab.wait("done")
    assert tab.saved() == ("image.denoised.png", by_the_library(content))


def test_many_pictures_are_saved_together(visit):
    files = [
        ("one.png", as_file(noisy_photo(seed=1))),
        ("two.tif", as_file(noisy_photo(seed=2), "tiff")),
        ("one.png", as_file(noisy_photo(seed=3))),
        *((f"more-{seed}.png", as_file(noisy_photo(48, 64, seed=seed))) for seed in range(4, 9)),
    ]
    tab = visit()
    tab.give(*files)
    tab.wait("done", len(files))
    tab.until(lambda: tab.page.locator("#list canvas").count() == len(files))
    assert tab.page.inner_text("#save-all") == "Download all 8 (ZIP)"
    name, saved = tab.saved("#save-all")
    assert name == "denoised.zip"
    with zipfile.ZipFile(io.BytesIO(saved)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:3] == ["one.denoised.png", "two.denoised.tif", "one.denoised (2).png"]
        for entry, (_, content) in zip(names, files, strict=True):
            assert archive.read(entry) == by_the_library(content)


def test_settings_can_be_used_for_all(visit):
    files = [(f"{seed}.png", as_file(noisy_photo(48, 64, seed=seed))) for seed in range(3)]
    tab = visit()
    tab.give(*files)
    tab.wait("done", 3)
    with tab.answered("strength=0"):
        tab.page.fill("#strength", "0")
    tab.page.click("#apply-all")  # what it asks for is asked for before the click returns
    tab.wait("done", 3)
    _, saved = tab.saved("#save-all")
    with zipfile.ZipFile(io.BytesIO(saved)) as archive:
        for entry, (_, content) in zip(archive.namelist(), files, strict=True):
            assert np.array_equal(colours(archive.read(entry)), colours(content))
    assert "nothing was taken out" in tab.page.inner_text("#verdict")


@pytest.mark.parametrize(
    ("locale", "left", "praise"),
    [
        ("en-GB", "Most of the noise is still there. Try another model", "noise and nothing else"),
        ("nl-NL", "De meeste ruis zit er nog in. Probeer een ander model", "op niets anders"),
    ],
)
def test_noise_that_is_still_there_is_said_and_not_praised(visit, locale, left, praise):
    content = as_file(noisy_photo(shared=True))  # noise that white-color does not know
    tab = visit(locale=locale)
    tab.give(("shed.png", content))
    tab.wait("done")
    assert praise in tab.page.inner_text("#verdict")
    with tab.answered("model=white-color"):
        tab.page.select_option("#model", "white-color")
    tab.until(lambda: left in tab.page.inner_text("#verdict"))
    assert praise not in tab.page.inner_text("#verdict")
    with tab.answered("strength=0.3"):
        tab.page.evaluate(SLIDE, [30])
    assert left not in tab.page.inner_text("#verdict"), "less was asked for"


# -- what goes wrong ---------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_said_in_words_and_hinders_nothing_else(visit):
    good = as_file(noisy_photo())
    tab = visit()
    tab.refusals |= {413, 415, 422}
    tab.give(
        ("huge.png", good + bytes(4_000_000)),
        ("broken.png", good[: len(good) // 2]),
        ("letter.txt", b"Dear reader, this is no picture."),
        ("good.png", good),
    )
    tab.wait("failed", 3)
    tab.wait("done")
    said = {}
    for number, name in enumerate(["huge", "broken", "letter"], start=1):
        tab.page.click(f"#list li:nth-child({number}) .open")
        tab.page.wait_for_selector("#message:not([hidden])")
        said[name] = tab.page.inner_text("#message")
        assert tab.page.is_disabled("#save")
        assert not tab.page.is_visible("#retry"), "trying again would not help"
    assert "at most 4 MB" in said["huge"]
    assert "damaged" in said["broken"]
    assert "does not take this file" in said["letter"]
    assert "none of png, jpeg" in said["letter"]
    tab.page.click("#discard")
    assert tab.page.locator("#list li").count() == 3
    tab.page.click("#list li:nth-child(3) .open")
    assert tab.saved() == ("good.denoised.png", by_the_library(good))


@pytest.mark.parametrize(("locale", "server"), [("en-GB", "The server"), ("nl-NL", "De server")])
def test_the_reason_that_the_service_gives_is_shown(visit, locale, server):
    pages, blank, many = io.BytesIO(), io.BytesIO(), io.BytesIO()
    tifffile.imwrite(pages, np.zeros((2, 16, 16), np.uint8), photometric="minisblack")
    np.save(blank, np.full((16, 16), np.nan, np.float32))
    np.save(many, np.zeros((16, 16, 5), np.float32))
    tab = visit(locale=locale)
    tab.refusals |= {415, 422}
    files = {"pages.tif": pages, "blank.npy": blank, "many.npy": many}
    tab.give(*((name, file.getvalue()) for name, file in files.items()))
    tab.wait("failed", 3)
    reasons = ["It holds 2 images (pages)", "not numbers (NaN", "which axis holds the channels"]
    for number, reason in enumerate(reasons, start=1):
        tab.page.click(f"#list li:nth-child({number}) .open")
        tab.page.wait_for_selector("#message:not([hidden])")
        said = tab.page.inner_text("#message-text")
        assert reason in said
        assert server in said


def test_work_can_be_stopped_and_begun_again(visit):
    content = as_file(noisy_photo(400, 500), "jpeg")
    tab = visit()
    tab.page.evaluate(CANCEL)
    tab.give(("barn.jpg", content))
    tab.wait("cancelled")
    assert "You cancelled it" in tab.page.inner_text("#message")
    tab.page.click("#retry")
    tab.wait("done")
    assert tab.saved() == ("barn.denoised.jpg", by_the_library(content))


ODD = "a-token-that-a\u200bheader-cannot-carry"


def test_a_token_that_a_header_cannot_carry_is_asked_for_again(visit, start, tmp_path):
    with start(tmp_path, token=TOKEN) as guarded:
        tab = visit(origin=guarded.url, ready=False)
        tab.refusals |= {401}
        for odd in (ODD, "price-in-\u20ac-and-more"):
            tab.page.wait_for_selector("#token[open]")
            tab.page.fill("#token-input", odd)
            tab.page.press("#token-input", "Enter")
            tab.until(lambda: "not the right one" in tab.page.inner_text("#token-text"))
        assert tab.page.evaluate("sessionStorage.getItem('ruis-token')") is None

        # one that an earlier page kept is as none
        tab.page.evaluate("odd => sessionStorage.setItem('ruis-token', odd)", ODD)
        tab.page.reload()
        tab.page.wait_for_selector("#token[open]")
        tab.page.fill("#token-input", f" {TOKEN} ")
        tab.page.press("#token-input", "Enter")
        tab.page.locator("#model option").nth(len(AUTO)).wait_for(state="attached")
        content = as_file(noisy_photo(48, 64))
        tab.give(("shed.png", content))
        tab.wait("done")
        assert tab.saved()[1] == by_the_library(content)


def test_who_gives_the_token_later_gets_the_models_and_limits_then(visit, start, tmp_path):
    with start(tmp_path, "--max-bytes", "1000000", token=TOKEN) as guarded:
        tab = visit(origin=guarded.url, ready=False)
        tab.refusals |= {401}
        tab.page.wait_for_selector("#token[open]")
        tab.page.click("#token-cancel")
        tab.page.wait_for_selector("#token:not([open])", state="attached")
        content = as_file(noisy_photo(48, 64))
        tab.give(("shed.png", content))
        tab.page.wait_for_selector("#token[open]")
        assert tab.page.locator("#model option").count() == len(AUTO)
        tab.page.fill("#token-input", TOKEN)
        with tab.page.expect_response(lambda one: "/v1/limits" in one.url):
            tab.page.press("#token-input", "Enter")
        tab.wait("done")
        tab.page.locator("#model option").nth(len(AUTO)).wait_for(state="attached")
        tab.give(("huge.png", content + bytes(1_000_000)))
        tab.wait("failed")
        tab.page.click("#list li:nth-child(2) .open")
        tab.page.wait_for_selector("#message:not([hidden])")
        assert "at most 1 MB" in tab.page.inner_text("#message")


@pytest.mark.slow
def test_a_token_a_busy_service_and_one_that_is_gone(visit, start, tmp_path):
    """One strict service: it wants a token, lets nobody wait, and is stopped in the middle."""
    with start(tmp_path, *STRICT, token=TOKEN) as strict:
        tab = visit(origin=strict.url, ready=False)
        tab.refusals |= {401, 429}
        tab.page.wait_for_selector("#token[open]")
        tab.page.fill("#token-input", "not-the-right-one-at-all")
        tab.page.press("#token-input", "Enter")
        tab.until(lambda: "not the right one" in tab.page.inner_text("#token-text"))
        tab.page.fill("#token-input", TOKEN)
        tab.page.press("#token-input", "Enter")
        tab.page.locator("#model option").nth(len(AUTO)).wait_for(state="attached")

        files = [as_file(noisy_photo(300, 400, seed=seed)) for seed in range(2)]
        tab.give(("first.png", files[0]), ("second.png", files[1]))
        tab.wait("busy")
        tab.wait("done", 2)
        _, saved = tab.saved("#save-all")
        with zipfile.ZipFile(io.BytesIO(saved)) as archive:
            found = [archive.read(name) for name in archive.namelist()]
        assert found == [by_the_library(content) for content in files]

    tab.gone = True
    tab.give(("third.png", files[0]))
    tab.wait("failed")
    tab.page.wait_for_selector("#connection:not([hidden])")
    assert "ruis serve" in tab.page.inner_text("#connection")
    with start(tmp_path, *STRICT, "--port", str(strict.address[1]), token=TOKEN):
        tab.page.wait_for_selector("#connection[hidden]", state="attached")
        tab.page.click("#list li:nth-child(3) .open")
        tab.page.click("#retry")
        tab.wait("done", 3)


# -- people differ -------------------------------------------------------------------------------------------


def test_the_page_speaks_dutch_to_those_who_do_and_changes_without_losing_pictures(visit):
    tab = visit(locale="nl-NL")
    assert tab.page.get_attribute("html", "lang") == "nl"
    assert tab.page.inner_text("#choose") == "Kies beelden"
    tab.give(("schuur.png", as_file(noisy_photo())))
    tab.wait("done")
    assert "zichtbare ruis" in tab.page.inner_text("#verdict")
    tab.page.click("[data-language=en]")
    tab.page.wait_for_selector("html[lang=en]")
    assert "visible noise" in tab.page.inner_text("#verdict")
    assert tab.page.locator("#list li").count() == 1
    assert tab.page.url.endswith("lang=en")


def test_a_keyboard_is_enough(visit):
    content = as_file(noisy_photo(300, 400))
    tab = visit()
    page, choosers = tab.page, []
    page.on("filechooser", lambda one: choosers.append(one))  # noqa: PLW0108 - Playwright marks it

    def reach(selector):
        for _ in range(40):
            if page.evaluate("one => document.activeElement.matches(one)", selector):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"the Tab key does not lead to {selector}")

    reach("#choose")
    page.keyboard.press("Enter")
    tab.until(lambda: choosers)
    payload = {"name": "shed.png", "mimeType": "image/png", "buffer": content}
    choosers[0].set_files([payload])
    tab.wait("done")
    tab.shown()

    reach("#stage")
    page.keyboard.press("1")
    assert page.inner_text("#zoom-value") == "100%"
    for _ in range(4):
        page.keyboard.press("+")
    assert page.inner_text("#zoom-value") == "400%"
    before = tab.pixel("before", 300, 300)
    page.keyboard.press("ArrowRight")
    assert tab.pixel("before", 252, 300) == before
    reach("#divider")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert page.get_attribute("#divider", "aria-valuenow") == "61"
    page.keyboard.press("Home")
    assert page.get_attribute("#divider", "aria-valuenow") == "0"
    assert tab.pixel("before", 252, 300) == before, "the keys of the divider move nothing else"
    reach("[data-view=noise]")
    page.keyboard.press("Enter")
    assert page.is_visible("#noise")
    reach("#strength")
    page.keyboard.press("End")
    reach("#save")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename == "shed.denoised.png"
    reach("#list .open")
    page.keyboard.press("Delete")
    page.wait_for_selector("#empty:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "choose"


def test_the_focus_goes_on_from_a_button_that_goes_away(visit):
    content = as_file(noisy_photo(48, 64))
    tab = visit()
    tab.refusals |= {422}

    def has(selector):
        tab.settle()  # what is hidden loses the focus once it is drawn
        return tab.page.evaluate("one => document.activeElement.matches(one)", selector)

    def press(selector):
        tab.page.focus(selector)
        tab.page.keyboard.press("Enter")

    files = [(f"{name}.png", content) for name in ("one", "two", "three")]
    tab.give(("broken.png", content[:500]), *files)
    tab.wait("failed")
    tab.wait("done", 3)
    tab.page.wait_for_selector("#message:not([hidden])")
    press("#discard")
    assert has("#list li:nth-child(1) .open")
    press("#list li:nth-child(2) .discard")
    assert has("#list li:nth-child(2) .open[aria-label^=three]")
    press("#list li:nth-child(2) .discard")
    assert has("#list li:nth-child(1) .open[aria-label^=one]")

    held = []
    # what is held is neither done nor refused
    tab.page.route("**/v1/denoise*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    tab.give(("late.png", content))
    tab.page.click("#list li:nth-child(2) .open")
    tab.page.wait_for_selector("#cancel")
    tab.until(lambda: held)
    press("#cancel")
    tab.wait("cancelled")
    assert has("#retry")
    tab.page.keyboard.press("Enter")
    assert has("#cancel")
    tab.until(lambda: len(held) == 2)
    held[1].continue_()
    tab.wait("done", 2)
    tab.page.wait_for_selector("#progress", state="hidden")
    assert has("#stage")

    tab.page.unroute("**/v1/denoise*")
    with tab.answered("strength=0.5"):
        tab.page.evaluate(SLIDE, [50])
    press("#apply-all")
    tab.page.wait_for_selector("#apply-all", state="hidden")
    assert has("#model")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")]
)
def test_nothing_stands_in_the_way_of_those_who_see_or_move_otherwise(visit, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the dev extra")
    tab = visit(viewport={"width": width, "height": 780}, color_scheme=scheme)
    tab.refusals |= {422}

    def look():
        found = axe.Axe().run(tab.page).response["violations"]
        assert [
            (one["id"], one["impact"], [node["html"] for node in one["nodes"]]) for one in found
        ] == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width

    look()
    good = as_file(noisy_photo())
    tab.give(("good.png", good), ("broken.png", good[:500]))
    tab.wait("done")
    tab.wait("failed")
    tab.shown()
    tab.page.click("summary")
    look()
    tab.page.click("[data-view=noise]")
    look()
    tab.page.click("#list li:nth-child(2) .open")
    tab.page.wait_for_selector("#message:not([hidden])")
    look()


def test_the_theme_can_be_chosen_and_is_remembered(visit):
    tab = visit(color_scheme="light")

    def ground():
        return tab.page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = ground()
    tab.page.click("#theme")
    dark = ground()
    assert dark != light
    tab.page.reload()
    assert ground() == dark
    tab.until(lambda: tab.page.get_attribute("#theme", "aria-label") == "Switch to light")


def test_a_finger_pans_and_two_zoom(visit):
    tab = visit(viewport={"width": 390, "height": 560}, has_touch=True, device_scale_factor=2)
    tab.give(("shed.png", as_file(noisy_photo(300, 400))))
    tab.wait("done")
    tab.shown()
    assert tab.page.evaluate("scrollY") == 0, "the picture stays in sight"
    tab.page.click("[data-zoom='2']")
    box = tab.page.locator("#stage").bounding_box()
    x, y = box["x"] + 60, box["y"] + 60
    session = tab.page.context.new_cdp_session(tab.page)

    def touch(kind, *points):
        named = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})

    start = tab.page.inner_text("#zoom-value")
    touch("touchStart", (x, y), (x + 40, y))
    for wide in (60, 90, 120):
        touch("touchMove", (x, y), (x + wide, y))
    touch("touchEnd")
    tab.until(lambda: tab.page.inner_text("#zoom-value") != start)
    assert int(tab.page.inner_text("#zoom-value").rstrip("%")) > int(start.rstrip("%"))
    before = tab.pixel("before", 200, 300)
    assert tab.page.get_attribute("#divider", "aria-valuenow") == "50"
    touch("touchStart", (x, y))
    for moved in (10, 20):
        touch("touchMove", (x + moved, y))
    touch("touchEnd")
    assert tab.pixel("before", 240, 300) == before

    middle = box["x"] + box["width"] / 2
    touch("touchStart", (middle, y))
    for share in (0.4, 0.3, 0.2):
        touch("touchMove", (box["x"] + share * box["width"], y))
    touch("touchEnd")
    assert tab.page.get_attribute("#divider", "aria-valuenow") == "20"
    assert tab.pixel("before", 240, 300) == before, "the divider moves, the picture does not"


def test_nothing_glides_for_those_who_want_no_motion(visit):
    tab = visit(reduced_motion="reduce")
    tab.give(("shed.png", as_file(noisy_photo(48, 64))))
    tab.wait("done")
    tab.shown()
    tab.page.focus("#divider")
    tab.page.keyboard.press("End")
    clip = """getComputedStyle(document.getElementById("divider").shadowRoot
        .getElementById("firstImageContainer")).clipPath"""
    assert tab.page.evaluate(clip) == "inset(0px 0% 0px 0px)"


LAWS = """async () => {
    const view = await import("/static/view.js");
    const broken = [];
    const near = (one, other) => Math.abs(one - other) < 1e-6;
    for (const width of [1, 30, 640, 9000]) for (const height of [1, 50, 480, 7000])
    for (const stage of [{ width: 800, height: 600, ratio: 1 }, { width: 1111, height: 333, ratio: 3 }]) {
        const image = { width, height };
        const whole = view.fit(image, stage);
        const seen = (one, length) => length / 2 / one.scale;
        if (width * whole.scale > stage.width + 1e-6 && whole.scale > 1 / 64) broken.push(["fit", width]);
        for (const scale of [0.01, 0.3, 1, 2.5, 8, 50]) for (const x of [0, 123, stage.width]) {
            const point = { x, y: 77 };
            const one = view.zoom(whole, scale, point, image, stage);
            if (one.scale > 8 || one.scale < Math.min(1, whole.scale) - 1e-9) broken.push(["bounds", scale]);
            const under = (two) => two.x + (point.x - stage.width / 2) / two.scale;
            const free = width * one.scale > stage.width
                && one.x > seen(one, stage.width) + 1e-6 && one.x < width - seen(one, stage.width) - 1e-6;
            if (free && !near(under(one), under(whole))) broken.push(["under", width, scale, x]);
            const moved = view.pan(one, 1e6, -1e6, image, stage);
            if (width * one.scale > stage.width && !near(moved.x, seen(one, stage.width)))
                broken.push(["edge", width, scale]);
            if (width * one.scale <= stage.width && !near(moved.x, width / 2))
                broken.push(["middle", width, scale]);
        }
    }
    for (let scale = 1 / 16; scale < 8; scale = view.step(scale, 1))
        if (!(view.step(scale, 1) > scale && view.step(view.step(scale, 1), -1) <= scale * 1.001))
            broken.push(["step", scale]);
    return broken;
}"""


def test_laws_of_the_view(visit):
    """A zoom keeps what is under the pointer, and no view wastes room or leaves the bounds."""
    assert visit().page.evaluate(LAWS) == []
