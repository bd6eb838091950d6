"""Deploys the templates to the local AWS: the application, then its alarms.

The templates and the `sam deploy` commands are those of a real deployment; only the parameters
differ. This module builds nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from aws import client
from package import PACKAGE, WEB_PACKAGE
from settings import MESS_ID, REGION, ROOT, SENDER_ADDRESS, Settings, StackError, tool

TEMPLATE = ROOT / "template.yaml"
MONITORING = ROOT / "infra/monitoring.yaml"
ARTIFACTS = "thali-artifacts"


def parameters(settings: Settings, versions: dict[str, str]) -> dict[str, str]:
    """The template's parameters on the local AWS."""
    return {
        "Stage": settings.stage,
        "SenderAddress": SENDER_ADDRESS,
        "AppUrl": settings.api_url,
        **versions,
        "RazorpaySecretId": settings.razorpay_secret_id,
        "RazorpayUrl": f"{settings.sandbox_url}/razorpay",
        "RedisUrl": settings.redis_url,
        "PartnerRedisUrl": settings.redis_url,
        "DefaultMessId": MESS_ID,
        "LogRetentionDays": "7",
        # High limits, so that demos and tests do not limit each other.
        "RateLimitFactor": "50",
        "QueueVisibilitySeconds": str(settings.queue_visibility_seconds),
        "Architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
    }


def fingerprint(values: dict[str, str]) -> str:
    """A hash of the working copy's templates, parameters and packages."""
    digest = hashlib.sha256(json.dumps(values).encode())
    digest.update(TEMPLATE.read_bytes())
    digest.update(MONITORING.read_bytes())
    for package in (PACKAGE, WEB_PACKAGE):
        digest.update(package.read_bytes())
    return digest.hexdigest()


def is_deployed(settings: Settings, wanted: str) -> bool:
    """Whether the last deployment had the fingerprint `wanted` and still exists."""
    return _deployed(_marker(settings)) == wanted and _stack_exists(settings)


def deploy(settings: Settings, values: dict[str, str], wanted: str) -> None:
    """Deploys the working copy with these parameters; `wanted` is its fingerprint."""
    marker = _marker(settings)
    with contextlib.suppress(FileNotFoundError):
        marker.unlink()
    _bucket(settings)
    # A separate configuration file: a samconfig.toml in the repository is for a real account.
    configuration = settings.local / "samconfig.toml"
    configuration.write_text("version = 0.1\n")
    _sam_deploy(settings, configuration, TEMPLATE, settings.stack_name, values)
    watched = {"Stack": settings.stack_name, "ApiId": _output(settings, "ApiId")}
    _sam_deploy(settings, configuration, MONITORING, f"{settings.stack_name}-monitoring", watched)
    marker.write_text(json.dumps({"fingerprint": wanted}))
    _artifacts_prune(settings)


def _sam_deploy(
    settings: Settings, configuration: Path, template: Path, stack: str, values: dict[str, str]
) -> None:
    """Deploys one template as a stack of this name."""
    log = settings.logs / f"deploy-{template.stem}.log"
    with log.open("w") as output:
        deployed = subprocess.run(
            [
                tool("sam"), "deploy",
                "--template-file", str(template),
                "--config-file", str(configuration),
                "--stack-name", stack,
                "--s3-bucket", ARTIFACTS,
                "--capabilities", "CAPABILITY_IAM",
                "--no-confirm-changeset",
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
                "--parameter-overrides", *(f"{k}={v}" for k, v in values.items()),
            ],
            cwd=ROOT, env=settings.aws_environment(), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if deployed.returncode != 0:
        raise StackError(f"`sam deploy` failed. The end of {log}:\n{_errors(log)}")


def _output(settings: Settings, name: str) -> str:
    """An output of the deployed application."""
    stacks = client(settings, "cloudformation").describe_stacks(StackName=settings.stack_name)
    outputs = stacks["Stacks"][0]["Outputs"]
    return next(each["OutputValue"] for each in outputs if each["OutputKey"] == name)


def _marker(settings: Settings) -> Path:
    return settings.local / "deployed.json"


def _deployed(marker: Path) -> str | None:
    try:
        return json.loads(marker.read_text())["fingerprint"]
    except (OSError, ValueError, KeyError):
        return None


def _stack_exists(settings: Settings) -> bool:
    try:
        stacks = client(settings, "cloudformation").describe_stacks(StackName=settings.stack_name)
    except ClientError:
        return False
    return stacks["Stacks"][0]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def _bucket(settings: Settings) -> None:
    with contextlib.suppress(ClientError):  # the bucket exists already
        client(settings, "s3").create_bucket(
            Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION}
        )


def _artifacts_prune(settings: Settings) -> None:
    """Removes the packages of earlier deployments."""
    template: Any = client(settings, "cloudformation").get_template(
        StackName=settings.stack_name, TemplateStage="Processed"
    )["TemplateBody"]
    text = template if isinstance(template, str) else json.dumps(template)
    s3 = client(settings, "s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=ARTIFACTS):
        for each in page.get("Contents", []):
            if each["Key"] not in text:
                s3.delete_object(Bucket=ARTIFACTS, Key=each["Key"])


def _errors(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-25:])
