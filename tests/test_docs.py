"""The words about IMS are true: links lead somewhere, and what a page tells to type exists."""

import re
import shlex
from functools import cache

import pytest
from django.core.management import call_command, get_commands

from scripts import reference
from tests import tagged
from tests.tagged import PAGES, ROOT

TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text())
    assert [link for link in links if not leads_somewhere(page, *link)] == []


def leads_somewhere(page, path, place):
    target = page.parent / path if path else page
    return target.exists() and (not place or place in places(target))


@cache
def places(page):
    """Where links may lead within a page: its headings, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_make_target_exists(page):
    named = re.findall(r"^\s*(?:[A-Z_]+=\S+ )*make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(TARGETS)


@each_page
def test_every_management_command_exists(page):
    named = re.findall(r"manage\.py ([a-z_]+)", page.read_text())
    assert set(named) <= set(get_commands())


@each_page
def test_every_test_that_is_named_exists(page):
    named = re.findall(r"`(?:tests/)?((?:\w+/)*test_\w+\.py)`", page.read_text())
    assert [name for name in named if not list((ROOT / "tests").rglob(name))] == []


def test_the_engines_page_names_each_of_its_modules():
    modules = {path.stem for path in (ROOT / "scheduling").glob("[!_]*.py")}
    _, _, table = (ROOT / "docs" / "engine.md").read_text().partition("## The modules")
    assert set(re.findall(r"`(\w+)`", table)) == modules


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_what_is_tagged_run_runs(capsys, tmp_path, settings, monkeypatch):
    """The commands; tests/test_make_run.py makes the calls. What they write goes to a folder of its own."""
    monkeypatch.chdir(tmp_path)
    settings.MEDIA_ROOT = str(tmp_path / "media")
    assert tagged.commands()
    for page, command in tagged.commands():
        call_command(*shlex.split(command, comments=True))
        assert capsys.readouterr().out, f"{page}: {command} said nothing"


def test_the_reference_is_what_the_code_says():
    assert reference.PAGE.read_text() == reference.text(), "python scripts/reference.py writes it anew"
