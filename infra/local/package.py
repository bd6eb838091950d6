"""Packs the binary of all functions, as `CodeUri` in the template names the package.

    package.py BINARY

SAM would zip a folder once for each function; a package that is made beforehand it takes as
it is.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

from settings import ROOT, StackError

PACKAGE = ROOT / "target/lambda/thali-functions/bootstrap.zip"


def pack(binary: Path, level: int) -> bool:
    """Makes the package, compressed by `level` (1 is quick, 9 is small).

    The same binary makes the same package. Returns whether it is new.
    """
    if not binary.exists():
        raise StackError(f"There is no {binary}, the binary of all functions. Build first.")
    status = binary.stat()
    if PACKAGE.exists() and PACKAGE.stat().st_mtime_ns == status.st_mtime_ns:
        return False
    PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    # Beside it first: an interrupted run leaves no package that looks whole.
    beside = PACKAGE.with_suffix(".new")
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(beside, "w") as archive:
        archive.writestr(entry, binary.read_bytes(), zipfile.ZIP_DEFLATED, level)
    os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns))
    beside.replace(PACKAGE)
    return True


def main() -> None:
    pack(Path(sys.argv[1]), level=9)
    megabytes = PACKAGE.stat().st_size / 1e6
    print(f"{PACKAGE.relative_to(ROOT)}: {megabytes:.2f} MB")


if __name__ == "__main__":
    main()
