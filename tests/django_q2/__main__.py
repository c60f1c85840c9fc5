"""Run Django Q2's shipped tests as they stand in its package; arguments go to pytest."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = Path(find_spec("django_q").origin).parent / "tests"
IN_NO_CACHE = ("-p", "no:cacheprovider")  # the package's folder is not ours to write to


def main(*arguments):
    ours = ("-p", "tests.django_q2.adapter", "--ds", "tests.django_q2.settings")
    place = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(SHIPPED))
    return pytest.main([*ours, *place, *IN_NO_CACHE, *arguments, str(SHIPPED)])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
