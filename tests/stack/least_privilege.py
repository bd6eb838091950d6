#!/usr/bin/env python3
"""Checks with every function's role that all calls which the function does not need are denied.

    least_privilege.py STACK_NAME [USED_RIGHTS]

The second argument is the file in which the local AWS records every right that a role has used.
With it, the program makes no calls, but looks for grants of the template that were never used.

The calls below are made with the credentials of each function's own role, against the deployed
tables, buckets, queues and secrets. IAM must refuse a call that no policy grants. IAM must not
refuse a granted call that is harmless, or the check would prove nothing. Prints a summary; exits
non-zero and lists everything unexpected. The endpoint, region and credentials come from the
environment, as for any program that calls AWS. The program is for the local AWS, where the
account's root may assume every role; on AWS, only Lambda may assume these roles.
"""

import fnmatch
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# What no policy may grant to any function, on any resource.
NEVER = (
    "dynamodb:Scan",
    "dynamodb:DeleteTable",
    "dynamodb:UpdateTable",
    "iam:*",
    "lambda:*",
    "secretsmanager:*",
    "sqs:PurgeQueue",
    "sqs:DeleteQueue",
    "ssm:*",
    "sts:AssumeRole",
)
# Actions of which a run uses only one of the granted resources: SES checks either the sender's
# address or its domain.
ALTERNATIVES = ("ses:SendEmail",)
# Grants that Lambda uses on behalf of the function, and the local AWS does not use: sending
# failed events of streams and uploads to the dead-letter queue.
LAMBDAS_OWN = {"sqs:SendMessage": "*-dead-letters"}
# The name of the sessions in which this program itself assumes the roles.
SESSION_NAME = "least-privilege"
ONCE = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
SESSION = boto3.session.Session()
MAKING = threading.Lock()
KEY = {"pk": {"S": "least-privilege"}, "sk": {"S": "least-privilege"}}
# A write under this condition changes nothing, because there is no such item.
IF_THERE = {"ConditionExpression": "attribute_exists(pk)"}


@dataclass
class Probe:
    """A call, with the action and the resource that it needs."""

    action: str
    resource: str
    call: Callable[[Any], Any]
    # Whether the call may be made even if it is granted, because it changes nothing.
    harmless: bool = False

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]


def index_probes(table: str, arn: str, index: str, hash_key: str) -> list[Probe]:
    at = {"TableName": table, "IndexName": index}
    query = {
        "KeyConditionExpression": "#hash = :value",
        "ExpressionAttributeNames": {"#hash": hash_key},
        "ExpressionAttributeValues": {":value": {"S": "least-privilege"}},
    }
    return [
        Probe("dynamodb:Query", arn, lambda c: c.query(**at, **query), True),
        Probe("dynamodb:Scan", arn, lambda c: c.scan(**at, Limit=1), True),
    ]


def table_probes(name: str, arn: str) -> list[Probe]:
    at = {"TableName": name}
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    query = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": KEY["pk"]},
    }
    check = {"ConditionCheck": {**at, "Key": KEY, **IF_THERE}}
    calls = {
        "GetItem": lambda c: c.get_item(**at, Key=KEY),
        "BatchGetItem": lambda c: c.batch_get_item(RequestItems={name: {"Keys": [KEY]}}),
        "Query": lambda c: c.query(**at, **query),
        "Scan": lambda c: c.scan(**at, Limit=1),
        "PutItem": lambda c: c.put_item(**at, Item=KEY, **IF_THERE),
        "UpdateItem": lambda c: c.update_item(**at, Key=KEY, **update, **IF_THERE),
        "DeleteItem": lambda c: c.delete_item(**at, Key=KEY, **IF_THERE),
        "ConditionCheckItem": lambda c: c.transact_write_items(TransactItems=[check]),
    }
    probes = [Probe(f"dynamodb:{each}", arn, call, True) for each, call in calls.items()]
    return [
        *probes,
        Probe(
            "dynamodb:UpdateTable",
            arn,
            lambda c: c.update_table(**at, DeletionProtectionEnabled=False),
        ),
        Probe("dynamodb:DeleteTable", arn, lambda c: c.delete_table(**at)),
    ]


def queue_probes(url: str, arn: str) -> list[Probe]:
    at = {"QueueUrl": url}
    handle = {**at, "ReceiptHandle": "none"}
    return [
        Probe("sqs:SendMessage", arn, lambda c: c.send_message(**at, MessageBody="x")),
        Probe("sqs:ReceiveMessage", arn, lambda c: c.receive_message(**at)),
        Probe("sqs:DeleteMessage", arn, lambda c: c.delete_message(**handle)),
        Probe("sqs:PurgeQueue", arn, lambda c: c.purge_queue(**at)),
        Probe("sqs:DeleteQueue", arn, lambda c: c.delete_queue(**at)),
    ]


def object_probes(bucket: str, arn: str, key: str) -> list[Probe]:
    at = {"Bucket": bucket, "Key": key}
    of_object = f"{arn}/{key}"
    # There is no such object, so no call finds, replaces or removes one. (On AWS, a role that may
    # not list the bucket would be denied instead of being told that the object is missing.)
    return [
        Probe("s3:GetObject", of_object, lambda c: c.get_object(**at), True),
        Probe("s3:PutObject", of_object, lambda c: c.put_object(**at, Body=b"", IfMatch="none")),
        Probe("s3:DeleteObject", of_object, lambda c: c.delete_object(**at)),
    ]


def bucket_probes(bucket: str) -> list[Probe]:
    arn = f"arn:aws:s3:::{bucket}"
    keys = ("pictures/least-privilege", "screenshots/least-privilege", "least-privilege")
    of_list = Probe(
        "s3:ListBucket", arn, lambda c: c.list_objects_v2(Bucket=bucket, MaxKeys=1), True
    )
    return [of_list, *(each for key in keys for each in object_probes(bucket, arn, key))]


def other_probes(stack: "Stack") -> list[Probe]:
    probes = []
    for name, arn in stack.secrets.items():
        probes += [
            Probe(
                "secretsmanager:GetSecretValue",
                arn,
                lambda c, name=name: c.get_secret_value(SecretId=name),
            ),
            Probe(
                "secretsmanager:PutSecretValue",
                arn,
                lambda c, name=name: c.put_secret_value(SecretId=name, SecretString="{}"),
            ),
        ]
    for name, arn in stack.parameters.items():
        probes += [
            Probe("ssm:GetParameter", arn, lambda c, name=name: c.get_parameter(Name=name)),
            Probe(
                "ssm:PutParameter",
                arn,
                lambda c, name=name: c.put_parameter(Name=name, Value="{}", Overwrite=True),
            ),
        ]
    function, arn = next((each["FunctionName"], each["FunctionArn"]) for each in stack.functions)
    role = stack.functions[0]["Role"]
    mail = {
        "FromEmailAddress": stack.sender,
        "Destination": {"ToAddresses": ["nobody@thali.test"]},
        "Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
    }
    identity = f"arn:aws:ses:{stack.region}:{stack.account}:identity/{stack.sender}"
    return [
        *probes,
        Probe("ses:SendEmail", identity, lambda c: c.send_email(**mail)),
        Probe("lambda:InvokeFunction", arn, lambda c: c.invoke(FunctionName=function)),
        Probe("lambda:GetFunction", arn, lambda c: c.get_function(FunctionName=function)),
        Probe("iam:GetRole", role, lambda c: c.get_role(RoleName=role.rpartition("/")[2])),
        Probe(
            "sts:AssumeRole",
            role,
            lambda c: c.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME),
        ),
    ]


class Stack:
    """The deployed stack, as the operator sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.region = SESSION.region_name
        self.account = client("sts").get_caller_identity()["Account"]
        pages = client("lambda").get_paginator("list_functions").paginate()
        prefix = f"{name}-"
        self.functions = [
            each
            for page in pages
            for each in page["Functions"]
            if each["FunctionName"].startswith(prefix)
        ]
        tables = [
            client("dynamodb").describe_table(TableName=table)["Table"]
            for page in client("dynamodb").get_paginator("list_tables").paginate()
            for table in page["TableNames"]
            if table.startswith(prefix)
        ]
        self.tables = {table["TableName"]: table["TableArn"] for table in tables}
        # By ARN: the table's name, the index's name and the name of its hash key.
        self.indexes = {
            f"{table['TableArn']}/index/{index['IndexName']}": (
                table["TableName"],
                index["IndexName"],
                next(k["AttributeName"] for k in index["KeySchema"] if k["KeyType"] == "HASH"),
            )
            for table in tables
            for index in table.get("GlobalSecondaryIndexes", [])
        }
        buckets = client("s3").list_buckets()["Buckets"]
        self.buckets = [each["Name"] for each in buckets if each["Name"].startswith(prefix)]
        urls = client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls", [])
        self.queues = {url: self._queue_arn(url) for url in urls}
        stage = self._parameter("Stage")
        self.sender = self._parameter("SenderAddress")
        secrets = client("secretsmanager").list_secrets()["SecretList"]
        wanted = (f"thali/{stage}/keys", self._parameter("RazorpaySecretId"))
        self.secrets = {each["Name"]: each["ARN"] for each in secrets if each["Name"] in wanted}
        parameter = f"/thali/{stage}/jwks"
        self.parameters = {
            parameter: client("ssm").get_parameter(Name=parameter)["Parameter"]["ARN"]
        }
        for what, found in vars(self).items():
            if not found:
                sys.exit(f"the stack {name} has no {what}")

    @staticmethod
    def _queue_arn(url: str) -> str:
        answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def _parameter(self, name: str) -> str:
        stacks = client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        values = {each["ParameterKey"]: each["ParameterValue"] for each in stacks[0]["Parameters"]}
        return values[name]

    def probes(self) -> list[Probe]:
        """All calls to try; those that could destroy something come last."""
        destructive = ("Delete", "Purge", "Put", "Update")
        of_tables = [each for name, arn in self.tables.items() for each in table_probes(name, arn)]
        of_indexes = [
            each
            for arn, (table, index, hash_key) in self.indexes.items()
            for each in index_probes(table, arn, index, hash_key)
        ]
        of_buckets = [each for bucket in self.buckets for each in bucket_probes(bucket)]
        of_queues = [each for url, arn in self.queues.items() for each in queue_probes(url, arn)]
        every = of_tables + of_indexes + of_buckets + of_queues + other_probes(self)
        return sorted(every, key=lambda p: p.action.partition(":")[2].startswith(destructive))


def client(service: str, **credentials: str) -> Any:
    service = "sesv2" if service == "ses" else service
    # One session, so that the services' descriptions are read once; it is not thread-safe.
    with MAKING:
        return SESSION.client(service, config=ONCE, **credentials)


def own_documents(role: str) -> list[dict[str, Any]]:
    """The inline policies of a role: those that are in the template."""
    iam = client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = [iam.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in names]
    return [json.loads(each) if isinstance(each, str) else each for each in found]


def documents(role: str) -> list[dict[str, Any]]:
    """The inline and attached policies of a role."""
    iam = client("iam")
    found = own_documents(role)
    for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
        policy = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)
        found.append(policy["PolicyVersion"]["Document"])
    return [json.loads(each) if isinstance(each, str) else each for each in found]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def never_granted(policies: list[dict[str, Any]]) -> list[str]:
    """The actions of these policies that no function may have, on any resource."""
    statements = [each for policy in policies for each in listed(policy["Statement"])]
    actions = [action for each in statements for action in listed(each["Action"])]
    # Both can be patterns: `iam:*` in NEVER, `dynamodb:*` in a policy.
    return [each for each in actions if any(matches(each, n) or matches(n, each) for n in NEVER)]


def matches(action: str, pattern: str) -> bool:
    """Whether an action matches a pattern; IAM ignores case."""
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def is_granted(policies: list[dict[str, Any]], probe: Probe) -> bool:
    """Whether a statement allows the call. Our policies have no Deny, NotAction or NotResource."""
    for statement in (each for policy in policies for each in listed(policy["Statement"])):
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        of_action = any(matches(probe.action, each) for each in actions)
        if of_action and any(fnmatch.fnmatchcase(probe.resource, r) for r in resources):
            return True
    return False


def is_denied(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    except BotoCoreError as error:
        sys.exit(f"a call did not reach the service: {error}")
    return False


def role_credentials(role: str) -> dict[str, str]:
    answer = client("sts").assume_role(RoleArn=role, RoleSessionName=SESSION_NAME)
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def surprises_of(stack: Stack, function: dict[str, Any]) -> tuple[list[str], int, int]:
    """Everything unexpected, and how many calls were denied and how many allowed."""
    name, role = function["FunctionName"], function["Role"]
    denied, allowed = 0, 0
    policies, credentials = documents(role.rpartition("/")[2]), role_credentials(role)
    surprises = [f"{name}: {action} is granted" for action in never_granted(policies)]
    if surprises:
        return surprises, denied, allowed
    probes = stack.probes()
    clients = {service: client(service, **credentials) for service in {p.service for p in probes}}
    for probe in probes:
        granted = is_granted(policies, probe)
        if granted and not probe.harmless:
            continue
        refused = is_denied(lambda probe=probe: probe.call(clients[probe.service]))
        denied, allowed = denied + refused, allowed + (not refused)
        if refused == granted:
            outcome = "denied" if refused else "not denied"
            surprises.append(f"{name}: {probe.action} on {probe.resource} is {outcome}")
        # If IAM enforces nothing, stop: the next calls could destroy something.
        if not (refused or granted):
            break
    return surprises, denied, allowed


def unused_grants(stack: Stack, used: list[tuple[str, str, str]]) -> tuple[list[str], int]:
    """The grants of the template that were never used, and the number of all grants."""
    unused, count = [], 0
    for function in stack.functions:
        role = function["Role"].rpartition("/")[2]
        by_role = [
            (action, resource)
            for principal, action, resource in used
            if f":assumed-role/{role}/" in principal and not principal.endswith(SESSION_NAME)
        ]
        for statement in (s for d in own_documents(role) for s in listed(d["Statement"])):
            for action in listed(statement["Action"]):
                resources = [
                    resource
                    for resource in listed(statement["Resource"])
                    if not fnmatch.fnmatchcase(resource, LAMBDAS_OWN.get(action, ""))
                ]
                groups = [resources] if action in ALTERNATIVES else [[r] for r in resources]
                count += len(groups)
                unused += [
                    f"{function['FunctionName']}: {action} on {' or '.join(group)}"
                    for group in groups
                    if not any(
                        done == action and any(fnmatch.fnmatchcase(to, each) for each in group)
                        for done, to in by_role
                    )
                ]
    return unused, count


def main() -> None:
    stack = Stack(sys.argv[1])
    if len(sys.argv) > 2:
        with open(sys.argv[2]) as lines:
            used = [tuple(json.loads(line)) for line in lines]
        unused, count = unused_grants(stack, used)
        print(f"{len(stack.functions)} functions: {count} grants, {len(unused)} of them unused")
        if unused:
            sys.exit("\n".join(unused))
        return
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda each: surprises_of(stack, each), stack.functions))
    surprises = [line for lines, _, _ in results for line in lines]
    denied, allowed = (sum(result[place] for result in results) for place in (1, 2))
    print(f"{len(stack.functions)} functions: {denied} calls denied, {allowed} allowed")
    if surprises:
        sys.exit("\n".join(surprises))
    if not allowed:
        sys.exit("nothing was allowed, so nothing was proven")


if __name__ == "__main__":
    main()
