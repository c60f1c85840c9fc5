"""docs/reference.md from the code itself: tasks, settings, commands, endpoints.

`python scripts/reference.py` writes it; a test fails where it is out of date.
"""

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
FOR_PROGRAMS = ("/api/", "/share/", "/healthz", "/readyz", "/metrics")
HEAD = """# Reference

Made from the code by `python scripts/reference.py`; what is written here by hand is lost.

[Tasks](#tasks) · [Settings](#settings) · [Commands](#commands) · [Endpoints](#endpoints)
"""


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ims.settings")
    os.environ.update(DEBUG="0", SECRET_KEY="that-signs-nothing-" * 3)  # as in production: without demos
    import django

    django.setup()
    PAGE.write_text(text())
    print(f"{PAGE.relative_to(ROOT)} is up to date.")
    return 0


def text() -> str:
    return "\n".join([HEAD, *tasks(), *settings(), *commands(), *endpoints()])


# --- Tasks ------------------------------------------------------------------------------------------------
def tasks() -> Iterator[str]:
    from scheduling import declaration

    yield "## Tasks\n"
    yield "How they are declared and called: [add-a-task.md](add-a-task.md). Times in seconds.\n"
    yield "| task | queue | time-out | attempts | runs by itself | what it does |"
    yield "|---|---|---|---|---|---|"
    for task in sorted(declaration.tasks(), key=lambda each: each.name):
        if is_ours(task.path):
            facts = (f"`{task.name}`", task.queue, task.timeout, task.retries.attempts, cadence(task.cadence))
            yield row(*facts, first_line(task.__doc__))
    yield ""


def cadence(found: object) -> str:
    from scheduling.cadence import Cadence

    if not isinstance(found, Cadence):
        return ""
    when = f"`{found.cron}` ({found.tz})" if found.cron else f"every {found.every_minutes} min"
    return f"{when}, `{found.name}`"


# --- Settings ---------------------------------------------------------------------------------------------
def settings() -> Iterator[str]:
    """What .env.example says, which a test holds against ims/settings.py."""
    yield "## Settings\n"
    yield "Environment variables, or lines of a file `.env` beside `manage.py`."
    words: list[str] = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        if heading := re.fullmatch(r"# --- (.+?) -+", line):
            yield f"\n### {heading[1]}\n"
            yield "| variable | default or example | |"
            yield "|---|---|---|"
            words = []
        elif variable := re.fullmatch(r"# ([A-Z0-9_]+)=(.*)", line):
            yield row(f"`{variable[1]}`", f"`{variable[2]}`" if variable[2] else "", " ".join(words))
            words = words if follows_together(line) else []
        elif line.startswith("#"):
            words.append(line.lstrip("# "))
    yield ""


def follows_together(line: str) -> bool:
    """Variables that stand under one another without words between share the words above them."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    after = lines[lines.index(line) + 1 :]
    return bool(after) and re.fullmatch(r"# [A-Z0-9_]+=.*", after[0]) is not None


# --- Commands ---------------------------------------------------------------------------------------------
def commands() -> Iterator[str]:
    from django.core.management import get_commands

    yield "## Commands\n"
    yield "`python manage.py COMMAND`; each explains its options with `--help`.\n"
    yield "| command | |"
    yield "|---|---|"
    for name, app in sorted(get_commands().items()):
        module = f"{app}.management.commands.{name}"
        if is_ours(module):
            yield row(f"`{name}`", " ".join(import_module(module).Command.help.split()))
    yield ""


# --- Endpoints --------------------------------------------------------------------------------------------
def endpoints() -> Iterator[str]:
    from drf_spectacular.generators import SchemaGenerator

    yield "## Endpoints\n"
    yield "Shapes, parameters and errors: `/api/docs/` of a running IMS, or `/api/schema/` as OpenAPI.\n"
    yield "| | address | |"
    yield "|---|---|---|"
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    for path, operations in sorted(paths.items()):
        for method, operation in operations.items():
            yield row(method.upper(), f"`{path}`", first_line(operation.get("description")))
    yield ""
    yield from beside({without_names(path) for path in paths})


def beside(documented: set[str]) -> Iterator[str]:
    """Addresses for programs that are none of the OpenAPI's: health, streams, a webhook."""
    from django.urls import get_resolver

    from tests.security.addresses import routes, template

    yield "Not in the OpenAPI, because they speak otherwise or to one caller alone:\n"
    yield "| address | |"
    yield "|---|---|"
    found = {template(route): pattern for route, pattern in routes(get_resolver())}
    for address, pattern in sorted(found.items()):
        if address.startswith(FOR_PROGRAMS) and without_names(address) not in documented:
            view = pattern.callback
            kind = getattr(view, "cls", None) or getattr(view, "view_class", None) or view
            yield row(f"`{address}`", first_line(kind.__doc__))
    yield ""


def without_names(address: str) -> str:
    return re.sub(r"{\w+}", "{}", address)


# --- Words ------------------------------------------------------------------------------------------------
def is_ours(path: str) -> bool:
    return path.split(".")[0] in {"ims", "scheduling", "masterdata", "logistics", "crossdock", "licensing"}


def first_line(words: str | None) -> str:
    return " ".join((words or "").strip().split("\n\n")[0].split())


def row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main())
