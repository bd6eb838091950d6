"""Packs the binary of all functions into the packages that `CodeUri` in the template names.

    package.py BINARY

One package has the binary alone and is the code of every function but `web`, whose package has
the files of the web app beside the binary. SAM would zip a folder once for each function. It uses
a prebuilt package without changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import web
from settings import ROOT, StackError

PACKAGE = ROOT / "target/lambda/thali-functions/bootstrap.zip"
WEB_PACKAGE = PACKAGE.with_name("web.zip")


def pack(binary: Path, level: int, shrink: bool = False) -> bool:
    """Makes the packages with compression `level` (1 is fast, 9 is small).

    `shrink` compresses them again with advzip, which saves 3 % more. The same binary and files
    give the same packages. Returns False if the packages were up to date.
    """
    if not binary.exists():
        raise StackError(f"There is no {binary}, the binary of all functions. Build first.")
    files = web.files()
    if not files:
        raise StackError(f"There is no web app in {web.DIST}. Build first.")
    changed = _pack(PACKAGE, [(binary, "bootstrap")], level, shrink)
    beside = [(file, f"web/{file.relative_to(web.DIST)}") for file in files]
    return _pack(WEB_PACKAGE, [(binary, "bootstrap"), *beside], level, shrink) or changed


def _pack(package: Path, contents: list[tuple[Path, str]], level: int, shrink: bool) -> bool:
    """Makes one package, unless it has the time of the newest of its contents."""
    newest = max(path.stat().st_mtime_ns for path, _ in contents)
    if package.exists() and package.stat().st_mtime_ns == newest:
        return False
    package.parent.mkdir(parents=True, exist_ok=True)
    # Write to another file first, so an interrupted run leaves no incomplete package.
    beside = package.with_suffix(".new")
    with zipfile.ZipFile(beside, "w") as archive:
        for path, name in contents:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, level)
    if shrink:
        subprocess.run(["advzip", "--quiet", "--recompress", "--shrink-normal", beside], check=True)
    os.utime(beside, ns=(newest, newest))
    beside.replace(package)
    return True


def main() -> None:
    pack(Path(sys.argv[1]), level=9, shrink=True)
    for package in (PACKAGE, WEB_PACKAGE):
        megabytes = package.stat().st_size / 1e6
        print(f"{package.relative_to(ROOT)}: {megabytes:.2f} MB")


if __name__ == "__main__":
    main()
