"""The name, the state directory and the ports of a local stack.

There are two stacks. `make up` runs the development stack. `make test` starts a new test stack
on free ports and with its own state, so the two do not interfere. This module starts nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Loopback only: the stack has well-known credentials.
HOST = "127.0.0.1"

REGION = "ap-south-1"
ACCESS_KEY = "test"
SECRET_KEY = "test"

# The domain of the API in the local AWS. The name never resolves: `aws_server.py` writes it
# into the Host header of each request to the API's port.
API_DOMAIN = "api.thali.test"

SENDER_ADDRESS = "no-reply@demo.thali.test"

MESS_ID = "mess_demo"


class StackError(Exception):
    """A problem that the user can fix. The message says how; no traceback is shown."""


@dataclass(frozen=True)
class Ports:
    """The four ports of a stack, each on 127.0.0.1."""

    api: int
    aws: int
    redis: int
    sandbox: int

    @classmethod
    def from_environment(cls) -> Ports:
        """The ports of `make up`: the defaults, or the values of environment variables."""
        return cls(
            api=_port("THALI_PORT", 8080),
            aws=_port("THALI_AWS_PORT", 4566),
            redis=_port("THALI_REDIS_PORT", 6390),
            sandbox=_port("THALI_SANDBOX_PORT", 8090),
        )

    @classmethod
    def free(cls) -> Ports:
        """Four ports that nothing listens on right now."""
        sockets = [socket.socket() for _ in range(4)]
        try:
            for each in sockets:
                each.bind((HOST, 0))
            return cls(*(each.getsockname()[1] for each in sockets))
        finally:
            for each in sockets:
                each.close()


@dataclass(frozen=True)
class Settings:
    """One local stack."""

    local: Path
    """The directory of the stack's whole state. Removing it resets the stack."""
    stage: str
    stack_name: str
    ports: Ports
    queue_visibility_seconds: int
    """The delay before a retry of a failed message. Short: five attempts are not to take 15 min."""

    @classmethod
    def development(cls) -> Settings:
        """The stack of `make up`."""
        return cls(
            local=(ROOT / os.environ.get("THALI_LOCAL", ".local")).resolve(),
            stage="local",
            stack_name="thali",
            ports=Ports.from_environment(),
            queue_visibility_seconds=20,
        )

    @classmethod
    def test(cls, ports: Ports | None = None) -> Settings:
        """The stack of `make test`. `up` saves its ports, and `down` and `logs` read them."""
        local = (ROOT / os.environ.get("THALI_LOCAL", ".local") / "test").resolve()
        if ports is None:
            try:
                ports = Ports(**json.loads((local / "ports.json").read_text()))
            except (OSError, ValueError, TypeError):
                ports = Ports.free()
        return cls(
            local=local,
            stage="test",
            stack_name="thali-test",
            ports=ports,
            queue_visibility_seconds=2,
        )

    @property
    def disposable(self) -> bool:
        """Whether the stack's data may be lost. If so, they are never written to disk."""
        return self.stage == "test"

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.ports.api}"

    @property
    def aws_url(self) -> str:
        # With an IP address instead of a name, SDKs put the S3 bucket into the path.
        return f"http://{HOST}:{self.ports.aws}"

    @property
    def redis_url(self) -> str:
        return f"redis://{HOST}:{self.ports.redis}"

    @property
    def sandbox_url(self) -> str:
        return f"http://localhost:{self.ports.sandbox}"

    @property
    def razorpay_secret_id(self) -> str:
        return f"thali/{self.stage}/razorpay"

    @property
    def logs(self) -> Path:
        return self.local / "logs"

    @property
    def stack_env(self) -> Path:
        return self.local / "stack.env"

    @property
    def used_rights(self) -> Path:
        """Where a disposable stack records which rights its functions' roles have used."""
        return self.local / "used-rights.jsonl"

    def aws_environment(self) -> dict[str, str]:
        """The caller's environment, with only the local AWS as endpoint.

        Profiles, tokens and endpoints of a real account are removed, so no mistake here
        can reach a real account.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            # The template has loops (Fn::ForEach), which SAM supports only with this setting.
            "SAM_CLI_ENABLE_LANGUAGE_EXTENSIONS": "1",
            "STACK_NAME": self.stack_name,
            # Requests to 127.0.0.1 must not go through a proxy of the machine.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }


def private_directory(path: Path) -> None:
    """Makes a directory and its missing parents, accessible only to the owner.

    An existing directory stays unchanged, because THALI_LOCAL may name a shared one.
    """
    if not path.is_dir():
        private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def tool(name: str) -> str:
    """The path of a program, from the virtual environment first, then from PATH."""
    local = ROOT / ".venv" / "bin" / name
    if local.exists():
        return str(local)
    found = shutil.which(name)
    if found is None:
        raise StackError(f"`{name}` is not installed. `make init` installs what the stack needs.")
    return found


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"{variable}={text} is not a port.")
    return int(text)
