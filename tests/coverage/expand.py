#!/usr/bin/env python3
"""Expands template.yaml as AWS does, and counts the resources that CloudFormation would get.

    expand.py TEMPLATE

Prints a JSON object: how many resources of each type there are, how many resources one more
endpoint with one path costs, and how many references to values in other services there are. The loops are expanded with SAM CLI's own code, and the
functions with the SAM translator.
"""

import copy
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

# The names and ARNs of the managed policies that the template uses; the translator needs them.
MANAGED_POLICIES = {
    name: f"arn:aws:iam::aws:policy/service-role/{name}"
    for name in (
        "AWSLambdaBasicExecutionRole",
        "AWSLambdaDynamoDBExecutionRole",
        "AWSLambdaSQSQueueExecutionRole",
    )
}


class PolicyLoader:
    """Replaces a request to IAM."""

    def load(self) -> dict[str, str]:
        return MANAGED_POLICIES


def transformed(template: dict[str, Any]) -> dict[str, Any]:
    """A template without loops as CloudFormation gets it."""
    template = copy.deepcopy(template)
    # A deployment uploads the packages before AWS sees the template.
    functions = [each["Properties"] for each in template["Resources"].values()]
    for properties in [template["Globals"]["Function"], *functions]:
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/key"
    return transform(template, {}, PolicyLoader())


def resources(template: dict[str, Any]) -> Counter[str]:
    """The number of resources of each type."""
    return Counter(each["Type"] for each in template["Resources"].values())


def main() -> None:
    template = yaml_parse(Path(sys.argv[1]).read_text())
    template = expand_language_extensions(template, {}, enabled=True).expanded_template
    template["Transform"] = "AWS::Serverless-2016-10-31"
    now = transformed(template)
    one_more = copy.deepcopy(template["Resources"]["HealthFunction"])
    one_more["Properties"]["Events"]["Health"]["Properties"]["Path"] = "/one-more"
    one_more["Properties"]["FunctionName"] = one_more["Properties"]["Handler"] = "one-more"
    template["Resources"]["OneMoreFunction"] = one_more
    cost = resources(transformed(template)).total() - resources(now).total()
    references = json.dumps(now).count("{{resolve:")
    print(json.dumps({"resources": resources(now), "endpoint": cost, "references": references}))


if __name__ == "__main__":
    main()
