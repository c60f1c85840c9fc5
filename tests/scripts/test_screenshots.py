"""The screenshots of README.md and docs/: those that are declared are there, are shown, and are small."""

from scripts import screenshots

FILES = {path.name: path for path in screenshots.IMAGES.glob("*.webp")}


def test_what_is_declared_is_there_and_nothing_else():
    assert set(FILES) == {f"{shot.name}.webp" for shot in screenshots.SHOTS}


def test_each_is_shown_in_a_page():
    pages = [screenshots.ROOT / "README.md", *screenshots.ROOT.glob("docs/*.md")]
    words = "".join(page.read_text() for page in pages)
    assert [name for name in FILES if f"images/{name})" not in words] == []


def test_all_together_are_small():
    assert sum(path.stat().st_size for path in FILES.values()) < screenshots.MOST_BYTES
