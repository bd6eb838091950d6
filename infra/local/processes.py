"""Background processes: started once, found again, and stopped only if they are ours.

A process is written down with its start time and the machine's boot id. A number alone
proves nothing: after a reboot, or on a busy machine, the same number may be a stranger,
and `make down` must not end a stranger.
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

from settings import HOST, StackError


@dataclass(frozen=True)
class Service:
    """A program to run in the background."""

    name: str
    command: list[str]
    ports: dict[str, int]
    """The ports it listens on, by the variable that moves each."""
    environment: dict[str, str]
    """Its whole environment: nothing of the caller's is inherited."""
    depends_on: list[Path] = field(default_factory=list)
    """Files whose change means that a running one is out of date."""
    stop_seconds: int = 10
    """How long it may take to end after SIGTERM, before it is killed."""

    def fingerprint(self) -> str:
        """Changes when the program would run differently from a running one."""
        parts = [json.dumps([self.command, self.ports, sorted(self.environment.items())])]
        for path in [Path(self.command[0]), *self.depends_on]:
            status = path.stat()
            parts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Processes:
    """The processes of one stack, each with a record under its `pids` directory."""

    def __init__(self, local: Path) -> None:
        self._pids = local / "pids"
        self._logs = local / "logs"

    def ensure(self, service: Service, ready: Callable[[], bool], seconds: int = 30) -> str:
        """Runs the service, unless the same one runs already, and waits until it is ready.

        Says what was done: `running`, `started` or `restarted`.
        """
        record = self._read(service.name)
        done = "started"
        if record is not None:
            if record["fingerprint"] == service.fingerprint() and ready():
                return "running"
            self.stop(service.name)
            done = "restarted"
        self.require_free(service.name, service.ports)
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{service.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as output:
            # A session of its own: Ctrl-C in the terminal that ran `make up` is not for it,
            # and what it starts can be ended with it.
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
                    f"{service.name} ended at once (exit code {process.returncode}). "
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
        """Whether the process that was started under this name still runs."""
        return self._read(name) is not None

    def require_free(self, name: str, ports: dict[str, int]) -> None:
        """Fails with a useful message if something else has one of a service's ports."""
        if not self.runs(name):
            for variable, port in ports.items():
                _require_free(name, variable, port)

    def names(self) -> list[str]:
        """What has a record, the last started first."""
        records = sorted(self._pids.glob("*.json"), key=lambda path: path.stat().st_mtime)
        return [path.stem for path in reversed(records)]

    def stop(self, name: str) -> bool:
        """Ends a process and whatever it started. False if it no longer ran."""
        record = self._read(name)
        if record is not None:
            pid = record["pid"]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + record["stop_seconds"]
            while _identity(pid) == record["identity"] and time.monotonic() < deadline:
                time.sleep(0.05)
            # The rest of its session. The group's number cannot have been given away
            # while a member lives, and without members there is nothing to end.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._path(name).unlink(missing_ok=True)
        return record is not None

    def _path(self, name: str) -> Path:
        return self._pids / f"{name}.json"

    def _read(self, name: str) -> dict | None:
        """The record, if its process still runs and is the one that was written down."""
        try:
            record = json.loads(self._path(name).read_text())
        except (OSError, ValueError):
            return None
        return record if _identity(record["pid"]) == record["identity"] else None

    def _write(self, service: Service, pid: int, identity: str) -> None:
        self._path(service.name).write_text(
            json.dumps(
                {
                    "pid": pid,
                    "identity": identity,
                    "fingerprint": service.fingerprint(),
                    "stop_seconds": service.stop_seconds,
                }
            )
        )


def _identity(pid: int) -> str | None:
    """What tells this process from every other that had or will have its number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The command's name is in parentheses and may hold anything; what follows is fixed:
    # the state is the first field after it and the start time the twentieth.
    fields = stat.rpartition(")")[2].split()
    if fields[0] == "Z":
        return None
    return f"{boot} {fields[19]}"


def _require_free(name: str, variable: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"Port {port} on {HOST}, which {name} needs, is taken by another program "
                f"({error.strerror}). Stop that program, or choose another port: "
                f"{variable}={port + 1} make up"
            ) from error


def _tail(path: Path, lines: int = 15) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""
