#!/usr/bin/env python3
"""Compares binaries of the functions: the cost of a start, a first and a warm invocation.

    start.py NAME=BINARY [NAME=BINARY …] [--starts 15] [--warm 100]

Each binary runs as on Lambda: behind a runtime API of this program, on the stack of `make up`,
and with TLS in front of DynamoDB. The binaries take turns, so that other load on the machine
affects all of them. The figures are medians over the starts. CPU time is that of the process
alone, from the kernel's statistics of its threads. Compare the CPU time, because response times
include the local AWS. All binaries are compared with the first one. If each function has its own
binary, give a folder with the binaries, named like the functions.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
# Much longer than any invocation takes here.
WAIT_SECONDS_MAX = 30


def variables(file: Path) -> dict[str, str]:
    """The variables of a file with KEY=VALUE lines; values may be in single quotes."""
    pairs = (line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    return {name: value.strip("'") for name, value in pairs}


class Runtime:
    """Lambda's runtime API for one process."""

    def __init__(self) -> None:
        self.events: Queue[bytes | None] = Queue()
        self.polls: Queue[float] = Queue()
        self.answers: Queue[tuple[float, bytes]] = Queue()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                runtime.polls.put(time.monotonic())
                event = runtime.events.get()
                if event is None:
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "bench")
                deadline = int((time.time() + 10) * 1000)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:bench")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                runtime.answers.put((time.monotonic(), body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Ends the open poll and the server, after the process has ended."""
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


def tls_in_front_of(url: str, folder: Path) -> tuple[str, Path]:
    """Starts a TLS proxy to `url`; returns its address and the file of its root certificate."""
    (folder / "leaf.cnf").write_text(
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
    )
    for command in (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key "
        "-out ca.pem -subj /CN=bench -days 2",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout leaf.key "
        "-out leaf.csr -subj /CN=127.0.0.1",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 "
        "-extfile leaf.cnf",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    target = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def pipe(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def serve(plain: socket.socket) -> None:
        try:
            client = context.wrap_socket(plain, server_side=True)
        except OSError:
            return
        server = socket.create_connection((target.hostname, target.port))
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pipe, args=(server, client), daemon=True).start()
        pipe(client, server)

    def accept() -> None:
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=serve, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"https://127.0.0.1:{listener.getsockname()[1]}", folder / "ca.pem"


def cpu_ms(pid: int) -> float:
    """The CPU time that a process's threads have used, in milliseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def peak_mb(pid: int) -> float:
    """The peak resident memory of a process, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no VmHWM")


@dataclass
class Case:
    """A function, its event and the expected status of the response."""

    function: str
    event: Callable[[], dict[str, Any]]
    status: int


@dataclass
class Figures:
    """The values of each figure over all starts, by the figure's name."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])


def measure(
    binary: Path, case: Case, environment: dict[str, str], warm: int, into: Figures
) -> None:
    """Measures one start of a function, its first invocation and some warm invocations."""
    program = binary / case.function if binary.is_dir() else binary
    runtime = Runtime()
    environment = {
        **environment,
        "_HANDLER": case.function,
        "AWS_LAMBDA_RUNTIME_API": runtime.address,
    }
    began = time.monotonic()
    process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL)
    try:
        polled = runtime.polls.get(timeout=WAIT_SECONDS_MAX)
        time.sleep(0.03)  # until the process waits in the poll
        started_cpu = cpu_ms(process.pid)
        into.add("start", (polled - began) * 1000)
        into.add("start cpu", started_cpu)

        def invoke() -> float:
            sent = time.monotonic()
            runtime.events.put(json.dumps(case.event()).encode())
            answered, body = runtime.answers.get(timeout=WAIT_SECONDS_MAX)
            runtime.polls.get(timeout=WAIT_SECONDS_MAX)
            if (status := json.loads(body).get("statusCode")) != case.status:
                sys.exit(f"{case.function} returned {status}: {body[:300]!r}")
            return (answered - sent) * 1000

        into.add("first", invoke())
        time.sleep(0.03)
        first_cpu = cpu_ms(process.pid)
        into.add("first cpu", first_cpu - started_cpu)
        times = [invoke() for _ in range(warm)]
        time.sleep(0.03)
        into.add("warm", statistics.median(times))
        into.add("warm cpu", (cpu_ms(process.pid) - first_cpu) / warm)
        into.add("memory", peak_mb(process.pid))
    finally:
        process.kill()
        process.wait()
        runtime.stop()


def cases(stack: dict[str, str]) -> list[Case]:
    """The measured cases: a read from Redis, a scan, a submission and a login."""
    address = stack["API_URL"]

    def call(path: str, body: dict[str, Any] | None, token: str | None) -> dict[str, Any]:
        request = urllib.request.Request(f"{address}{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("content-type", "application/json")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as answer:
            return json.load(answer)

    login = {"email": stack["STUDENT_EMAIL"], "password": stack["STUDENT_PASSWORD"]}
    token = call("/login", login, None)["access_token"]
    code = call("/api/v1/students/me/qr", None, token)["qr_data"]

    def event(function: str, bearer: str | None, body: dict[str, Any] | None) -> dict[str, Any]:
        sample = json.loads((ROOT / "events" / f"{function}.json").read_text())
        if bearer:
            sample["headers"]["authorization"] = f"Bearer {bearer}"
        if body is not None:
            sample["body"] = json.dumps(body)
        return sample

    def scan() -> dict[str, Any]:
        # Use many plates, because a plate with a hundred scans is more expensive to write.
        day = datetime.now(timezone.utc) - timedelta(days=random.randrange(1, 6))
        meal = random.choice(["BREAKFAST", "LUNCH", "DINNER"])
        return {"qr_data": code, "meal": meal, "scanned_at": day.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def wrong() -> dict[str, Any]:
        # Another address each time, because five wrong passwords lock a login.
        email = f"nobody-{random.randrange(1 << 40)}@demo.thali.test"
        return {"email": email, "password": "not anybody's password"}

    submit = {"count": 50, "security_code": stack["STUDENT_PASSWORD"]}
    return [
        Case("tokens", lambda: event("tokens", token, None), 200),
        Case("scan", lambda: event("scan", stack["STAFF_TOKEN"], scan()), 200),
        # Refused after the password check, because the student has too few tokens.
        Case("submit-tokens", lambda: event("submit-tokens", token, submit), 409),
        Case("login", lambda: event("login", None, wrong()), 401),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", nargs="+", metavar="NAME=BINARY")
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--only", help="one function")
    options = parser.parse_args()
    binaries = {name: Path(path) for name, path in (each.split("=") for each in options.binaries)}
    local = (ROOT / os.environ.get("THALI_LOCAL", ".local")).resolve()
    stack, environment = variables(local / "stack.env"), variables(local / "functions.env")
    with tempfile.TemporaryDirectory() as folder:
        url, authority = tls_in_front_of(stack["AWS_ENDPOINT_URL"], Path(folder))
        environment |= {
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_ENDPOINT_URL": url,
            "SSL_CERT_FILE": str(authority),
            "RATE_LIMIT_FACTOR": "1000000",
        }
        for case in cases(stack):
            if options.only not in (None, case.function):
                continue
            warm = options.warm if case.function in ("tokens", "scan") else options.warm // 5
            figures = {name: Figures() for name in binaries}
            # The first turn only warms the machine's caches, so its figures are dropped.
            for turn in range(options.starts + 1):
                # The order turns too: each scan makes its plate's item a little larger.
                for name, binary in list(binaries.items())[:: 1 if turn % 2 else -1]:
                    into = figures[name] if turn else Figures()
                    measure(binary, case, environment, warm, into)
            show(case, figures)


def show(case: Case, figures: dict[str, Figures]) -> None:
    first = next(iter(figures.values()))
    print(f"\n{case.function}: times in ms, memory in MB; in brackets the ratio to the first")
    print(f"{'':14}" + "".join(f"{name:>18}" for name in first.values))
    for name, each in figures.items():
        cells = (
            f"{each.median(figure):.2f} ({each.median(figure) / first.median(figure):.2f})"
            for figure in first.values
        )
        print(f"{name:14}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
