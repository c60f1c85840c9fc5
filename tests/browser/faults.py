"""What goes wrong in a page: errors of its scripts, messages, requests, and its content security policy."""

import re

from playwright.sync_api import ConsoleMessage, Page, Request, Response

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


class Faults:
    """What went wrong in a page; `allow` names, by pattern, what a test provokes on purpose."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        self.allowed: list[str] = []
        page.on("console", self.see_console)
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("requestfailed", self.see_failure)
        page.on("response", self.see_response)

    def see_console(self, message: ConsoleMessage) -> None:
        # A failed request has its own line below, with its status.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.found.append(f"console: {message.text}")

    def see_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before the answer came: no fault
            self.found.append(f"failed: {request.url} {request.failure}")

    def see_response(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"status: {response.status} {response.url}")

    def allow(self, pattern: str) -> None:
        self.allowed.append(pattern)

    def left(self) -> list[str]:
        return [fault for fault in self.found if not any(re.search(p, fault) for p in self.allowed)]
