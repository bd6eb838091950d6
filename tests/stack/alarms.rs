//! The alarms of the deployed stack. The local `CloudWatch` gets no metrics from queues and
//! ignores the dimensions of alarms, so no alarm fires there. The test checks only that each alarm
//! exists and watches an existing queue.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::Stack;
use super::operator::printed;

/// A Python program that prints the alarms whose names begin with the argument. It is in Python
/// because the Rust SDK of `CloudWatch` would add older HTTP crates for this one call.
const DESCRIBE: &str = "
import boto3, json, sys
pages = boto3.client('cloudwatch').get_paginator('describe_alarms').paginate(
    AlarmNamePrefix=sys.argv[1])
print(json.dumps([alarm for page in pages for alarm in page['MetricAlarms']], default=str))
";

/// The stack's alarms on queues, as `CloudWatch` describes them.
fn alarms(stack: &Stack) -> Vec<Value> {
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
    let alarms: Vec<Value> = serde_json::from_str(&printed(&output)).expect("JSON");
    alarms.into_iter().filter(|alarm| alarm["Namespace"] == "AWS/SQS").collect()
}

/// The stack's queues, each with the name of its dead-letter queue.
async fn queues(stack: &Stack) -> BTreeMap<String, Option<String>> {
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let request = sqs.list_queues().queue_name_prefix(stack.name(""));
    let answer = request.send().await.expect("SQS answers");
    let mut queues = BTreeMap::new();
    for url in answer.queue_urls() {
        let request = sqs.get_queue_attributes().queue_url(url);
        let request = request.attribute_names(QueueAttributeName::RedrivePolicy);
        let answer = request.send().await.expect("SQS answers");
        let policy =
            answer.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
        let target = policy.map(|policy| {
            let policy: Value = serde_json::from_str(policy).expect("JSON");
            let arn = policy["deadLetterTargetArn"].as_str().expect("a queue").to_owned();
            arn.rsplit(':').next().expect("its name is last").to_owned()
        });
        queues.insert(url.rsplit('/').next().expect("its name is last").to_owned(), target);
    }
    queues
}

#[tokio::test]
async fn each_dead_letter_queue_is_watched_by_an_alarm() {
    let stack = Stack::running();
    let queues = queues(&stack).await;
    let destinations = ["picture-dead-letters", "relay-dead-letters"].map(|name| stack.name(name));
    let mut unwatched: BTreeSet<String> = queues.values().flatten().cloned().collect();
    unwatched.extend(destinations);
    for alarm in alarms(&stack) {
        let queue = alarm["Dimensions"][0]["Value"].as_str().expect("a queue");
        assert!(queues.contains_key(queue), "there is no {queue}");
        assert!(unwatched.remove(queue), "{queue} is no dead-letter queue, or has two alarms");
        for (property, expected) in [
            ("AlarmName", json!(queue)),
            ("MetricName", json!("ApproximateNumberOfMessagesVisible")),
            ("Dimensions", json!([{ "Name": "QueueName", "Value": queue }])),
            ("Statistic", json!("Maximum")),
            ("Period", json!(60)),
            ("EvaluationPeriods", json!(1)),
            ("ComparisonOperator", json!("GreaterThanThreshold")),
            ("Threshold", json!(0.0)),
            ("TreatMissingData", json!("notBreaching")),
            ("ActionsEnabled", json!(true)),
            ("AlarmActions", json!([])),
            ("OKActions", json!([])),
        ] {
            assert_eq!(alarm[property], expected, "{property} of {queue}");
        }
    }
    assert_eq!(unwatched, BTreeSet::new(), "without an alarm");
}
