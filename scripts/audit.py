"""Ask for known advisories against the pinned packages: PyPI first, then OSV. `make audit` runs it.

A package about which nobody can be asked is not a package without advisories: that fails, and says so.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"pypi": "https://pypi.org/pypi/NAME/VERSION/json", "osv": "https://api.osv.dev/v1/query"}
FOUND, NOBODY_ANSWERED = 1, 2  # exit codes
CURE = "Run make audit where one of them can be reached; a mirror of packages alone has no advisories."


def main(requirements: str = "requirements.txt") -> int:
    failures = []
    for source, address in SOURCES.items():
        asked = subprocess.run(
            [sys.executable, "-m", "pip_audit", "-r", requirements, "-s", source, "-f", "json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if failure := why_not(asked.stdout, asked.stderr):
            failures.append(f"{source} ({address}): {failure}")
            continue
        return tell(json.loads(asked.stdout)["dependencies"])
    print("Nothing is known of advisories: no source told of all packages.", *failures, CURE, sep="\n")
    return NOBODY_ANSWERED


def why_not(output: str, error: str) -> str:
    """Why a source's answer is none; empty where it told of every package."""
    try:
        packages = json.loads(output)["dependencies"]
    except ValueError:
        return (error.strip().splitlines() or ["no answer"])[-1]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    return f"{len(skipped)} of {len(packages)} packages are not known there" if skipped else ""


def tell(packages: list[dict[str, Any]]) -> int:
    """Print each advisory."""
    found = [(each, advisory) for each in packages for advisory in each["vulns"]]
    for package, advisory in found:
        mended = ", ".join(advisory["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {advisory['id']}, mended in {mended}")
    print(f"{len(packages)} packages, {len(found)} known advisories.")
    return FOUND if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
