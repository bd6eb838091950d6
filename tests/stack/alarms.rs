//! The alarms of the deployed stack. The local `CloudWatch` gets no metrics from other services and
//! ignores the dimensions of alarms, so no alarm fires there. The tests check that each alarm of
//! the template exists as it was written, and watches something that exists.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use thali_functions::FUNCTIONS;

use super::logs::metric_lines;
use super::operator::printed;
use super::{Stack, eventually};
use crate::coverage::alarms::alarms;

/// A Python program that prints what the stack of this name has: its alarms, and the names of what
/// they can watch. It is in Python because the Rust SDK of `CloudWatch` would add older HTTP crates
/// for this one call.
const DESCRIBE: &str = "
import boto3, json, sys
stack = sys.argv[1]
def pages(service, operation, **arguments):
    return boto3.client(service).get_paginator(operation).paginate(**arguments)
print(json.dumps({
    'alarms': [alarm for page in pages('cloudwatch', 'describe_alarms', AlarmNamePrefix=stack)
               for alarm in page['MetricAlarms']],
    'QueueName': [url.rpartition('/')[2] for page in
                  pages('sqs', 'list_queues', QueueNamePrefix=stack)
                  for url in page.get('QueueUrls', [])],
    'TableName': [name for page in pages('dynamodb', 'list_tables') for name in page['TableNames']],
    'ApiId': [api['ApiId'] for page in pages('apigatewayv2', 'get_apis') for api in page['Items']],
}, default=str))
";

fn describe(stack: &Stack) -> Value {
    let output = Command::new(std::env::var("THALI_PYTHON").expect("`make test` names a Python"))
        .args(["-c", DESCRIBE, &stack.name("")])
        .env("AWS_ENDPOINT_URL", stack.variable("AWS_ENDPOINT_URL"))
        .env("AWS_DEFAULT_REGION", stack.variable("AWS_REGION"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_PROFILE")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .output()
        .expect("python starts");
    serde_json::from_str(&printed(&output)).expect("JSON")
}

/// A value of the template as it is deployed.
fn deployed(value: &Value, stack: &Stack) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|it| deployed(it, stack)).collect(),
        Value::Object(members) => match members.get("!Sub") {
            Some(Value::String(text)) => json!(text.replace("${Stack}-", &stack.name(""))),
            _ => members.iter().map(|(name, it)| (name.clone(), deployed(it, stack))).collect(),
        },
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// What the local AWS shows of an alarm, and does not change.
const SHOWN: [&str; 9] = [
    "AlarmDescription",
    "Namespace",
    "MetricName",
    "Dimensions",
    "Statistic",
    "Period",
    "EvaluationPeriods",
    "ComparisonOperator",
    "TreatMissingData",
];

#[tokio::test]
async fn every_alarm_of_the_template_is_deployed_and_no_other() {
    let stack = Stack::running();
    let found = describe(&stack);
    let found = found["alarms"].as_array().expect("alarms");
    let written = alarms();
    let names = found.iter().map(|alarm| alarm["AlarmName"].as_str().expect("a name").to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), written.keys().map(|it| stack.name(it)).collect());
    for (name, properties) in written {
        let alarm = found.iter().find(|alarm| alarm["AlarmName"] == stack.name(&name));
        let alarm = deployed(alarm.expect("just compared"), &stack);
        assert_eq!(alarm["Threshold"], deployed(&properties["Threshold"], &stack), "{name}");
        assert_eq!((&alarm["ActionsEnabled"], &alarm["AlarmActions"]), (&json!(true), &json!([])));
        let computes = !properties["Metrics"].is_null();
        for property in SHOWN.into_iter().filter(|_| !computes) {
            let expected = match &properties[property] {
                Value::Null => json!([]),
                written => deployed(written, &stack),
            };
            assert_eq!(alarm[property], expected, "{property} of {name}");
        }
        if computes {
            let expression = &properties["Metrics"][0]["Expression"];
            assert_eq!(alarm["Metrics"][0]["Expression"], *expression, "{name}");
        }
    }
}

/// The dimensions of an alarm, of all metrics that it reads.
fn dimensions(alarm: &Value) -> Vec<(String, String)> {
    let metrics = alarm["Metrics"].as_array().into_iter().flatten();
    let of_metrics = metrics.map(|metric| &metric["MetricStat"]["Metric"]["Dimensions"]);
    let all = of_metrics.chain([&alarm["Dimensions"]]);
    let text =
        |dimension: &Value, member: &str| dimension[member].as_str().expect("text").to_owned();
    all.filter_map(Value::as_array)
        .flatten()
        .map(|dimension| (text(dimension, "Name"), text(dimension, "Value")))
        .collect()
}

#[tokio::test]
async fn every_alarm_watches_something_that_exists() {
    let stack = Stack::running();
    let found = describe(&stack);
    let functions: Vec<String> = FUNCTIONS.iter().map(|it| stack.name(it.name())).collect();
    let mut checked = BTreeSet::new();
    for alarm in found["alarms"].as_array().expect("alarms") {
        for (kind, name) in dimensions(alarm) {
            let exists = match kind.as_str() {
                "FunctionName" => functions.contains(&name),
                // tests/coverage compares the indexes with the template.
                "GlobalSecondaryIndexName" => true,
                kind => found[kind].as_array().is_some_and(|all| all.contains(&json!(name))),
            };
            assert!(exists, "{}: there is no {kind} {name}", alarm["AlarmName"]);
            checked.insert(kind);
        }
    }
    let kinds = ["ApiId", "FunctionName", "GlobalSecondaryIndexName", "QueueName", "TableName"];
    assert_eq!(checked.iter().map(String::as_str).collect::<Vec<_>>(), kinds);
}

#[tokio::test]
async fn the_deployed_job_reports_the_metric_that_its_alarms_read() {
    let stack = Stack::running();
    stack.invoke("reconcile-payments", &json!({ "older_than_s": 0 })).await;
    let line = eventually("the job has reported", async || {
        metric_lines(&stack, "reconcile-payments").await.pop()
    })
    .await;
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    let found = describe(&stack);
    for name in ["paid-not-credited", "reconcile-silent"] {
        let all = found["alarms"].as_array().expect("alarms");
        let alarm = all.iter().find(|alarm| alarm["AlarmName"] == stack.name(name));
        let alarm = alarm.unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(directive["Namespace"], alarm["Namespace"]);
        assert_eq!(directive["Metrics"][0]["Name"], alarm["MetricName"]);
        let dimension = &alarm["Dimensions"][0];
        assert_eq!(directive["Dimensions"], json!([[dimension["Name"]]]));
        assert_eq!(line[dimension["Name"].as_str().expect("a name")], dimension["Value"]);
    }
    assert!(line["PaidNotCredited"].is_u64(), "{line}");
}
