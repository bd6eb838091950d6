//! Metrics of jobs. A metric is a log line in `CloudWatch`'s embedded metric format, from which
//! `CloudWatch` makes the metric; so a function needs no right and no request for it.
//!
//! The format is in the Amazon `CloudWatch` User Guide, "Specification: Embedded metric format".

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "Thali";

/// A metric that a job reports: how it is called in `CloudWatch`, and in the result of a run.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    /// A member of the result. If it is not a number, the run does not report the metric.
    pub counted_as: &'static str,
}

/// Writes the metrics that a run reports to standard output, each as a line.
pub fn report(metrics: &[Metric], done: &Value, run: &Run<'_>, at: Timestamp) {
    let mut output = std::io::stdout().lock();
    for metric in metrics {
        if let Some(line) = line(metric, done, run, at) {
            // Without its metrics an alarm rings, so the run does not fail for it too.
            let _ = writeln!(output, "{line}");
        }
    }
}

/// The run that reports.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The job's name.
    pub job: &'a str,
    /// The deployed function, by which an alarm finds the metric.
    pub function: &'a str,
    /// The id of the invocation.
    pub id: &'a str,
}

/// The line of a metric, if the run counted it. It has the members of every other line, too.
fn line(metric: &Metric, done: &Value, run: &Run<'_>, at: Timestamp) -> Option<Value> {
    let value = done[metric.counted_as].as_u64()?;
    let mut line = Map::from_iter([(metric.name.to_owned(), json!(value))]);
    line.extend([
        ("timestamp".to_owned(), json!(at)),
        ("level".to_owned(), json!("INFO")),
        ("message".to_owned(), json!("a metric")),
        ("span".to_owned(), json!({ "name": "run", "function": run.job, "id": run.id })),
        ("FunctionName".to_owned(), json!(run.function)),
        (
            "_aws".to_owned(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [{ "Name": metric.name, "Unit": "Count" }],
                }],
            }),
        ),
    ]);
    Some(Value::Object(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRIC: Metric = Metric { name: "PaidNotCredited", counted_as: "paid_not_credited" };
    const RUN: Run<'static> =
        Run { job: "reconcile-payments", function: "thali-reconcile-payments", id: "one" };

    #[test]
    fn a_reported_number_is_a_document_in_the_embedded_format() {
        let at: Timestamp = "2026-01-15T06:30:00.5Z".parse().expect("a time");
        for count in [0, 3] {
            let done = json!({ "paid_not_credited": count, "asked": 7 });
            let line = line(&METRIC, &done, &RUN, at).expect("reported");
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(line["_aws"]["Timestamp"], 1_768_458_600_500_i64);
            assert_eq!(directive["Namespace"], "Thali");
            // The dimensions and the metrics are names of members at the top.
            for dimension in directive["Dimensions"][0].as_array().expect("names") {
                let value = &line[dimension.as_str().expect("a name")];
                assert_eq!(value, "thali-reconcile-payments");
            }
            let name = directive["Metrics"][0]["Name"].as_str().expect("a name");
            assert_eq!(line[name], count, "zero is reported too");
        }
    }

    #[test]
    fn a_run_that_counted_nothing_reports_nothing() {
        let at = Timestamp::UNIX_EPOCH;
        for done in [json!({ "paid_not_credited": null }), json!({})] {
            assert_eq!(line(&METRIC, &done, &RUN, at), None);
        }
    }
}
