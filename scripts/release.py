"""Mark a release: writes deploy/last-release.json and raises RELEASE in the settings.

The file names the migrations that the release has. Later ones must be safe while clusters and web processes
of this release still run (tests/deploy/test_upgrade.py).
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = ROOT / "deploy" / "last-release.json"
SETTINGS = ROOT / "ims" / "settings.py"


def main() -> int:
    text = SETTINGS.read_text()
    release = int(re.search(r"^RELEASE = (\d+)$", text, re.MULTILINE)[1])
    MARK.write_text(json.dumps({"release": release, "migrations": migrations()}, indent=1) + "\n")
    SETTINGS.write_text(re.sub(r"^RELEASE = \d+$", f"RELEASE = {release + 1}", text, flags=re.MULTILINE))
    print(f"Release {release} is marked, and the code is release {release + 1} from now on.")
    print("Tag the last commit, then commit both files.")
    return 0


def migrations() -> list[str]:
    """All of our own: app/name."""
    found = (path.relative_to(ROOT) for path in ROOT.glob("*/migrations/0*.py"))
    nested = (path.relative_to(ROOT) for path in ROOT.glob("ims/*/migrations/0*.py"))
    return sorted(f"{'/'.join(path.parts[:-2])}/{path.stem}" for path in (*found, *nested))


if __name__ == "__main__":
    sys.exit(main())
