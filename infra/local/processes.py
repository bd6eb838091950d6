"""Background processes: started once, found again, and stopped only if this stack started them.

The record of a process has its start time and the machine's boot id. A process id alone is not
enough: after a reboot, or on a busy machine, the same id may belong to another process, which
`make down` must not stop.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from settings import HOST, StackError, private_directory

# How long a running service may be too busy to respond before it is restarted.
BUSY_SECONDS_MAX = 10


@dataclass(frozen=True)
class Service:
    """A program to run in the background."""

    name: str
    command: list[str]
    ports: dict[str, int]
    """The ports it listens on, by the environment variable that changes each port."""
    environment: dict[str, str]
    """Its whole environment. Nothing is inherited from the caller."""
    depends_on: list[Path] = field(default_factory=list)
    """Files whose change makes a running process outdated."""
    stop_seconds: int = 10
    """How long the process may take to end after SIGTERM, before it is killed."""

    def fingerprint(self) -> str:
        """A hash of everything that affects how the program runs."""
        parts = [json.dumps([self.command, self.ports, sorted(self.environment.items())])]
        for path in [Path(self.command[0]), *self.depends_on]:
            status = path.stat()
            parts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Processes:
    """The processes of one stack, each with a record under its `pids` directory."""

    def __init__(self, local: Path) -> None:
        self._local = local
        self._pids = local / "pids"
        self._logs = local / "logs"

    def ensure(self, service: Service, ready: Callable[[], bool], seconds: int = 30) -> str:
        """Starts the service, unless it already runs unchanged, and waits until it is ready.

        Returns what was done: `running`, `started` or `restarted`.
        """
        record = self._running(service.name)
        if (
            record is not None
            and record["fingerprint"] == service.fingerprint()
            and self._recovers(service.name, ready)
        ):
            return "running"
        # If the service does not run, this stops the child processes that it left behind.
        self.stop(service.name)
        done = "started" if record is None else "restarted"
        self.require_free(service.name, service.ports)
        private_directory(self._pids)
        private_directory(self._logs)
        log = self._logs / f"{service.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as output:
            # The process gets its own session. So Ctrl-C in the terminal of `make up` does not
            # stop it, and its children can be stopped with it.
            process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=service.environment,
                start_new_session=True,
            )
        identity = _identity(process.pid)
        if identity is not None:
            self._write(service, process.pid, identity)

        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None:
                self._path(service.name).unlink(missing_ok=True)
                raise StackError(
                    f"{service.name} exited during its start (exit code {process.returncode}). "
                    f"The end of {log}:\n{_tail(log)}"
                )
            if time.monotonic() > deadline:
                self.stop(service.name)
                raise StackError(
                    f"{service.name} was not ready after {seconds} s. "
                    f"The end of {log}:\n{_tail(log)}"
                )
            time.sleep(0.1)
        return done

    def runs(self, name: str) -> bool:
        """Whether the process of this name still runs."""
        return self._running(name) is not None

    def require_free(self, name: str, ports: dict[str, int]) -> None:
        """Fails with a helpful message if another program uses one of a service's ports."""
        if not self.runs(name):
            for variable, port in ports.items():
                _require_free(name, variable, port)

    def names(self) -> list[str]:
        """The names of all recorded processes, the last started first."""
        records = sorted(self._pids.glob("*.json"), key=lambda path: path.stat().st_mtime)
        return [path.stem for path in reversed(records)]

    def stop(self, name: str) -> bool:
        """Stops a process and its children. Returns False if none of them was running."""
        record = self._record(name)
        if record is None:
            ended = False
        elif _identity(record["pid"]) != record["identity"]:
            ended = self._stop_orphans(record)
        else:
            ended = True
            pid = record["pid"]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + record["stop_seconds"]
            while _identity(pid) == record["identity"] and time.monotonic() < deadline:
                time.sleep(0.05)
            # Stop the rest of its process group. The kernel cannot reuse the group's id while a
            # member lives, and without members there is nothing to stop.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._path(name).unlink(missing_ok=True)
        return ended

    def _recovers(self, name: str, ready: Callable[[], bool]) -> bool:
        """Whether a running service responds, now or when it is less busy."""
        deadline = time.monotonic() + BUSY_SECONDS_MAX
        while not ready():
            if time.monotonic() > deadline or not self.runs(name):
                return False
            time.sleep(0.5)
        return True

    def _stop_orphans(self, record: dict) -> bool:
        """Stops the children of a process that died by itself. Returns False if there are none."""
        ended = False
        deadline = time.monotonic() + 5
        while orphans := self._orphans(record):
            ended = True
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return ended

    def _orphans(self, record: dict) -> list[int]:
        """The processes of a dead leader's session that belong to the state directory.

        The session id alone is not enough: when our last process has ended, the id may be
        reused by an unrelated session.
        """
        if not record["identity"].startswith(f"{_boot()} "):
            return []
        session = record["pid"]
        return [
            pid
            for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*"))
            if _session(pid) == (session, session) and _is_below(pid, self._local)
        ]

    def _path(self, name: str) -> Path:
        return self._pids / f"{name}.json"

    def _record(self, name: str) -> dict | None:
        """The record of a process, or None if the file is missing or is not a record."""
        try:
            record = json.loads(self._path(name).read_text())
        except (OSError, ValueError):
            return None
        fields = {"pid": int, "identity": str, "fingerprint": str, "stop_seconds": int}
        if not isinstance(record, dict):
            return None
        whole = all(type(record.get(key)) is kind for key, kind in fields.items())
        # A signal to 0, 1 or a negative number would reach other processes.
        return record if whole and record["pid"] > 1 and record["identity"] else None

    def _running(self, name: str) -> dict | None:
        """The record, if the recorded process still runs."""
        record = self._record(name)
        if record is None or _identity(record["pid"]) != record["identity"]:
            return None
        return record

    def _write(self, service: Service, pid: int, identity: str) -> None:
        path = self._path(service.name)
        beside = path.with_suffix(".new")
        beside.write_text(
            json.dumps(
                {
                    "pid": pid,
                    "identity": identity,
                    "fingerprint": service.fingerprint(),
                    "stop_seconds": service.stop_seconds,
                }
            )
        )
        beside.replace(path)


def _identity(pid: int) -> str | None:
    """Identifies this process among all processes that ever have the same id."""
    fields = _stat(pid)
    return f"{_boot()} {fields[19]}" if fields else None


def _session(pid: int) -> tuple[int, int] | None:
    """The group id and the session id of a process."""
    fields = _stat(pid)
    return (int(fields[2]), int(fields[3])) if fields else None


def _stat(pid: int) -> list[str] | None:
    """The fields after the name in the kernel's line about a live process. The state is the
    first field, group and session are the third and fourth, the start time is the twentieth."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name is in parentheses and may contain any character.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _is_below(pid: int, directory: Path) -> bool:
    """Whether a process runs a program of this directory or works in it.

    The kernel appends ` (deleted)` to a deleted path; the beginning of the path stays.
    """
    for link in ("exe", "cwd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/{link}").startswith(f"{directory}/"):
                return True
    return False


def _require_free(name: str, variable: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"{name} needs port {port} on {HOST}, but another program uses it "
                f"({error.strerror}). Stop that program, or choose another port: "
                f"{variable}={port + 1} make up"
            ) from error


def _tail(path: Path, lines: int = 15) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""
