"""Make the picture of the page that the documentation shows: docs/images/web-page.jpg.

python tools/screenshot.py                     # needs ruis[serve], playwright and a Chromium
python tools/screenshot.py --all out/shots     # every state, size and theme, to look at
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402 - it lies with the tests

EXAMPLES = [ROOT / "examples" / name for name in ("coffee.png", "page.png")]
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "locale": "nl-NL",
    "has_touch": True,
    "is_mobile": True,
}


@contextmanager
def serving() -> Iterator[str]:
    """Start a service, and give its address."""
    command = [sys.executable, "-m", "ruis.cli", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        told = iter(process.stderr.readline, "")
        found = next(filter(None, (re.search(r"http://[^/\s]+", line) for line in told)), None)
        if found is None:
            sys.exit("the service did not start; `ruis serve` says why")
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def visit(chromium: Any, origin: str, **settings: Any) -> browser.Visit:
    """Open the page in a window of its own."""
    page = chromium.new_context(**settings).new_page()
    page.set_default_timeout(120_000)
    return browser.Visit(page, origin).open()


def shoot(tab: browser.Visit, path: Path) -> None:
    """Take a picture once nothing moves any more."""
    tab.page.wait_for_timeout(400)
    tab.page.screenshot(path=path, type="jpeg", quality=82)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def for_documentation(chromium: Any, origin: str) -> None:
    """Take the one picture: a photograph under the divider, at 200 %."""
    tab = visit(chromium, origin, **DESKTOP)
    tab.give(*EXAMPLES)
    tab.wait("done", 2)
    tab.shown()
    tab.page.click("[data-zoom='2']")
    shoot(tab, ROOT / "docs" / "images" / "web-page.jpg")


def everything(chromium: Any, origin: str, folder: Path) -> None:
    """Take a picture of each state, on a desk and in a hand, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, settings in {"desk": DESKTOP, "hand": PHONE}.items():
        for theme in ("light", "dark"):
            tab = visit(chromium, origin, **settings, color_scheme=theme)

            def shot(state: str, name: str = f"{place}-{theme}", tab: browser.Visit = tab) -> None:
                shoot(tab, folder / f"{name}-{state}.jpg")

            shot("empty")
            tab.give(*EXAMPLES, ("broken.png", EXAMPLES[0].read_bytes()[:5000]))
            shot("working")
            tab.wait("done", 2)
            tab.wait("failed")
            tab.shown()
            shot("done")
            tab.page.click("[data-zoom='8']")
            shot("zoomed")
            tab.page.click("[data-view=noise]")
            shot("noise")
            tab.page.click("#list li:nth-child(3) .open")
            shot("error")


def main() -> None:
    """Take pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every state, into a folder")
    given = parser.parse_args()
    path = browser.path() or sys.exit("no Chromium on the path: apt-get install chromium")
    with serving() as origin, browser.launched(path) as chromium:
        if given.all:
            everything(chromium, origin, given.all)
        else:
            for_documentation(chromium, origin)


if __name__ == "__main__":
    main()
