"""Runs one function by hand on this machine, with its sample event, against a running stack.

`cargo lambda watch` replaces Lambda. `_HANDLER` names the function, as on AWS.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from settings import HOST, ROOT, Settings, StackError, tool

# The runtime listens soon; only the invocation waits until the function is compiled.
START_SECONDS_MAX = 30


def invoke(settings: Settings, function: str) -> int:
    """Invokes a function with `events/<function>.json`; returns the exit status.

    The function's response goes to standard output, its log lines to standard error.
    """
    event = ROOT / "events" / f"{function}.json"
    if not event.exists():
        known = ", ".join(sorted(each.stem for each in event.parent.glob("*.json")))
        raise StackError(f"There is no function {function!r}. The functions are {known}.")
    environment = settings.local / "functions.env"
    if not settings.stack_env.exists():  # `down` removes it
        raise StackError("The function needs a running stack. Start one with `make up`.")
    lambda_command = [tool("cargo"), "lambda"]
    port = str(_free_port())
    watch = subprocess.Popen(
        [*lambda_command, "watch", "--ignore-changes", "--invoke-address", HOST, "--invoke-port", port,
         "--env-file", str(environment)],
        cwd=ROOT, env={**os.environ, "_HANDLER": function}, stdout=sys.stderr,
    )  # fmt: skip
    try:
        _wait_for(watch, int(port))
        return subprocess.run(
            [*lambda_command, "invoke", "--invoke-address", HOST, "--invoke-port", port,
             "--data-file", str(event)],
            cwd=ROOT,
        ).returncode  # fmt: skip
    finally:
        watch.terminate()
        watch.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for(watch: subprocess.Popen[bytes], port: int) -> None:
    """Waits until the runtime accepts invocations. It holds them until the function runs."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and watch.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise StackError("`cargo lambda watch` did not start, see above.")
