"""Every template keeps the content security policy, and names only icons and files that exist."""

import hashlib
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from ims.web import registry
from ims.web.make_icons import NAMES

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "ims" / "web" / "static"
VENDOR = STATIC / "vendor"
FOREIGN = {".venv", "var"}  # installed packages
ELSEWHERE = {*FOREIGN, "tests", "bench", "docs", "vendor", "migrations"}
TEMPLATES = sorted(path for path in ROOT.glob("*/**/templates/**/*.*") if not FOREIGN & set(path.parts))
SPRITE = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "ims" / "icons.svg").read_text()))

BANNED = {
    r"\sstyle\s*=": "an inline style, which the policy drops: write a rule in ims.css",
    r"<style\b": "an inline style sheet, which the policy drops: write a rule in ims.css",
    r"<script(?![^>]*\bsrc\s*=)": "an inline script, which the policy drops: use a file or json_script",
    r"\son[a-z]+\s*=": "an inline handler, which the policy drops",
    r"hx-on": "hx-on, which needs eval: listen in a script file",
    r"""hx-trigger\s*=\s*("[^"]*\[|'[^']*\[)""": "a trigger filter, which fires always without eval",
    r"""hx-(vals|headers)\s*=\s*["']\s*(js|javascript):""": "a js: value, which needs eval",
    r"javascript:": "a javascript: address, which the policy drops",
    r"""(src|href)\s*=\s*["']https?://""": "a file or page of another host",
}


def test_a_page_below_another_is_titled_by_itself_and_its_system():
    below = {path.name: path.read_text() for path in TEMPLATES if 'class="ims-back"' in path.read_text()}
    title = re.compile(r"{% block title %}.+ · {% translate \"[\w-]+\" %} · IMS{% endblock %}")
    assert [name for name, text in below.items() if "block title" in text and not title.search(text)] == []


def test_there_are_templates_to_check():
    assert len(TEMPLATES) > 20


def test_every_template_compiles():
    for path in TEMPLATES:
        get_template(path.relative_to(next(p for p in path.parents if p.name == "templates")).as_posix())


@pytest.mark.parametrize("pattern", BANNED, ids=lambda pattern: BANNED[pattern].split(",")[0])
def test_every_template_keeps_the_policy(pattern):
    found = {path.name: re.search(pattern, path.read_text(), re.IGNORECASE) for path in TEMPLATES}
    assert {name: match[0] for name, match in found.items() if match} == {}


def test_templates_name_only_icons_of_the_sprite():
    icon = re.compile(r"""(?:{% icon |\bicon=)["']([a-z0-9-]+)["']""")
    unknown = {path.name: set(icon.findall(path.read_text())) - SPRITE for path in TEMPLATES}
    missing = {name: icons for name, icons in unknown.items() if icons}
    assert missing == {}, "add them to ims/web/make_icons.py and run it"


def test_the_rail_and_the_home_page_name_only_icons_of_the_sprite():
    used = {entry.icon for entry in [*registry._nav, *registry._cards]}
    assert used <= SPRITE


def test_every_icon_of_the_sprite_is_shown_somewhere():
    sources = [path for path in ROOT.glob("*/**/*.*") if path.suffix in {".py", ".html", ".js"}]
    ours = [path for path in sources if not ELSEWHERE & set(path.parts) and path.name != "make_icons.py"]
    named = set(re.findall(r"""["'#]([a-z0-9-]+)\b""", "\n".join(path.read_text() for path in ours)))
    assert SPRITE - named == set(), "take them out of ims/web/make_icons.py and run it"


def test_the_sprite_holds_what_its_script_names():
    assert set(NAMES.split()) == SPRITE


def test_the_style_sheet_stays_small():
    assert (STATIC / "ims" / "ims.css").stat().st_size < 28_500


# --- Third-party files ------------------------------------------------------------------------------------


def listed_files() -> dict[str, str]:
    lines = (VENDOR / "VERSIONS.txt").read_text().splitlines()
    return {path: digest for digest, path in re.findall(r"^([0-9a-f]{64})  (\S+)$", "\n".join(lines), re.M)}


def test_every_vendored_file_is_listed_and_none_besides():
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present - {"VERSIONS.txt"} == set(listed_files())


@pytest.mark.parametrize(("name", "digest"), listed_files().items())
def test_a_vendored_file_is_the_one_that_was_listed(name, digest):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("package", sorted(path.name for path in VENDOR.iterdir() if path.is_dir()))
def test_a_vendored_package_brings_its_licence(package):
    assert (VENDOR / package / "LICENSE").read_text().strip()


def test_static_files_can_be_collected_under_hashed_names(settings, tmp_path):
    """As production does: every file that another one names must exist."""
    from django.core.management import call_command

    settings.STATIC_ROOT = tmp_path
    manifest = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": manifest}
    call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").exists()
