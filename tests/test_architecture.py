"""The layers of the house: who may import whom, and how long things may grow."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRAME = (
    "ims.lib",
    "ims.accounts",
    "ims.web",
    "ims.console",
    "ims.backups",
    "ims.uploads",
    "ims.imports",
    "ims.submissions",
)
APPS = ("masterdata", "logistics", "crossdock", "licensing")  # never import one another
ABOVE_SCHEDULING = ("ims.web", "ims.console", "ims.notices", "ims.settings", "ims.urls")
PACKAGES = ("ims", "scheduling", *APPS)
VENDORS = {
    "masterdata/track123_service.py",
    "logistics/notifications/fcm.py",
    "scheduling/webhook.py",
}  # the only files that speak HTTP to others
LONGEST_FUNCTION = 60  # lines
LONGEST_FILE = 300  # lines
LONGER_FOR_A_REASON = {
    "ims/settings.py": 450,  # all settings are one file that explains itself
    "masterdata/track123_service.py": 400,  # all that is known of a vendor is one file
}


def python_files() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "migrations" not in path.parts)


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


@cache
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


def each_file(rule: Callable[[Path], object]) -> Callable[[], None]:
    """A test that names every file which breaks the rule, and by what: one, for a test a file takes long."""

    def test() -> None:
        assert {str(path): offence for path in FILES if (offence := rule(path))} == {}

    test.__name__ = rule.__name__
    return test


def test_there_are_files_to_look_at() -> None:
    assert Path("ims/settings.py") in FILES


@each_file
def test_imports_point_to_lower_layers_only(path: Path) -> set[str]:
    module, imported = module_of(path), imports_of(path)
    if within(module, "ims.lib"):
        return {name for name in imported if within(name, *PACKAGES) and not within(name, "ims.lib")}
    if within(module, "scheduling"):
        return {name for name in imported if within(name, *APPS, *ABOVE_SCHEDULING)}
    if within(module, *FRAME):
        return {name for name in imported if within(name, *APPS, "ims.notices")}
    if within(module, "ims.notices"):
        return {name for name in imported if within(name, *APPS)}
    if app := app_of(module):
        return {name for name in imported if app_of(name) not in (None, app)}
    return set()


@each_file
def test_only_scheduling_imports_django_q(path: Path) -> set[str]:
    outside = not within(module_of(path), "scheduling")
    return {name for name in imports_of(path) if outside and within(name, "django_q")}


@each_file
def test_services_never_import_tasks(path: Path) -> set[str]:
    is_service = path.name.endswith("services.py")
    return {name for name in imports_of(path) if is_service and "tasks" in name.split(".")}


@each_file
def test_only_a_vendors_file_speaks_http_to_others(path: Path) -> set[str]:
    http = ("requests", "urllib.request", "http.client")
    return {name for name in imports_of(path) if path.as_posix() not in VENDORS and within(name, *http)}


@each_file
def test_no_file_is_longer_than_a_reader_bears(path: Path) -> int:
    allowed = LONGER_FOR_A_REASON.get(path.as_posix(), LONGEST_FILE)
    return max(0, len((ROOT / path).read_text().splitlines()) - allowed)


@each_file
def test_no_function_is_longer_than_a_screen(path: Path) -> dict[str, int]:
    functions = [
        node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    return {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION}


def test_an_import_under_type_checking_does_not_count() -> None:
    tree = ast.parse("import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c import d")
    assert set(_imports(tree, Path("x.py"))) == {"a", "c.d"}
