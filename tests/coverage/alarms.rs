//! Tests that everything that can fall behind or fail has its alarm, and that
//! `docs/operations.md` says for each alarm what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use thali_functions::FUNCTIONS;
use thali_platform::lambda::Function;

use super::docs::{page, rows_below};
use super::names_of;
use crate::support::template::{monitoring, resources, template};

/// The alarms' properties, by their names within the stack.
pub fn alarms() -> BTreeMap<String, Value> {
    let alarms = resources(&monitoring(), "AWS::CloudWatch::Alarm").into_iter();
    let named = |(_, alarm): (String, Value)| {
        let properties = alarm["Properties"].clone();
        (in_stack(&properties["AlarmName"]).to_owned(), properties)
    };
    alarms.map(named).collect()
}

/// What follows the name of the watched stack in a name.
fn in_stack(name: &Value) -> &str {
    let name = name["!Sub"].as_str().unwrap_or_else(|| panic!("{name} has no stack's name"));
    let inner = name.strip_prefix("${Stack}-").or_else(|| name.strip_prefix("${AWS::StackName}-"));
    inner.unwrap_or_else(|| panic!("{name} does not begin with the stack's name"))
}

/// The name within the stack that a property gives a resource.
fn name_of(resource: &Value, property: &str) -> String {
    in_stack(&resource["Properties"][property]).to_owned()
}

/// An alarm on one metric that an AWS service reports for resources of these names.
fn watches(alarm: &Value, namespace: &str, metric: &str, dimensions: &Value) {
    assert_eq!(alarm["Namespace"], namespace);
    assert_eq!(alarm["MetricName"], metric);
    assert_eq!(alarm["Dimensions"], *dimensions);
    assert_eq!(alarm["TreatMissingData"], "notBreaching");
    assert!(alarm["ComparisonOperator"].as_str().is_some_and(|it| it.starts_with("Greater")));
}

/// A dimension whose value is a name within the stack.
fn dimension(name: &str, value: &str) -> Value {
    json!({ "Name": name, "Value": { "!Sub": format!("${{Stack}}-{value}") } })
}

/// The properties in which the template names a dead-letter queue.
const DEAD_LETTER_PLACES: [&str; 4] =
    ["deadLetterTargetArn", "DeadLetterConfig", "DeadLetterQueue", "OnFailure"];

/// The dead-letter queues of other queues, of streams and of functions.
fn dead_letter_queues(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(dead_letter_queues).collect(),
        Value::Object(members) => {
            let of_member = |(name, member): (&String, &Value)| {
                if !DEAD_LETTER_PLACES.contains(&name.as_str()) {
                    return dead_letter_queues(member);
                }
                let text = member.to_string();
                let reference = text.split("\"!GetAtt\":\"").nth(1);
                let queue = reference.and_then(|reference| reference.split_once(".Arn\""));
                let (queue, _) = queue.unwrap_or_else(|| panic!("{name} is no queue: {member}"));
                BTreeSet::from([queue.to_owned()])
            };
            members.iter().flat_map(of_member).collect()
        }
        _ => BTreeSet::new(),
    }
}

#[test]
fn the_first_message_in_each_dead_letter_queue_starts_an_alarm() {
    let (template, alarms) = (template(), alarms());
    let queues = resources(&template, "AWS::SQS::Queue");
    let dead_letters = dead_letter_queues(&template["Resources"]);
    assert!(!dead_letters.is_empty());
    for queue in dead_letters {
        let name = name_of(&queues[&queue], "QueueName");
        let alarm = alarms.get(&name).unwrap_or_else(|| panic!("{name} has no alarm"));
        let metric = "ApproximateNumberOfMessagesVisible";
        watches(alarm, "AWS/SQS", metric, &json!([dimension("QueueName", &name)]));
        assert_eq!((&alarm["Statistic"], &alarm["Threshold"]), (&json!("Maximum"), &json!(0)));
        assert_eq!((&alarm["Period"], &alarm["EvaluationPeriods"]), (&json!(60), &json!(1)));
    }
}

#[test]
fn a_message_that_nobody_takes_starts_an_alarm() {
    let (template, alarms) = (template(), alarms());
    let wait_s = template["Parameters"]["QueueVisibilitySeconds"]["Default"].as_u64();
    let mut checked = 0;
    for queue in resources(&template, "AWS::SQS::Queue").values() {
        let policy = &queue["Properties"]["RedrivePolicy"];
        let Some(tries) = policy["maxReceiveCount"].as_u64() else { continue };
        let name = name_of(queue, "QueueName");
        let alarm = alarms.get(&format!("{name}-age")).unwrap_or_else(|| panic!("{name}: none"));
        let metric = "ApproximateAgeOfOldestMessage";
        watches(alarm, "AWS/SQS", metric, &json!([dimension("QueueName", &name)]));
        // A message that fails is a dead letter before it is so old; an order is waited for.
        let until_dead_s = (tries - 1) * wait_s.expect("seconds");
        let threshold_s = alarm["Threshold"].as_u64().expect("seconds");
        assert!(threshold_s > until_dead_s || name == "orders", "{name}: {threshold_s} s");
        checked += 1;
    }
    assert!(checked > 0, "there are queues");
}

#[test]
fn a_stream_that_is_read_too_late_starts_an_alarm() {
    let alarms = alarms();
    for name in names_of(|function| matches!(function, Function::StreamReader(_))) {
        let alarm = alarms.get(&format!("{name}-age")).unwrap_or_else(|| panic!("{name}: none"));
        let dimensions = json!([dimension("FunctionName", name)]);
        watches(alarm, "AWS/Lambda", "IteratorAge", &dimensions);
    }
}

#[test]
fn throttles_of_each_table_and_index_start_an_alarm() {
    let alarms = alarms();
    let mut expected = BTreeSet::new();
    for table in resources(&template(), "AWS::DynamoDB::Table").values() {
        let name = name_of(table, "TableName");
        let indexes = table["Properties"]["GlobalSecondaryIndexes"].as_array();
        let names = indexes.into_iter().flatten().map(|index| index["IndexName"].as_str());
        for index in std::iter::once(None).chain(names) {
            let of = index.map_or_else(|| name.clone(), |index| format!("{name}-{index}"));
            let mut dimensions = vec![dimension("TableName", &name)];
            dimensions
                .extend(index.map(|it| json!({ "Name": "GlobalSecondaryIndexName", "Value": it })));
            for (kind, metric) in [("read", "ReadThrottleEvents"), ("write", "WriteThrottleEvents")]
            {
                let alarm = format!("{of}-{kind}-throttles");
                let found = alarms.get(&alarm).unwrap_or_else(|| panic!("there is no {alarm}"));
                watches(found, "AWS/DynamoDB", metric, &json!(dimensions));
                expected.insert(alarm);
            }
        }
    }
    let throttles = alarms
        .keys()
        .filter(|name| name.ends_with("-read-throttles") || name.ends_with("-write-throttles"));
    assert_eq!(throttles.cloned().collect::<BTreeSet<_>>(), expected);
}

/// A metric that a job reports has an alarm on its value, and one that starts if the job is
/// silent for three runs.
#[test]
fn each_metric_of_a_job_has_an_alarm_on_its_value_and_its_absence() {
    let mut expected = BTreeSet::new();
    for function in FUNCTIONS {
        if let Function::Job(job) = function {
            expected.extend(job.metrics.iter().map(|metric| (job.name, metric.name)));
        }
    }
    assert!(!expected.is_empty());
    let alarms = alarms();
    let own: Vec<&Value> = alarms.values().filter(|it| it["Namespace"] == "Thali").collect();
    for (job, metric) in &expected {
        let dimensions = json!([dimension("FunctionName", job)]);
        let of_metric = own
            .iter()
            .filter(|alarm| alarm["MetricName"] == *metric && alarm["Dimensions"] == dimensions);
        let kinds: BTreeSet<&str> =
            of_metric.filter_map(|alarm| alarm["TreatMissingData"].as_str()).collect();
        assert_eq!(kinds, BTreeSet::from(["breaching", "ignore"]), "{job}: {metric}");
    }
    assert_eq!(own.len(), 2 * expected.len());
    let silent = &alarms["reconcile-silent"];
    assert_eq!((&silent["Period"], &silent["Statistic"]), (&json!(900), &json!("SampleCount")));
}

#[test]
fn every_alarm_tells_its_topic_when_it_starts_and_ends() {
    let topic = json!([{ "!Ref": "AlarmTopicArn" }]);
    let told = json!({ "!If": ["HasAlarmTopic", topic, { "!Ref": "AWS::NoValue" }] });
    for (name, alarm) in alarms() {
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&told, &told), "{name}");
    }
}

/// The parts of the page, from a heading to the next one of any level.
fn parts(page: &str) -> BTreeMap<&str, &str> {
    let parts = page.split("\n##").skip(1);
    let titled = parts.filter_map(|part| part.trim_start_matches('#').split_once('\n'));
    titled.map(|(title, text)| (title.trim(), text)).collect()
}

/// The alarms that a table's rows name in their first cells.
fn named(rows: Vec<&str>) -> BTreeSet<String> {
    let first_cells = rows.into_iter().filter_map(|row| row.split('|').nth(1));
    first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn the_operations_page_says_what_to_do_about_every_alarm_and_no_other() {
    let page = page("operations.md");
    let parts = parts(&page);
    let mut listed = BTreeSet::new();
    for (title, text) in &parts {
        let rows = rows_below(text, "| alarm | what it means | what to do |");
        for name in named(rows) {
            assert!(listed.insert((name.clone(), (*title).to_owned())), "{name} is listed twice");
        }
    }
    // Each description ends with the part of the page that has the alarm.
    let described = alarms().into_iter().map(|(name, alarm)| {
        let description = match &alarm["AlarmDescription"] {
            Value::String(text) => text.clone(),
            of_loop => of_loop["!Sub"].as_str().expect("a text").to_owned(),
        };
        let part = description.rsplit_once(". See docs/operations.md, ").expect("it says where").1;
        (name, part.trim_end_matches('.').to_owned())
    });
    assert_eq!(listed, described.collect());
}

/// `CloudWatch` charges for each metric that an alarm reads.
#[test]
fn the_costs_page_tells_what_the_alarms_cost() {
    let alarms = alarms();
    let metrics: usize = alarms
        .values()
        .map(|alarm| {
            let read = alarm["Metrics"].as_array().into_iter().flatten();
            read.filter(|metric| !metric["MetricStat"].is_null()).count().max(1)
        })
        .sum();
    let says = format!(
        "{} alarms read {metrics} metrics: ${}.{} a month",
        alarms.len(),
        metrics / 10,
        metrics % 10 * 10
    );
    assert!(page("costs.md").contains(&says), "docs/costs.md does not say: {says}");
}
