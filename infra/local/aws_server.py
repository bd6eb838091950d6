"""Serves the local AWS: ministack on loopback, with fixes for the behaviour that it lacks.

    aws_server.py --aws-port 4566 --api-port 8080 --domain api.thali.test

`stack.py` starts this program with the environment that ministack reads (see
`stack.aws_service`). Each function below adds one behaviour of AWS that ministack lacks, and
names it. When a later ministack has the behaviour, the function can be removed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import copy
import json
import signal
import socketserver
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# ministack reads its environment when it is imported.
import ministack.app as ministack
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.core import iam_actions, iam_evaluator
from ministack.services import cloudwatch_logs, dynamodb, lambda_svc, sqs
from ministack.services.cloudformation import provisioners

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def runtime_api_without_delay() -> None:
    """Disables Nagle's algorithm, which delays the two small writes of each answer by 40 ms."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def api_paths_are_the_apis(domain: str) -> None:
    """At the API's own domain, every path belongs to the API.

    ministack answers some paths itself for any host: /health is its own health, and
    /login and /.well-known/… belong to its Cognito.
    """

    def skip_at_domain(shortcut: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def shortcut_elsewhere(
            method: str, path: str, headers: dict[str, str], *rest: Any
        ) -> Any:
            if headers.get("host") == domain:
                return None
            return await shortcut(method, path, headers, *rest)

        return shortcut_elsewhere

    ministack._handle_pre_body_request = skip_at_domain(ministack._handle_pre_body_request)
    ministack._handle_post_body_shortcuts = skip_at_domain(ministack._handle_post_body_shortcuts)


def queue_batches_are_authorized_as_single_calls() -> None:
    """SQS has no actions for batches: a grant of `sqs:SendMessage` covers `SendMessageBatch`."""
    original = iam_actions.extract_iam_action

    def action(*args: Any, **options: Any) -> str | None:
        found = original(*args, **options)
        return found.removesuffix("Batch") if found and found.startswith("sqs:") else found

    iam_actions.extract_iam_action = action


def mail_is_authorized_by_identity() -> None:
    """SES authorises `SendEmail` against the sender's identity.

    ministack asks for the resource `*`, which would force a policy that is too wide.
    """
    original = iam_actions._ses_v2_resource_arn

    def resource(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/") == "/v2/email/outbound-emails":
            sender = iam_actions._safe_json_field(body, "FromEmailAddress")
            address = sender.rpartition("<")[2].rstrip(">")
            if address:
                return f"arn:aws:ses:{region}:{account}:identity/{address}"
        return original(method, path, body, region, account)

    iam_actions._ses_v2_resource_arn = resource


def stream_failures_are_retried() -> None:
    """Stream batches honour `batchItemFailures`, `MaximumRetryAttempts` and `OnFailure`.

    ministack treats a batch with reported failures as done, and retries a batch that raised
    an error until its oldest record reaches `MaximumRecordAgeInSeconds`. Here a failed batch
    is retried as a whole (AWS starts at the first failed record; both deliver at least once).
    If the number of retries is limited, the records are sent one by one after the last retry.
    AWS gets the same result by halving the batch. Records that still fail go to the
    destination. With -1, the default, only the age ends the retries.
    """
    execute = lambda_svc._execute_function
    attempts: dict[tuple[str, str], int] = {}

    def failed(result: dict[str, Any]) -> bool:
        body = result.get("body")
        return bool(result.get("error")) or bool(
            isinstance(body, dict) and body.get("batchItemFailures")
        )

    def execute_retrying(
        function: dict[str, Any], event: Any, *args: Any, **options: Any
    ) -> dict[str, Any]:
        result = execute(function, event, *args, **options)
        records = event.get("Records") if isinstance(event, dict) else None
        if not records or records[0].get("eventSource") != "aws:dynamodb":
            return result
        source = records[0].get("eventSourceARN", "")
        batch = (source, records[0]["dynamodb"]["SequenceNumber"])
        if not failed(result):
            attempts.pop(batch, None)
            return result

        mapping = next(
            (
                esm
                for _, _, esm in lambda_svc._iter_all_esms()
                if esm.get("EventSourceArn") == source
            ),
            {},
        )
        limit = int(mapping.get("MaximumRetryAttempts", -1))
        attempts[batch] = attempts.get(batch, 0) + 1
        if limit < 0 or attempts[batch] <= limit:
            return {**result, "error": True}
        del attempts[batch]
        for record in records:
            single = execute(function, {"Records": [record]}, *args, **options)
            if failed(single):
                lambda_svc._send_ddb_stream_failure_record(
                    mapping, function, [record], source, single, "RetryAttemptsExhausted"
                )
        return {"body": {"batchItemFailures": []}, "log": result.get("log", "")}

    lambda_svc._execute_function = execute_retrying


def streams_survive_a_restart() -> None:
    """Stream records are saved with the tables they belong to.

    ministack saves each consumer's position, but not the records. After a restart, a
    consumer would wait until there are as many new records as there were old ones.
    """
    state_of, load = dynamodb.get_state, dynamodb.load_persisted_state

    def state() -> dict[str, Any]:
        return {
            **state_of(),
            "stream_records": copy.deepcopy(dynamodb._stream_records),
            "stream_trimmed": copy.deepcopy(dynamodb._stream_trimmed),
        }

    def restore(data: dict[str, Any]) -> None:
        load(data)
        dynamodb._stream_records.update(data.get("stream_records", {}))
        dynamodb._stream_trimmed.update(data.get("stream_trimmed", {}))

    dynamodb.get_state, dynamodb.load_persisted_state = state, restore


def log_streams_name_their_function() -> None:
    """In a log group that functions share, a stream is named `date/function[version]id`.

    ministack names it `date/[version]id`, as in a log group of a single function.
    """
    emit, new_id = lambda_svc._emit_lambda_logs, lambda_svc.new_uuid
    newest = threading.local()

    def new_id_remembered() -> str:
        newest.id = new_id()
        return newest.id

    def emit_and_rename(function: dict[str, Any], *args: Any, **options: Any) -> None:
        emit(function, *args, **options)
        config = function.get("config") or function
        # Logging must never break an invocation, even if a later ministack renames its streams.
        with contextlib.suppress(KeyError, AttributeError):
            streams = cloudwatch_logs._log_groups[config["LoggingConfig"]["LogGroup"]]["streams"]
            stream = f"[{config['Version']}]{newest.id.replace('-', '')}"
            # The day may have changed since the stream was created.
            for age in (timedelta(0), timedelta(days=1)):
                day = (datetime.now(timezone.utc) - age).strftime("%Y/%m/%d")
                if lines := streams.pop(f"{day}/{stream}", None):
                    streams[f"{day}/{config['FunctionName']}{stream}"] = lines

    lambda_svc.new_uuid = new_id_remembered
    lambda_svc._emit_lambda_logs = emit_and_rename


def queues_survive_another_port() -> None:
    """Saved queues are found even if the local AWS now listens on another port.

    ministack identifies a queue by its address, which includes the port.
    """
    load = sqs.load_persisted_state

    def restore(data: dict[str, Any]) -> None:
        queues = data["queues"]._data
        for account, region, address in list(queues):
            now = urlsplit(address)._replace(netloc=sqs._CANONICAL_NETLOC).geturl()
            queues[account, region, now] = queues.pop((account, region, address))
        load(data)

    sqs.load_persisted_state = restore


def templates_may_compute_with_metrics() -> None:
    """A template's alarm may have `Metrics`, an expression of metrics, as `PutMetricAlarm` has.

    ministack refuses the template. Here the alarm is stored as it was given. ministack does not
    evaluate it; it has no metrics of AWS's services, which the other alarms wait for, too.
    """
    record = provisioners._cw_metric_alarm_record

    def record_with_metrics(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        metrics = properties.get("Metrics")
        if not metrics:
            return record(name, properties)
        single = {"MetricName": "-", "Namespace": "-"}
        alarm = record(name, {**properties, **single, "Metrics": None})
        for replaced in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            del alarm[replaced]
        return {**alarm, "Metrics": metrics}

    provisioners._cw_metric_alarm_record = record_with_metrics


def used_rights_are_recorded(file: Path) -> None:
    """Writes each right that a role uses to `file`, once, as `[role, action, resource]`.

    This adds no AWS behaviour. A test uses the file to check that each function uses every
    right that it has.
    """
    evaluate = iam_evaluator.evaluate
    seen: set[tuple[str, str, str]] = set()
    file.unlink(missing_ok=True)

    def evaluate_recording(context: Any, *rest: Any) -> Any:
        result = evaluate(context, *rest)
        right = (context.principal_arn, context.action, context.resource_arn)
        if result.decision == "Allow" and right not in seen:
            seen.add(right)
            with file.open("a") as rights:
                rights.write(json.dumps(right) + "\n")
        return result

    iam_evaluator.evaluate = evaluate_recording


def application(api_port: int, domain: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """ministack on its own port, and the API on the API's port.

    API Gateway finds an API by its domain. `localhost` is not allowed as a domain there, and
    other local names resolve only in browsers. So a request to the API's port gets the domain
    as its Host header.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        if scope["type"] == "http" and server and server[1] == api_port:
            headers = [(k, v) for k, v in scope["headers"] if k.lower() != b"host"]
            scope = {**scope, "headers": [(b"host", domain.encode()), *headers]}
        await ministack.app(scope, receive, send)

    return app


async def run(aws_port: int, api_port: int, domain: str) -> None:
    """Serves until SIGTERM or SIGINT; ministack then writes its state."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)

    config = Config()
    config.bind = [f"127.0.0.1:{aws_port}", f"127.0.0.1:{api_port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.shutdown_timeout = 60

    async def stopped() -> None:
        # ministack writes its state at the end. Writing it every minute, too, survives a crash.
        while not stop.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=60)
            if ministack.PERSIST_STATE and not stop.is_set():
                ministack.save_all(ministack._build_persistence_save_dict())

    await serve(application(api_port, domain), config, shutdown_trigger=stopped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aws-port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--domain", required=True)
    parser.add_argument("--used-rights", type=Path, help="the file for the rights that roles use")
    options = parser.parse_args()

    runtime_api_without_delay()
    api_paths_are_the_apis(options.domain)
    queue_batches_are_authorized_as_single_calls()
    mail_is_authorized_by_identity()
    stream_failures_are_retried()
    streams_survive_a_restart()
    log_streams_name_their_function()
    queues_survive_another_port()
    templates_may_compute_with_metrics()
    if options.used_rights:
        used_rights_are_recorded(options.used_rights)
    asyncio.run(run(options.aws_port, options.api_port, options.domain))


if __name__ == "__main__":
    main()
