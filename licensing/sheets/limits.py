"""What all sheets of licences share."""

from ims.lib.sheets import Limits

LIMITS = Limits(file_bytes=10_000_000, unpacked_bytes=200_000_000, rows=20_000, columns=100)
LOCK = 0x4C494D50  # one import at a time: it sees what the one before it has written
