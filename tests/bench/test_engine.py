"""The bench's own code runs, with tiny numbers; no test looks at the clock."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import chart, engine, report
from bench.one_round import Sizes

ROOT = Path(__file__).resolve().parents[2]
MEASURES = ("drain", "enqueue", "pick_up_p50", "idle_cpu_percent")
TINY = Sizes(jobs=20, enqueued=3, many=5, pick_ups=2, idle=0.2, rows=(900, 1000), waiting=5, log=None)


def found(drain: float) -> dict:
    return {"drain": drain, "enqueue": 100.0, "enqueue_many": 21_000.0, "pick_up_p50": 5.0}


@pytest.mark.slow
def test_a_round_of_this_project_gives_every_measure(tmp_path):
    address = f"sqlite:///{tmp_path / 'bench.sqlite3'}"
    ended = subprocess.run(
        [sys.executable, "-m", "bench.one_round", "bench.contenders.ims", address, json.dumps(asdict(TINY))],
        cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, check=True, timeout=120,
    )  # fmt: skip
    measured = json.loads(ended.stdout.splitlines()[-1])
    assert all(measured[name] >= 0 for name in (*MEASURES, "claim_ms_900", "urgent_ms"))


def test_every_contender_has_its_module():
    modules = {path.stem for path in (ROOT / "bench" / "contenders").glob("*.py")}
    assert {entry.module for entry in engine.ENTRIES} <= modules


def test_a_ratio_is_taken_within_each_round():
    rounds = {"ours": [found(500), found(100)], "theirs": [found(100), found(50)]}
    assert report.ratios(rounds, "drain", "ours", "theirs") == [5.0, 2.0]


def test_a_missed_goal_is_said_to_be_missed():
    rounds = {report.OURS: [found(499)], report.REFERENCE: [found(100)]}
    verdicts = {goal: met for goal, _, met in report.goals(rounds)}
    assert verdicts[f"{report.OURS}: drain ÷ {report.REFERENCE} ≥ 5"] is False
    assert verdicts[f"{report.OURS}: enqueue many ≥ 20,000/s"] is True


def test_a_missing_peer_is_named():
    about = report.About(rounds=1, quick=True, versions={})
    page = report.text({report.OURS: [found(1)]}, {"Huey": "not installed"}, about)
    assert "Not compared: Huey (not installed)." in page


def test_the_picture_is_svg_with_the_fastest_first():
    picture = chart.svg({"Celery & Redis": [found(100)], report.OURS: [found(500), found(300)]})
    texts = [each.text for each in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:] == [report.OURS, "400", "Celery & Redis", "100"]
