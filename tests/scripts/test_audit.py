"""`make audit` never takes silence for safety."""

import json

from scripts import audit

WELL = {"name": "django", "version": "5.2.19", "vulns": []}
SKIPPED = {"name": "django", "skip_reason": "Dependency not found on PyPI"}
HURT = {"name": "django", "version": "5.2", "vulns": [{"id": "CVE-1", "fix_versions": ["5.2.1"]}]}


def answer(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages})


def test_a_package_that_a_source_does_not_know_makes_its_answer_none() -> None:
    assert audit.why_not(answer(WELL, SKIPPED), "") == "1 of 2 packages are not known there"


def test_a_source_that_is_out_of_reach_says_why() -> None:
    assert audit.why_not("", "Traceback\nConnectionError: no such host") == "ConnectionError: no such host"


def test_a_whole_answer_counts() -> None:
    assert audit.why_not(answer(WELL, HURT), "") == ""


def test_an_advisory_is_named_with_its_cure_and_fails(capsys) -> None:
    assert audit.tell([WELL, HURT]) == audit.FOUND
    assert capsys.readouterr().out.splitlines() == [
        "django 5.2: CVE-1, mended in 5.2.1",
        "2 packages, 1 known advisories.",
    ]
    assert audit.tell([WELL]) == 0
