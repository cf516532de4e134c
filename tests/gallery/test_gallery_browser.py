"""The gallery's page in a real browser: headless Chromium, opened as a file."""

import io
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from deblurnets.gallery import GalleryWriter
from deblurnets.gallery.entry import Entry
from deblurnets.gallery.page import render_page
from deblurnets.gallery.previews import picture_jpeg

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="no Chromium: install the packages chromium and chromium-driver",
    ),
]

RED, BLUE = (200, 40, 40), (40, 40, 200)
SMALL = (320, 480)


def plain(colour, size=SMALL):
    return np.full((*size, 3), colour, np.uint8)


def record(name, confidence, seconds, status="done"):
    return {
        "source": name,
        "target": f"out/{name}",
        "status": status,
        "reason": None if status == "done" else "the file is empty",
        "confidence": confidence,
        "seconds": {"total": seconds},
    }


def make_gallery(folder):
    writer = GalleryWriter(str(folder))
    kernel = np.eye(9) / 9
    writer.add(record("b.png", 0.9, 1.0), plain(RED), plain(BLUE), kernel)
    writer.add(record("a.png", 0.2, 3.0), plain(RED), plain(BLUE), kernel)
    writer.add(record("<img src=x onerror=alert(1)>.png", None, None, "failed"))
    writer.add(record("c.png", 0.6, 2.0), plain(RED), plain(BLUE), kernel)
    return writer.close({})


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--force-prefers-reduced-motion")  # no scrolling that takes its time
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to start for root without it
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return "file://" + make_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture
def page(browser, address):
    browser.set_window_size(1200, 900)
    browser.get(address)
    return browser


def handles(page):
    return page.find_elements(By.CSS_SELECTOR, "[role=slider]")


def value(handle):
    return int(handle.get_attribute("aria-valuenow"))


def cut(handle):
    """Return where the result begins, percent of the width, as the browser draws it."""
    after = handle.find_element(By.XPATH, "../div[@class='after']")
    clip = after.value_of_css_property("clip-path")
    assert clip.startswith("inset(0px 0px 0px ")
    return float(clip[len("inset(0px 0px 0px ") :].rstrip("%)"))


def shown_names(page):
    headings = page.find_elements(By.CSS_SELECTOR, "article:not([hidden]) h2")
    return [heading.text.split(" ")[0] for heading in headings]


def colours(page, handle, places):
    """Return the drawn colours of a slider's picture at some percents of its width."""
    frame = handle.find_element(By.XPATH, "..")
    with Image.open(io.BytesIO(frame.screenshot_as_png)) as shot:
        row = 3 * shot.height // 4  # off the handle's knob and the words
        return [shot.convert("RGB").getpixel((shot.width * p // 100, row)) for p in places]


def requested(page):
    """Return the addresses that the browser asked for since this was called last."""
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def is_near(colour, wanted):
    return max(abs(a - b) for a, b in zip(colour, wanted)) < 12


def test_the_page_is_sound_and_asks_for_nothing_from_outside(page):
    images = page.find_elements(By.CSS_SELECTOR, "img")
    for image in images:
        page.execute_script("arguments[0].scrollIntoView(); return arguments[0].decode()", image)
        assert image.get_property("naturalWidth") > 0 and image.get_attribute("alt")
    assert len(images) == 9
    asked = requested(page)
    assert len(asked) >= 10
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
    assert page.get_log("browser") == []


def test_the_mouse_drags_the_slider(page):
    handle = handles(page)[0]
    assert value(handle) == 50 and cut(handle) == 50
    width = handle.find_element(By.XPATH, "..").size["width"]
    ActionChains(page).click_and_hold(handle).move_by_offset(width // 4, 5).release().perform()
    assert abs(value(handle) - 75) <= 1 and abs(cut(handle) - 75) <= 1
    left, middle, right = colours(page, handle, (10, 65, 90))
    assert is_near(left, RED) and is_near(middle, RED) and is_near(right, BLUE)
    # A released slider stays where it is.
    ActionChains(page).move_by_offset(-width // 2, 0).perform()
    assert abs(value(handle) - 75) <= 1
    assert value(handles(page)[1]) == 50


def test_a_press_on_the_picture_brings_the_slider_there(page):
    handle = handles(page)[0]
    frame = handle.find_element(By.XPATH, "..")
    width = frame.size["width"]
    ActionChains(page).move_to_element_with_offset(frame, -width // 4, 40).click().perform()
    assert abs(value(handle) - 25) <= 1
    left, middle, right = colours(page, handle, (10, 35, 90))
    assert is_near(left, RED) and is_near(middle, BLUE) and is_near(right, BLUE)


def test_keys_move_the_slider(page):
    handle = handles(page)[0]
    keys = ActionChains(page)
    page.execute_script("arguments[0].focus()", handle)
    moves = [(Keys.ARROW_RIGHT, 52), (Keys.ARROW_LEFT, 50), (Keys.HOME, 0), (Keys.ARROW_LEFT, 0)]
    for key, expected in [*moves, (Keys.END, 100), (Keys.ARROW_DOWN, 98), (Keys.ARROW_UP, 100)]:
        keys.send_keys(key).perform()
        assert value(handle) == expected and cut(handle) == expected
    assert is_near(colours(page, handle, (90,))[0], RED)
    keys.key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    assert value(handle) == 90
    assert handle.get_attribute("aria-valuetext") == "90 % input"


def test_keys_go_from_picture_to_picture(page):
    def at():
        return page.execute_script("return document.activeElement.closest('article').id")

    keys = ActionChains(page)
    visited = []
    for key in ("j", "j", "j", "j", "j", "k"):
        keys.send_keys(key).perform()
        visited.append(at())
    numbers = [1, 2, 3, 4, 4, 3]
    assert visited == [f"picture-{number}" for number in numbers]
    keys.send_keys("k", Keys.PAGE_DOWN).perform()  # from a slider, not from the failed picture
    assert at() == "picture-3"
    keys.send_keys("k", Keys.PAGE_UP).perform()
    assert at() == "picture-1"
    top = page.execute_script(
        "return document.activeElement.closest('article').getBoundingClientRect().top"
    )
    assert top >= 0


def test_pictures_are_filtered_and_sorted(page):
    def press(name):
        page.find_element(By.CSS_SELECTOR, f"[data-filter={name}]").click()

    def choose(order):
        page.find_element(By.CSS_SELECTOR, f"#sort option[value={order}]").click()

    assert shown_names(page) == ["b.png", "a.png", "<img", "c.png"]
    press("uncertain")
    assert shown_names(page) == ["a.png"]
    press("failed")
    assert shown_names(page) == ["<img"]
    pressed = page.find_elements(By.CSS_SELECTOR, "[aria-pressed=true]")
    assert [button.text for button in pressed] == ["Failed 1"]
    press("all")
    choose("confidence")
    assert shown_names(page) == ["a.png", "c.png", "b.png", "<img"]
    choose("seconds")
    assert shown_names(page) == ["a.png", "c.png", "b.png", "<img"]
    choose("name")
    assert shown_names(page) == ["<img", "a.png", "b.png", "c.png"]
    choose("number")
    assert shown_names(page) == ["b.png", "a.png", "<img", "c.png"]


def test_a_phone_shows_the_page_without_sideways_scrolling(page):
    page.set_window_size(500, 800)  # the narrowest window that Chromium opens
    page.execute_script("document.body.style.width = '360px'")
    wide = page.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    assert page.find_element(By.CSS_SELECTOR, ".slider").size["width"] <= 360


def test_dark_colours_are_taken_from_the_system(page):
    def ground():
        return page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")

    domain = ground()
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    dark = ground()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert domain == "rgba(250, 250, 248, 1)" and dark == "rgba(19, 20, 23, 1)"


def test_two_thousand_pictures_are_loaded_as_they_are_seen(browser, tmp_path):
    data = picture_jpeg(plain(RED))
    entries = []
    for number in range(2000):
        names = [f"{number}_{part}.jpg" for part in ("before", "after", "kernel")]
        for name in names:
            (tmp_path / name).write_bytes(data)
        entries.append(Entry(record(f"{number}.png", 0.9, 1.0), *names, (800, 1200)))
    path = tmp_path / "index.html"
    path.write_text(render_page("Many", entries, {}, str(tmp_path)), encoding="utf-8")
    requested(browser)
    browser.get(f"file://{path}")
    loaded = browser.execute_script(
        "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    )
    assert 0 < loaded < 10_000  # 900 ms on one busy core
    assert 7 <= len(requested(browser)) < 100
    ActionChains(browser).send_keys("j" * 20).perform()
    top = browser.execute_script(
        "return document.getElementById('picture-20').getBoundingClientRect().top"
    )
    assert 0 < top < 120
    last = browser.find_element(By.CSS_SELECTOR, "#picture-2000 img")
    browser.execute_script("arguments[0].scrollIntoView(); return arguments[0].decode()", last)
    assert any(url.endswith("/1999_before.jpg") for url in requested(browser))
