"""One file that holds a backup: a tar of the database's dump, the uploads, and a manifest of their checksums.

The manifest is the last member, so that everything is written and read in one pass. A file is complete or not
there: it is written under another name and renamed. Only its owner may read it.
"""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from ims.backups.errors import BackupFailed

FORMAT = 1
DUMP, MEDIA, MANIFEST = "database", "media", "manifest.json"
ENDING = ".tar.gz"
UNFINISHED = ".unfinished"


@dataclass
class Manifest:
    """What is in a backup: the rows of each table, and each member's SHA-256."""

    vendor: str  # sqlite or postgresql
    made_at: str
    rows: dict[str, int]
    checksums: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


def write(path: Path, manifest: Manifest, dump: Path, media: Path) -> Manifest:
    """Write a whole backup; `path` exists only when it is complete."""
    with _appearing(path) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
        manifest.checksums[DUMP] = _add(tar, DUMP, dump)
        for upload in sorted(each for each in media.rglob("*") if each.is_file()):
            name = f"{MEDIA}/{upload.relative_to(media).as_posix()}"
            try:
                manifest.checksums[name] = _add(tar, name, upload)
            except FileNotFoundError:
                continue  # removed since the folder was listed
        content = json.dumps(asdict(manifest), indent=1).encode()
        header = tarfile.TarInfo(MANIFEST)
        header.size = len(content)
        tar.addfile(header, BytesIO(content))
    return manifest


def verify(path: Path) -> Manifest:
    """Read all of a backup and compare it with its manifest. Raises BackupFailed."""
    return _read(path, None)


def extract(path: Path, folder: Path) -> Manifest:
    """Unpack into an empty folder, verified. Raises BackupFailed."""
    return _read(path, folder)


def _read(path: Path, folder: Path | None) -> Manifest:
    found: dict[str, str] = {}
    manifest = None
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is None or manifest:
                    raise BackupFailed(f"{path}: {member.name} does not belong into a backup.")
                if member.name == MANIFEST:
                    manifest = _manifest(path, json.load(content))
                else:
                    found[member.name] = _copy(content, folder, member.name)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise BackupFailed(f"{path} cannot be read: {error}. Take another backup.") from error
    if manifest is None:
        raise BackupFailed(f"{path} ends before its manifest: it is cut off. Take another backup.")
    if wrong := sorted(
        name for name in found | manifest.checksums if found.get(name) != manifest.checksums.get(name)
    ):
        raise BackupFailed(f"{path} is damaged at {', '.join(wrong[:5])}. Take another backup.")
    return manifest


def _manifest(path: Path, facts: dict[str, Any]) -> Manifest:
    if facts.get("format") != FORMAT:
        raise BackupFailed(f"{path} has the format {facts.get('format')}; this release reads {FORMAT}.")
    return Manifest(**facts)


def _copy(content: IO[bytes], folder: Path | None, name: str) -> str:
    """The checksum of a member, which is kept where there is a folder."""
    reader = _Hashing(content)
    with _target(folder, name).open("wb") as file:
        shutil.copyfileobj(reader, file)
    return reader.hexdigest()


def _target(folder: Path | None, name: str) -> Path:
    if folder is None:
        return Path(os.devnull)
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise BackupFailed(f"{name} would lie outside of the folder: this backup was not made by IMS.")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    with path.open("rb") as file:
        header = tar.gettarinfo(arcname=name, fileobj=file)
        reader = _Hashing(file)
        tar.addfile(header, reader)
    return reader.hexdigest()


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._hash.update(block)
        return block

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name once it is complete and on the disk."""
    unfinished = path.with_name(path.name + UNFINISHED)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
