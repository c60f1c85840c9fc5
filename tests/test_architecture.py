"""The layers of the house: who may import whom, and how long things may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FRAME = ("ims.lib", "ims.accounts", "ims.web", "ims.console")
APPS = ("masterdata", "logistics", "crossdock", "licensing")  # never import one another
ABOVE_SCHEDULING = ("ims.web", "ims.console", "ims.notices", "ims.settings", "ims.urls")
PACKAGES = ("ims", "scheduling", *APPS)
VENDORS = {
    "masterdata/track123_service.py",
    "logistics/notifications/fcm.py",
}  # the only files that speak HTTP to others
LONGEST_FUNCTION = 60  # lines
LONGEST_FILE = 300  # lines
LONGER_FOR_A_REASON = {
    "ims/settings.py": 450,  # all settings are one file that explains itself
    "logistics/tasks.py": 400,  # the queue policy of a whole fleet is one file
    "masterdata/track123_service.py": 400,  # all that is known of a vendor is one file
}


def python_files() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "migrations" not in path.parts)


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def imports_of(path: Path) -> set[str]:
    """Every module that this file imports when it runs; what stands under TYPE_CHECKING does not count."""
    return set(_imports(tree_of(path), path))


def _imports(node: ast.AST, path: Path) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = ".".join(filter(None, [_package(path, child.level), child.module]))
            yield from (f"{base}.{alias.name}" for alias in child.names)
        else:
            yield from _imports(child, path)


def _package(path: Path, level: int) -> str:
    return ".".join(path.parts[:-level]) if level else ""


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def app_of(name: str) -> str | None:
    return next((app for app in APPS if within(name, app)), None)


FILES = python_files()
each_file = pytest.mark.parametrize("path", FILES, ids=str)


def test_there_are_files_to_look_at() -> None:
    assert Path("ims/settings.py") in FILES


@each_file
def test_imports_point_to_lower_layers_only(path: Path) -> None:
    module, imported = module_of(path), imports_of(path)
    if within(module, "ims.lib"):
        upper = {name for name in imported if within(name, *PACKAGES) and not within(name, "ims.lib")}
    elif within(module, "scheduling"):
        upper = {name for name in imported if within(name, *APPS, *ABOVE_SCHEDULING)}
    elif within(module, *FRAME):
        upper = {name for name in imported if within(name, *APPS, "ims.notices")}
    elif within(module, "ims.notices"):
        upper = {name for name in imported if within(name, *APPS)}
    elif app := app_of(module):
        upper = {name for name in imported if app_of(name) not in (None, app)}
    else:
        upper = set()
    assert not upper


@each_file
def test_only_scheduling_imports_django_q(path: Path) -> None:
    if not within(module_of(path), "scheduling"):
        assert not {name for name in imports_of(path) if within(name, "django_q")}


@each_file
def test_services_never_import_tasks(path: Path) -> None:
    if path.name.endswith("services.py"):
        assert not {name for name in imports_of(path) if "tasks" in name.split(".")}


@each_file
def test_only_a_vendors_file_speaks_http_to_others(path: Path) -> None:
    if path.as_posix() not in VENDORS:
        assert not {
            name for name in imports_of(path) if within(name, "requests", "urllib.request", "http.client")
        }


@each_file
def test_no_file_is_longer_than_a_reader_bears(path: Path) -> None:
    allowed = LONGER_FOR_A_REASON.get(path.as_posix(), LONGEST_FILE)
    assert len((ROOT / path).read_text().splitlines()) <= allowed


@each_file
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    functions = [
        node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION}


def test_an_import_under_type_checking_does_not_count() -> None:
    tree = ast.parse("import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c import d")
    assert set(_imports(tree, Path("x.py"))) == {"a", "c.d"}
