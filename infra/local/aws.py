"""boto3 clients that can reach only the local AWS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from settings import ACCESS_KEY, REGION, SECRET_KEY, Settings


def client(settings: Settings, service: str) -> Any:
    """A boto3 client. Endpoint and keys are fixed here, so no profile can change them."""
    return boto3.client(
        service,
        endpoint_url=settings.aws_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(proxies={}, retries={"max_attempts": 2}, s3={"addressing_style": "path"}),
    )
