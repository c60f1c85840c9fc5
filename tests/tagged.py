"""Blocks of the pages that begin with ```sh run: commands of manage.py, or calls of the API."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])
MANAGE = "python manage.py "


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh run\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command with its page, without what begins every one."""
    found = [(page, block) for page in PAGES for block in blocks(page) if block.startswith(MANAGE)]
    return [(page.name, line.removeprefix(MANAGE)) for page, block in found for line in block.splitlines()]


def calls(address: str) -> str:
    """All calls as one shell script for the web at this address; quickstart.md signs in."""
    first = ROOT / "docs" / "quickstart.md"
    pages = [first, *(page for page in PAGES if page != first)]
    found = [block for page in pages for block in blocks(page) if not block.startswith(MANAGE)]
    script = "".join(found).replace("localhost:8000", address.removeprefix("http://"))
    return 'curl() { command curl --fail-with-body "$@"; }\n' + script
