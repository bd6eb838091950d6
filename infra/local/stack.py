"""Runs Thali on this machine: `stack.py up | down | logs | invoke | thali`.

`up` builds, starts a local AWS, Redis and the partner sandbox, deploys the real template, and
creates a demo mess. A second `up` updates what changed. With `--test`, the command uses the
tests' stack: new at each start, on free ports, with data only in memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

import deploy
import invoke
import package
import routes
import seed
import web
from aws import client
from processes import Processes, Service
from settings import (
    ACCESS_KEY,
    API_DOMAIN,
    HOST,
    MESS_ID,
    REGION,
    ROOT,
    SECRET_KEY,
    Ports,
    Settings,
    StackError,
    private_directory,
    tool,
)

_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_started = time.monotonic()

# Time (milliseconds), function, message.
LogLine = tuple[int, str, str]

# The ports of each service, and the environment variables that change them.
PORTS = {
    "redis": {"redis": "THALI_REDIS_PORT"},
    "sandbox": {"sandbox": "THALI_SANDBOX_PORT"},
    "aws": {"aws": "THALI_AWS_PORT", "api": "THALI_PORT"},
}


def up(settings: Settings, build: bool) -> None:
    """Starts the stack or updates it, so that it runs the working copy."""
    if settings.disposable:
        down(settings)
        if settings.local.exists() and not (settings.local / "ports.json").exists():
            raise StackError(f"{settings.local} has no test stack. Set THALI_LOCAL elsewhere.")
        shutil.rmtree(settings.local, ignore_errors=True)
    # The directory holds keys, passwords and sent mail, so only its owner may read it.
    private_directory(settings.logs)
    # Saved before anything starts, so that `down` can stop what an interrupted `up` left.
    (settings.local / "ports.json").write_text(json.dumps(settings.ports.__dict__))

    processes = Processes(settings.local)
    # Checked before the build, so that a port conflict is reported at once.
    for name in PORTS:
        processes.require_free(name, _ports(settings, name))
    target = _target_directory()
    if build:
        say("building the functions (the first time takes minutes)")
        _cargo_build()
    say("the web app is built" if web.build() else "the web app is up to date")
    changed = package.pack(target / "debug" / "thali-functions", level=1)
    say("the functions are packed" if changed else "the package of the functions is up to date")

    if not processes.runs("aws"):
        # Remove the unpacked code of all functions, which grows with every deployed version.
        shutil.rmtree(settings.local / "aws" / "tmp", ignore_errors=True)
    credentials = seed.Credentials.load(settings)
    thali = target / "debug" / "thali"
    for service, ready in (
        (redis_service(settings), lambda: _redis_answers(settings)),
        (sandbox_service(settings, credentials, target), lambda: _accepts(settings.ports.sandbox)),
        (aws_service(settings), lambda: _answers(f"{settings.aws_url}/_ministack/health")),
    ):
        say(f"{service.name} {processes.ensure(service, ready)} on {_addresses(service)}")

    say("creating keys, Razorpay's secret and the sender address")
    versions = seed.secrets_prepare(settings, credentials, thali)
    parameters = deploy.parameters(settings, versions)
    wanted = deploy.fingerprint(parameters)
    if deploy.is_deployed(settings, wanted):
        say(f"stack {settings.stack_name} is up to date")
    else:
        say(f"deploying template.yaml and its alarms with sam as stack {settings.stack_name}")
        deploy.deploy(settings, parameters, wanted)
    say(f"{routes.bridge(settings)} routes")
    _wait(settings)
    new = seed.mess_prepare(settings, credentials, thali)
    say(f"demo mess {MESS_ID}: " + (f"new accounts {', '.join(new)}" if new else "unchanged"))
    credentials = seed.staff_token_prepare(settings, credentials)
    say(f"menu of {MESS_ID}: {seed.menu_prepare(settings, thali)}")
    say(f"metadata of pictures: {seed.pictures_clean(settings, thali)}")
    write_stack_env(settings, credentials)
    write_functions_env(settings)
    _summary(settings, credentials)


def down(settings: Settings) -> None:
    """Stops only what `up` started."""
    processes = Processes(settings.local)
    if settings.disposable and processes.runs("aws"):
        # The functions' logs vanish with the local AWS. Save them, because they often explain a
        # failed test.
        with contextlib.suppress(BotoCoreError, ClientError):
            (settings.logs / "functions.log").write_text(
                "".join(
                    f"{name:<17} {text}\n"
                    for _, name, text in sorted(_log_lines(settings, None, 0))
                )
            )
    for name in processes.names():
        if processes.stop(name):
            say(f"{name} stopped")
    if settings.disposable:
        # Remove the functions' unpacked code. The logs stay until the next start.
        shutil.rmtree(settings.local / "aws", ignore_errors=True)
    settings.stack_env.unlink(missing_ok=True)


def logs(settings: Settings, only: str | None, since_minutes: int) -> NoReturn:
    """Prints new log lines of the functions until Ctrl-C."""
    since = int((time.time() - since_minutes * 60) * 1000)
    printed: set[LogLine] = set()
    while True:
        lines = _log_lines(settings, only, since)
        for _, name, message in sorted(lines - printed):
            print(f"{name:<17} {message}", flush=True)
        printed = lines
        # A line may arrive up to ten seconds after its timestamp, so read these seconds again.
        since = max([since, *(timestamp - 10_000 for timestamp, _, _ in lines)])
        time.sleep(1)


def _log_lines(settings: Settings, only: str | None, since: int) -> set[LogLine]:
    """The functions' log lines since a time (milliseconds), without Lambda's own lines."""
    cloudwatch = client(settings, "logs")
    prefix = f"/aws/lambda/{settings.stack_name}-"
    lines: set[LogLine] = set()
    groups = cloudwatch.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    for group in (each["logGroupName"] for page in groups for each in page["logGroups"]):
        for page in cloudwatch.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since
        ):
            for each in page["events"]:
                # 2026/01/31/STACK-FUNCTION[$LATEST]…
                stream = each["logStreamName"].rpartition("/")[2].partition("[")[0]
                name = stream.removeprefix(f"{settings.stack_name}-")
                message = each["message"].rstrip()
                if only not in (None, name) or message.startswith(("START ", "END ", "REPORT ")):
                    continue
                lines.add((each["timestamp"], name, message))
    return lines


def thali(settings: Settings, arguments: list[str]) -> NoReturn:
    """Replaces this process with the operator's command, configured for the stack."""
    binary = _target_directory() / "debug" / "thali"
    if not binary.exists():
        raise StackError("The stack is not built yet: `make up`.")
    sys.stdout.flush()
    os.execve(binary, ["thali", *arguments], settings.aws_environment())


def redis_service(settings: Settings) -> Service:
    """Redis on loopback. Its data may be lost, because sessions are in DynamoDB, too."""
    data = settings.local / "redis"
    private_directory(data)
    return Service(
        name="redis",
        command=[
            tool("redis-server"),
            "--bind", HOST,
            "--port", str(settings.ports.redis),
            "--dir", str(data),
            "--save", *(("",) if settings.disposable else ("60", "1")),
            "--appendonly", "no",
            "--maxmemory", "64mb",
            "--maxmemory-policy", "volatile-ttl",
        ],
        ports=_ports(settings, "redis"),
        environment=_plain_environment(),
    )  # fmt: skip


def sandbox_service(settings: Settings, credentials: seed.Credentials, target: Path) -> Service:
    """The partner sandbox, which replaces Razorpay."""
    binary = target / "debug" / "thali-sandbox"
    return Service(
        name="sandbox",
        command=[
            str(binary),
            "--port", str(settings.ports.sandbox),
            "--state", str(settings.local / "sandbox.json"),
        ],
        ports=_ports(settings, "sandbox"),
        environment={
            **_plain_environment(),
            "RAZORPAY_KEY_ID": credentials.razorpay_key_id,
            "RAZORPAY_KEY_SECRET": credentials.razorpay_key_secret,
            "RAZORPAY_WEBHOOK_SECRET": credentials.razorpay_webhook_secret,
            "WEBHOOK_URL": f"{settings.api_url}/webhooks/razorpay",
        },
    )  # fmt: skip


def aws_service(settings: Settings) -> Service:
    """The local AWS, with IAM enforced.

    The functions are processes of ministack and inherit this environment. So it holds what AWS
    would give them, too, and nothing of the caller's environment.
    """
    state = settings.local / "aws"
    temporary = state / "tmp"
    private_directory(temporary)
    launcher = Path(__file__).with_name("aws_server.py")
    return Service(
        name="aws",
        command=[
            sys.executable, str(launcher),
            "--aws-port", str(settings.ports.aws),
            "--api-port", str(settings.ports.api),
            "--domain", API_DOMAIN,
            *(["--used-rights", str(settings.used_rights)] if settings.disposable else []),
        ],
        ports=_ports(settings, "aws"),
        environment={
            **_plain_environment(),
            "AUTH": "true",
            "GATEWAY_PORT": str(settings.ports.aws),
            "MINISTACK_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": settings.aws_url,
            "PERSIST_STATE": "0" if settings.disposable else "1",
            "STATE_DIR": str(state / "state"),
            "S3_PERSIST": "0" if settings.disposable else "1",
            "S3_DATA_DIR": str(state / "s3"),
            "TMPDIR": str(temporary),
            # ministack's other listeners are not needed, and it must not remove containers.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        },
        depends_on=[launcher],
        # ministack writes its state when it ends.
        stop_seconds=60,
    )  # fmt: skip


def write_stack_env(settings: Settings, credentials: seed.Credentials) -> None:
    """Writes the values for scripts and tests as KEY=VALUE lines, which a shell can read, too."""
    values = {
        "API_URL": settings.api_url,
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "STACK_NAME": settings.stack_name,
        "STAGE": settings.stage,
        "SANDBOX_URL": settings.sandbox_url,
        "REDIS_URL": settings.redis_url,
        "MESS_ID": MESS_ID,
        "STAFF_TOKEN": credentials.staff_token,
        "RAZORPAY_KEY_ID": credentials.razorpay_key_id,
        "RAZORPAY_KEY_SECRET": credentials.razorpay_key_secret,
        "RAZORPAY_WEBHOOK_SECRET": credentials.razorpay_webhook_secret,
    }
    for person in seed.PEOPLE:
        values[f"{person.key}_EMAIL"] = person.email
        values[f"{person.key}_PASSWORD"] = credentials.of(person)
    seed.private_write(settings.stack_env, "".join(f"{k}={v}\n" for k, v in values.items()))


def write_functions_env(settings: Settings) -> None:
    """Writes the functions' deployed environment, for tools that run one function by hand.

    `functions.env` is for `cargo lambda watch --env-file`; `functions.json` is for
    `sam local --env-vars`, which accepts only variables that the template names.
    """
    deployed: dict[str, str] = {}
    for page in client(settings, "lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            deployed |= {k: v for k, v in function["Environment"]["Variables"].items() if v}
    values = {
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        **deployed,
    }
    # In single quotes, because some values are JSON. No value contains a single quote.
    seed.private_write(
        settings.local / "functions.env", "".join(f"{k}='{v}'\n" for k, v in values.items())
    )
    seed.private_write(
        settings.local / "functions.json", json.dumps({"Parameters": deployed}, indent=2)
    )


def say(text: str) -> None:
    """Prints a line of progress."""
    print(f"[{time.monotonic() - _started:5.1f} s] {text}", flush=True)


def _summary(settings: Settings, credentials: seed.Credentials) -> None:
    if settings.disposable:
        return
    print(f"\nThali's app is at {settings.api_url}\n")
    for person in seed.PEOPLE:
        print(f"  {person.role:<8} {person.email:<24} {credentials.of(person)}")
    print(
        f"\n  The rest is in {_shown(settings.stack_env)}."
        f"\n  Sent mail: {settings.aws_url}/_ministack/ses/messages"
        "\n\nNext: `make demo` plays a purchase and a meal against it. `make logs` follows the"
        "\nfunctions, `make down` stops everything and keeps the data."
    )


def _cargo_build() -> None:
    built = subprocess.run([tool("cargo"), "build", "--workspace", "--bins"], cwd=ROOT)
    if built.returncode != 0:
        raise StackError("The build failed, see above.")


def _target_directory() -> Path:
    asked = subprocess.run(
        [tool("cargo"), "metadata", "--no-deps", "--format-version", "1"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if asked.returncode != 0:
        raise StackError(f"cargo cannot read the workspace:\n{asked.stderr}")
    return Path(json.loads(asked.stdout)["target_directory"])


def _plain_environment() -> dict[str, str]:
    """The variables that every program needs."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "VIRTUAL_ENV")
    return {k: os.environ[k] for k in kept if k in os.environ}


def _wait(settings: Settings, seconds: int = 60) -> None:
    """Waits until the API's health check succeeds."""
    deadline = time.monotonic() + seconds
    last: Any = "no answer"
    while time.monotonic() < deadline:
        try:
            with _http.open(f"{settings.api_url}/health", timeout=15) as response:
                if response.status == 200:
                    return
        except urllib.error.HTTPError as error:
            last = f"{error.code} {error.read().decode(errors='replace')}"
        except OSError as error:
            last = error
        time.sleep(0.3)
    raise StackError(f"{settings.api_url}/health did not return 200 within {seconds} s: {last}")


def _answers(url: str) -> bool:
    try:
        with _http.open(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _redis_answers(settings: Settings) -> bool:
    try:
        with socket.create_connection((HOST, settings.ports.redis), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _ports(settings: Settings, name: str) -> dict[str, int]:
    """A service's ports, by the environment variable that changes each port."""
    return {variable: getattr(settings.ports, field) for field, variable in PORTS[name].items()}


def _addresses(service: Service) -> str:
    return " and ".join(f"{HOST}:{port}" for port in service.ports.values())


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="stack.py", description=__doc__.splitlines()[0])
    parser.add_argument("--test", action="store_true", help="use the tests' stack")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("up", help="build, start, deploy and seed, or update")
    command.add_argument("--no-build", action="store_true", help="the binaries are built already")
    commands.add_parser("down", help="stop what `up` started")
    command = commands.add_parser("logs", help="follow the functions' logs")
    command.add_argument("function", nargs="?", help="only this function, such as login")
    command.add_argument(
        "--since", type=int, default=5, metavar="MINUTES", help="how far back to begin"
    )
    command = commands.add_parser("invoke", help="run one function with its sample event")
    command.add_argument("function", help="such as mailer, with events/mailer.json")
    command = commands.add_parser("thali", help="run the operator's command on the stack")
    command.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    # If `make` is ended with SIGTERM, this raises SystemExit, so `finally` blocks still run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not options.test:
            settings = Settings.development()
        else:
            # A new test stack gets new ports; the other commands use the saved ones.
            settings = Settings.test(Ports.free() if options.command == "up" else None)
        if options.command == "up":
            up(settings, build=not options.no_build)
        elif options.command == "down":
            down(settings)
        elif options.command == "invoke":
            sys.exit(invoke.invoke(settings, options.function))
        elif options.command == "thali":
            thali(settings, options.arguments)
        else:
            logs(settings, options.function or None, options.since)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        # Ctrl-C is the normal end of `logs`.
        sys.exit(0 if options.command == "logs" else 130)


if __name__ == "__main__":
    main()
