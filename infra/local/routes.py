"""Creates the HTTP API's routes and its domain, which the local CloudFormation omits.

SAM writes an `HttpApi`'s routes as an OpenAPI document into the API's `Body`, and ministack
does not import that document. This module creates the routes from it: one integration for each
function, one route for each path and method. After a later deployment, it adds and removes the
routes that changed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aws import client
from settings import API_DOMAIN, REGION, Settings, StackError

# The route of every request that matches no other route.
DEFAULT = "$default"

# How OpenAPI for the gateway names a route of every method.
ANY_METHOD = "x-amazon-apigateway-any-method"

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


def bridge(settings: Settings) -> int:
    """Creates the template's routes at the API's port. Returns the number of routes."""
    cloudformation = client(settings, "cloudformation")
    template = cloudformation.get_template(StackName=settings.stack_name, TemplateStage="Processed")
    document = template["TemplateBody"]
    resources = (json.loads(document) if isinstance(document, str) else document)["Resources"]
    physical = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in cloudformation.describe_stack_resources(StackName=settings.stack_name)[
            "StackResources"
        ]
    }
    apis = [name for name, each in resources.items() if each["Type"] == "AWS::ApiGatewayV2::Api"]
    if len(apis) != 1:
        raise StackError(f"Expected one HTTP API in the template, found {len(apis)}.")
    api_id = physical[apis[0]]
    wanted = {
        route: physical[function]
        for route, function in _routes(resources[apis[0]]["Properties"]["Body"]).items()
    }

    gateway = client(settings, "apigatewayv2")
    integrations = _integrations(gateway, api_id, sorted(set(wanted.values())))
    targets = {route: f"integrations/{integrations[name]}" for route, name in wanted.items()}
    existing = {each["RouteKey"]: each for each in _items(gateway.get_routes, ApiId=api_id)}
    for route, each in existing.items():
        if each.get("Target") != targets.get(route):
            gateway.delete_route(ApiId=api_id, RouteId=each["RouteId"])
    for route, target in targets.items():
        if existing.get(route, {}).get("Target") != target:
            gateway.create_route(ApiId=api_id, RouteKey=route, Target=target)

    _domain(gateway, api_id)
    return len(targets)


def _routes(body: dict[str, Any]) -> dict[str, str]:
    """The function's logical id by route key, from the OpenAPI document."""
    routes = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if (path, method) == (f"/{DEFAULT}", ANY_METHOD):
                route = DEFAULT
            elif method == ANY_METHOD:
                route = f"ANY {path}"
            elif method in METHODS:
                route = f"{method.upper()} {path}"
            else:
                raise StackError(f"{method} {path}: this kind of route is not supported.")
            uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
            function = re.search(r"\$\{(\w+)\.Arn\}", uri)
            if function is None:
                raise StackError(f"{method} {path}: no function in its integration, {uri}")
            routes[route] = function.group(1)
    return routes


def _integrations(gateway: Any, api_id: str, functions: list[str]) -> dict[str, str]:
    """The integration id of each function. Creates missing integrations."""
    uris = {f"arn:aws:lambda:{REGION}:{_account()}:function:{name}": name for name in functions}
    found = {
        uris[each["IntegrationUri"]]: each["IntegrationId"]
        for each in _items(gateway.get_integrations, ApiId=api_id)
        if each.get("IntegrationUri") in uris
    }
    for uri, name in uris.items():
        if name not in found:
            found[name] = gateway.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=uri,
                PayloadFormatVersion="2.0",
            )["IntegrationId"]
    return found


def _domain(gateway: Any, api_id: str) -> None:
    """Maps the API's domain, which `aws_server.py` writes into the Host header, to the API."""
    domains = [each["DomainName"] for each in _items(gateway.get_domain_names)]
    if API_DOMAIN not in domains:
        gateway.create_domain_name(
            DomainName=API_DOMAIN,
            DomainNameConfigurations=[
                {
                    "CertificateArn": f"arn:aws:acm:{REGION}:{_account()}:certificate/local",
                    "EndpointType": "REGIONAL",
                }
            ],
        )
    mappings = _items(gateway.get_api_mappings, DomainName=API_DOMAIN)
    if not any(each["ApiId"] == api_id for each in mappings):
        for each in mappings:
            gateway.delete_api_mapping(DomainName=API_DOMAIN, ApiMappingId=each["ApiMappingId"])
        gateway.create_api_mapping(DomainName=API_DOMAIN, ApiId=api_id, Stage="$default")


def _items(operation: Any, **arguments: str) -> list[dict[str, Any]]:
    """The items of all pages of a list operation."""
    items: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = operation(**arguments, **token)
        items += page.get("Items", [])
        if not page.get("NextToken"):
            return items
        token = {"NextToken": page["NextToken"]}


def _account() -> str:
    """The account of every access key that is not an account number, in ministack."""
    return "000000000000"
