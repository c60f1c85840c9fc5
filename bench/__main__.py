"""python -m bench [--quick] [--systems]: the engine beside its peers, then each system.

All goes to bench/RESULTS.md. The systems' benches are programs of their own (python -m bench.tracking
--help); here they run in turn.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "RESULTS.md"
HEAD = "\n## The systems\n"
SYSTEMS = {  # module: its arguments, and those of --quick
    "tracking": ("", "--orders 500 --peer-orders 3"),
    "dispatch": ("--postgres", "--postgres --requests 20000 --expired 200"),
    "trips": ("--postgres", "--postgres --watchers 20 --seconds 5 --points 20000"),
    "crossdock": ("", "--rows 5000 --offers 50000 --peer-rows 200 --growth 1000,2000"),
    "console": ("", "--finished 20000 --waiting 2000 --requests 5"),
    "scale": ("", "--clusters 1 2 --jobs 600"),
    "licensing": ("--postgres", "--postgres --licences 2000 --rows 20000"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: to see that all works")
    parser.add_argument("--rounds", type=int, default=3, help="of the engine and its peers")
    parser.add_argument("--systems", action="store_true", help="only they: what is told of the engine stays")
    options = parser.parse_args()
    failed = [] if options.systems else measure_engine(options)
    parts = [HEAD]
    failed += [name for name, arguments in SYSTEMS.items() if not run(name, arguments[options.quick], parts)]
    engine = RESULTS.read_text().partition(HEAD)[0] if RESULTS.exists() else ""
    RESULTS.write_text(engine + "".join(parts))
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def measure_engine(options: argparse.Namespace) -> list[str]:
    """Writes the page's first part, and a picture; returns what failed."""
    size = ["--quick"] if options.quick else ["--rounds", str(options.rounds)]
    ended = subprocess.run([sys.executable, "-m", "bench.engine", *size], cwd=ROOT, check=False)
    return ["engine"] if ended.returncode else []


def run(name: str, arguments: str, parts: list[str]) -> bool:
    """Run one, and keep what it printed; whether it worked."""
    command = f"python -m bench.{name} {arguments}".rstrip()
    print(command, flush=True)
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *arguments.split()],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    print(ended.stdout, flush=True)
    took = f"{time.monotonic() - began:.0f} s" + ("" if ended.returncode == 0 else ", **failed**")
    parts.append(f"\n### `{command}` ({took})\n\n```\n{ended.stdout.strip()}\n```\n")
    return ended.returncode == 0


if __name__ == "__main__":
    main()
