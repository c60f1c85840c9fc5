"""Makes static/ims/icons.svg, the sprite of all icons, from the outline drawings of @tabler/icons.

    npm pack @tabler/icons@3.51.0 && tar xzf tabler-icons-3.51.0.tgz
    python ims/web/make_icons.py package/icons/outline

To use one more icon, add its name (https://tabler.io/icons) below and run this again.
"""

import re
import sys
from pathlib import Path

SPRITE = Path(__file__).parent / "static" / "ims" / "icons.svg"
NAMES = """
    activity alert-triangle ambulance api arrow-right ban bell book building-warehouse calculator
    calendar-time certificate chart-line check chevron-down chevron-left circle-check clipboard-list clock
    copy currency-dollar database device-mobile dots download edit external-link eye file file-invoice
    file-spreadsheet filter gas-station help-circle history home hourglass id inbox info-circle key link list
    list-check lock login logout mail map menu-2 message moon package package-off paperclip password
    player-pause player-play player-stop plug-off plus receipt refresh repeat rotate route search search-off
    send server-off settings steering-wheel table trash truck truck-delivery upload user user-check users x
"""
DRAWING = re.compile(r"<svg.*?>(.*)</svg>", re.DOTALL)
FRAME = re.compile(r'<path stroke="none"[^>]*/>')  # an invisible square around each drawing


def main(folder: Path) -> None:
    symbols = "\n".join(symbol(name, (folder / f"{name}.svg").read_text()) for name in sorted(NAMES.split()))
    SPRITE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg">\n'
        f"<!-- From @tabler/icons, (c) 2020-2026 Paweł Kuna, MIT licence. Made by make_icons.py. -->\n"
        f"{symbols}\n</svg>\n"
    )
    sys.stdout.write(f"{SPRITE}: {len(NAMES.split())} icons, {SPRITE.stat().st_size:,} bytes\n")


def symbol(name: str, svg: str) -> str:
    drawing = DRAWING.search(svg)
    if drawing is None:
        raise SystemExit(f"{name}.svg holds no <svg> element: is the folder icons/outline of @tabler/icons?")
    paths = re.sub(r">\s+<", "><", FRAME.sub("", drawing[1])).strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24">{paths}</symbol>'


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
