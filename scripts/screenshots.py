"""`make screenshots`: pictures of the product for README.md and docs/, in docs/images/.

Starts IMS as a newcomer would (scripts/run.py), from a copy in a temporary folder, waits until the demo
lives, signs in as its user and takes the pages declared below. Fails where a page answers an error, logs one
in the browser's console, or does not show what it should. `python -m scripts.screenshots NAME …` takes these.
"""

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from scripts.run import PASSWORD, ROOT, USERNAME, free_ports
from tests.browser.faults import REPORT_VIOLATIONS, Faults

IMAGES = ROOT / "docs" / "images"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
NOT_COPIED = shutil.ignore_patterns(".*", "var", "__pycache__", "images", "media", "staticfiles")
START_SECONDS, STOP_SECONDS = 240, 30
LIVELY_SECONDS = 240  # within them the demo delivers parcels and answers offers
SETTLE_SECONDS = 1.5  # a fix of a vehicle, the ends of transitions
QUALITY = 80  # of WebP
MOST_BYTES = 1_500_000  # all together


@dataclass(frozen=True)
class Shot:
    """A page. `first`: a link on it that is followed; `shows`: what must be there before it is taken."""

    name: str
    path: str
    shows: str = "main h1"
    first: str = ""
    width: int = 1280
    height: int = 800
    theme: str = "light"


def phone(name: str, path: str, **more: str) -> Shot:
    return Shot(name, path, width=390, height=780, theme="dark", **more)  # type: ignore[arg-type]


SHOTS = (
    Shot("home", "/"),
    Shot("shipments", "/shipments/?group=delivered", shows="text=Delivered"),
    Shot("shipment", "/shipments/?group=delivered", first="tbody a", shows=".ims-timeline"),
    Shot("dispatch", "/dispatch/"),
    Shot("trips", "/trips/"),
    Shot("trip", "/trips/", first="tr:has-text('km/h') a", shows=".leaflet-marker-icon"),
    Shot("cross-dock", "/cross-dock/tasks/", first="tbody a", shows="text=Download"),
    Shot("invoices", "/invoices/", shows="tbody a"),
    Shot("licences", "/licences/", shows="tbody a"),
    Shot("jobs", "/console/"),
    Shot("charts", "/console/charts/", shows=".ims-plot path.bar"),
    phone("phone-shipments", "/shipments/"),
    phone("phone-drive", "/drive/"),
    phone("phone-jobs", "/console/"),
)


def main() -> int:
    names = sys.argv[1:]
    if unknown := set(names) - (known := {shot.name for shot in SHOTS}):
        sys.exit(f"No such picture: {', '.join(unknown)}. There are: {', '.join(known)}.")
    with (
        tempfile.TemporaryDirectory() as folder,
        newcomer(Path(folder) / "ims") as address,
        chromium() as browser,
    ):
        pages = Pages(browser, address)
        wait_for_life(pages.of(SHOTS[0]))
        for shot in SHOTS:
            if not names or shot.name in names:
                take(shot, pages.of(shot))
    return told_sizes()


@contextmanager
def newcomer(place: Path) -> Iterator[str]:
    """IMS in a folder of its own until the block ends; yields its address."""
    shutil.copytree(ROOT, place, ignore=NOT_COPIED)
    [port] = free_ports(1)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    for command in (["manage.py", "migrate", "--verbosity", "0"], ["-m", "scripts.screenshot_history"]):
        subprocess.run([sys.executable, *command], cwd=place, env=kept | {"DEBUG": "1"}, check=True)
    output = place / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "scripts/run.py"],
            cwd=place,
            env=kept | {"PORT": str(port)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_runs(process, output)
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def wait_until_it_runs(process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "password: " not in output.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The demo did not start:\n{output.read_text()}")
        time.sleep(0.2)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Pages:
    """One signed-in page for each kind of window."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.pages: dict[tuple[int, int, str], Page] = {}

    def of(self, shot: Shot) -> Page:
        kind = (shot.width, shot.height, shot.theme)
        if kind not in self.pages:
            self.pages[kind] = self.open(shot)
        return self.pages[kind]

    def open(self, shot: Shot) -> Page:
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": shot.width, "height": shot.height},
            color_scheme=shot.theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        context.add_init_script(REPORT_VIOLATIONS)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto("/sign-in/")
        page.get_by_label("Username").fill(USERNAME)
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in").click()
        return page


def wait_for_life(page: Page) -> None:
    """Until parcels have been delivered since the start, and the figures of the first minute are there."""
    deadline, before = time.monotonic() + LIVELY_SECONDS, delivered(page)
    while delivered(page) == before:
        if time.monotonic() > deadline:
            sys.exit(f"No order was delivered within {LIVELY_SECONDS} s.")
        time.sleep(2)


def delivered(page: Page) -> int:
    answer = page.request.get("/api/masterdata/packing-slips/?status=delivered")
    return int(answer.json()["count"])


def take(shot: Shot, page: Page) -> None:
    faults = Faults(page)
    try:
        page.goto(shot.path)
        if shot.first:
            page.locator(f"main {shot.first}").first.click()
        page.locator(shot.shows).first.wait_for()
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
    except PlaywrightError as error:
        faults.found.append(f"{error}\n{page.locator('main').inner_text()}")
    if faults.found:
        sys.exit(f"{shot.name}: {page.url}\n" + "\n".join(faults.found))
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / f"{shot.name}.webp").write_bytes(picture(page))


def picture(page: Page) -> bytes:
    """What is in the window, as WebP, which Playwright itself does not offer."""
    devtools = page.context.new_cdp_session(page)
    return base64.b64decode(
        devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})["data"]
    )


def told_sizes() -> int:
    sizes = {path.name: path.stat().st_size for path in sorted(IMAGES.glob("*.webp"))}
    for name, size in sizes.items():
        print(f"{size:>8,} {name}")
    print(f"{sum(sizes.values()):>8,} of {MOST_BYTES:,} bytes")
    return int(sum(sizes.values()) > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
