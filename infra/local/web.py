"""Builds the web app into functions/web/dist, if its sources have changed.

    web.py

`install.sh` installs what the build needs.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from settings import ROOT, StackError, tool

SOURCE = ROOT / "functions/web"
DIST = SOURCE / "dist"

# The types of the API are generated from its description.
CONTRACT = ROOT / "tests/snapshots/openapi.snap"

_NOT_SOURCES = {"node_modules", "dist", "generated"}


def build() -> bool:
    """Returns False if the build was up to date."""
    marker = DIST / ".built"
    wanted = _fingerprint()
    if marker.exists() and marker.read_text() == wanted:
        return False
    if not (SOURCE / "node_modules/.bin/vite").exists():
        raise StackError("The web app's packages are not installed. `make init` installs them.")
    shutil.rmtree(DIST, ignore_errors=True)
    built = subprocess.run(
        [tool("npm"), "run", "--silent", "build"],
        cwd=SOURCE, capture_output=True, text=True,
    )  # fmt: skip
    if built.returncode != 0:
        raise StackError(f"The web app cannot be built:\n{built.stdout}{built.stderr}")
    print(built.stdout.splitlines()[-1])
    marker.write_text(wanted)
    return True


def files() -> list[Path]:
    """What is packed: the built files, without the build's notes about them."""
    found = (path for path in DIST.rglob("*") if path.is_file())
    return sorted(path for path in found if not _hidden(path))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(DIST).parts)


def _fingerprint() -> str:
    digest = hashlib.sha256(CONTRACT.read_bytes())
    for path in sorted(SOURCE.rglob("*")):
        parts = path.relative_to(SOURCE).parts
        if path.is_file() and _NOT_SOURCES.isdisjoint(parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        build()
    except StackError as error:
        sys.exit(str(error))
