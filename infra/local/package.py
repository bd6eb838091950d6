"""Packs the binary of all functions into the package that `CodeUri` in the template names.

    package.py BINARY

SAM would zip a folder once for each function. It uses a prebuilt package without changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from settings import ROOT, StackError

PACKAGE = ROOT / "target/lambda/thali-functions/bootstrap.zip"


def pack(binary: Path, level: int, shrink: bool = False) -> bool:
    """Makes the package with compression `level` (1 is fast, 9 is small).

    `shrink` compresses it again with advzip, which saves 3 % more. The same binary gives the same
    package. Returns False if the package was up to date.
    """
    if not binary.exists():
        raise StackError(f"There is no {binary}, the binary of all functions. Build first.")
    status = binary.stat()
    if PACKAGE.exists() and PACKAGE.stat().st_mtime_ns == status.st_mtime_ns:
        return False
    PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    # Write to another file first, so an interrupted run leaves no incomplete package.
    beside = PACKAGE.with_suffix(".new")
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(beside, "w") as archive:
        archive.writestr(entry, binary.read_bytes(), zipfile.ZIP_DEFLATED, level)
    if shrink:
        subprocess.run(["advzip", "--quiet", "--recompress", "--shrink-normal", beside], check=True)
    os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns))
    beside.replace(PACKAGE)
    return True


def main() -> None:
    pack(Path(sys.argv[1]), level=9, shrink=True)
    megabytes = PACKAGE.stat().st_size / 1e6
    print(f"{PACKAGE.relative_to(ROOT)}: {megabytes:.2f} MB")


if __name__ == "__main__":
    main()
