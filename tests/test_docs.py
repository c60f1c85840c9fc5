"""The words about IMS are true: links lead somewhere, and what a page tells to type exists."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands

from scripts import reference

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_every_link_to_a_file_leads_to_one(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@each_page
def test_every_make_target_exists(page):
    named = re.findall(r"^\s*(?:[A-Z_]+=\S+ )*make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(TARGETS)


@each_page
def test_every_management_command_exists(page):
    named = re.findall(r"manage\.py ([a-z_]+)", page.read_text())
    assert set(named) <= set(get_commands())


def run_blocks():
    """The commands of each block that begins with ```sh run."""
    found = [(page, re.findall(r"^```sh run\n(.*?)^```", page.read_text(), re.M | re.S)) for page in PAGES]
    return [(page.name, block.splitlines()) for page, blocks in found for block in blocks]


@pytest.mark.parametrize(
    ("page", "lines"), run_blocks(), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.django_db(transaction=True)
def test_what_is_tagged_run_runs(page, lines, capsys, tmp_path, settings, monkeypatch):
    """Each line is a management command; what it writes goes to a folder of its own."""
    monkeypatch.chdir(tmp_path)
    settings.MEDIA_ROOT = str(tmp_path / "media")
    for line in lines:
        python, manage, *command = shlex.split(line, comments=True)
        assert (python, manage) == ("python", "manage.py")
        call_command(*command)
    assert capsys.readouterr().out


def test_the_reference_is_what_the_code_says():
    assert reference.PAGE.read_text() == reference.text(), "python scripts/reference.py writes it anew"
