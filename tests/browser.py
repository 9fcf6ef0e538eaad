"""A real browser, and what is held against every visit of the page."""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",  # continuous integration runs as root
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PATIENCE = 20.0

DROP = """async ([files, target]) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.querySelector(target).dispatchEvent(
            new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }
}"""

PASTE = """async ([[name, content]]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""

WATCH = """addEventListener("securitypolicyviolation", (event) => console.error(
    `policy: ${event.violatedDirective} ${event.blockedURI}`))"""


def path() -> str | None:
    """Where a Chromium is, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched(chromium: str) -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One tab, with all that went wrong in it."""

    page: Page
    origin: str
    refusals: set[int] = field(default_factory=set)  # statuses that the test means to provoke
    gone: bool = False  # whether the test takes the service away
    wrong: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"{error}"))
        self.page.on("request", self._asked)
        self.page.add_init_script(WATCH)

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        inside = address.scheme in {"blob", "data"}
        if not inside and f"{address.scheme}://{address.netloc}" != self.origin:
            self.foreign.append(request.url)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        status = re.search(r"Failed to load resource: .*status of (\d+)", message.text)
        if status and int(status[1]) in self.refusals:
            return
        if self.gone and "net::ERR_" in message.text:
            return
        self.wrong.append(message.text)

    def open(self, path: str = "/", *, ready: bool = True) -> Visit:
        """Go there, and wait until the page knows what the service has."""
        self.page.goto(self.origin + path)
        if ready:
            self.page.locator("#model option").nth(2).wait_for(state="attached")
        return self

    def give(self, *files: Path | tuple[str, bytes]) -> None:
        """Choose files, as with the button."""
        named = [one if isinstance(one, tuple) else (one.name, one.read_bytes()) for one in files]
        payload = [
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
            for name, content in named
        ]
        self.page.set_input_files("#files", payload)

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Drop files on the middle of the page."""
        self.page.evaluate(DROP, [_coded(files), "main"])

    def paste(self, file: tuple[str, bytes]) -> None:
        """Paste a file."""
        self.page.evaluate(PASTE, _coded([file]))

    def wait(self, phase: str, number: int = 1) -> None:
        """Wait until so many pictures are in a phase."""
        self.page.locator(f"#list li[data-phase={phase}]").nth(number - 1).wait_for()

    @contextmanager
    def answered(self, query: str) -> Iterator[None]:
        """Do what asks the service for a chosen picture again, and wait for the result."""
        with self.page.expect_response(lambda one: "/v1/denoise" in one.url and query in one.url):
            yield
        self.page.wait_for_selector("#save:enabled")

    def until(self, check: Callable[[], bool]) -> None:
        """Wait until something holds (a script that waits in the page would break its policy)."""
        deadline = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < deadline, "it never came about"
            self.page.wait_for_timeout(20)

    def shown(self) -> None:
        """Wait until the result of the chosen picture is on the stage."""
        self.page.wait_for_selector("#stage:not(.alone)")
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for has been drawn."""
        self.page.evaluate(
            "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        )

    def pixel(self, canvas: str, x: int, y: int) -> tuple[int, int, int]:
        """The colour on a canvas, from its left top."""
        self.settle()
        found = self.page.evaluate(
            """([id, x, y]) => [...document.getElementById(id).getContext("2d")
                .getImageData(x, y, 1, 1).data]""",
            [canvas, x, y],
        )
        return tuple(found[:3])

    def saved(self, button: str = "#save") -> tuple[str, bytes]:
        """Press a button that saves, and return the name and the content of the file."""
        with self.page.expect_download() as coming:
            self.page.click(button)
        return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def _coded(files: Iterable[tuple[str, bytes]]) -> list[list[str]]:
    """Put the contents of files into words that a script can take."""
    return [[name, base64.b64encode(content).decode()] for name, content in files]
