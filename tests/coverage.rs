//! Tests that the parts of the repository agree: the registry of functions, the template's
//! functions, routes, grants and variables, the alarms, the sample events, the pages of `docs/`, and
//! the Postman collection.

mod advisories;
pub mod alarms;
mod docs;
mod environment;
mod postman;
mod rules;
mod size;

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::s3::S3Event;
use serde_json::{Value, json};
use thali_domain::pictures::{PictureKey, ScreenshotKey};
use thali_functions::ops::{not_found, web};
use thali_functions::workers::messages::{
    ClosureAnnouncement, MailMessage, Notice, OrderMessage, RefundMessage,
};
use thali_functions::{FUNCTIONS, endpoints};
use thali_platform::config::Part;
use thali_platform::http::{Access, RATES, Rate};
use thali_platform::lambda::{Function, find};

use thali_platform::store::AuditRecord;

use crate::support::template::{resources, root, template};

/// The names of the functions of a kind.
fn names_of(kind: impl Fn(&Function) -> bool) -> BTreeSet<&'static str> {
    FUNCTIONS.iter().filter(|function| kind(function)).map(Function::name).collect()
}

fn is_job(function: &Function) -> bool {
    matches!(function, Function::Job(_))
}

fn is_consumer(function: &Function) -> bool {
    matches!(function, Function::Consumer(_))
}

/// The properties of the template's functions, by name.
fn functions_in_template() -> BTreeMap<String, Value> {
    let functions = resources(&template(), "AWS::Serverless::Function");
    let named = |(_, function): (String, Value)| {
        let name = function["Properties"]["FunctionName"]["!Sub"].as_str().expect("named");
        let name = name.strip_prefix("${AWS::StackName}-").expect("named after the stack");
        (name.to_owned(), function["Properties"].clone())
    };
    functions.into_iter().map(named).collect()
}

/// The names of the files in a folder, without their extensions.
fn stems(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join(folder)).expect("the folder is there");
    let stem = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.expect("readable").path();
        path.file_stem().expect("a file").to_string_lossy().into_owned()
    };
    files.map(stem).collect()
}

#[test]
fn every_function_has_its_resource_and_its_sample_event() {
    let in_code: BTreeSet<String> = FUNCTIONS.iter().map(|each| each.name().to_owned()).collect();
    assert_eq!(in_code.len(), FUNCTIONS.len(), "two functions have the same name");
    assert_eq!(in_code, functions_in_template().into_keys().collect(), "template.yaml");
    assert_eq!(in_code, stems("events"), "events");
}

#[test]
fn the_handler_of_a_function_is_its_name() {
    for (name, function) in functions_in_template() {
        assert_eq!(function["Handler"], name, "{name}");
        let own = (name == web::ENDPOINT.name).then_some("target/lambda/thali-functions/web.zip");
        assert_eq!(function["CodeUri"].as_str(), own, "{name}: only the web app has a package");
    }
}

#[test]
fn an_unknown_function_name_is_refused_with_the_known_names() {
    assert_eq!(find(FUNCTIONS, "scan").expect("it is there").name(), "scan");
    let unknown = find(FUNCTIONS, "bootstrap").err().expect("refused").to_string();
    assert!(unknown.starts_with("there is no function `bootstrap`"), "{unknown}");
    for function in FUNCTIONS {
        assert!(unknown.contains(function.name()), "{} in {unknown}", function.name());
    }
}

#[test]
fn only_the_fallback_endpoint_has_no_route() {
    let unrouted = FUNCTIONS.iter().filter_map(Function::endpoint).filter(|it| !it.is_routed());
    assert_eq!(unrouted.map(|it| it.name).collect::<Vec<_>>(), [not_found::ENDPOINT.name]);
}

#[test]
fn the_template_routes_every_path_of_every_endpoint_and_no_other() {
    let in_code: BTreeSet<(String, String, String)> = endpoints()
        .chain([&web::ENDPOINT])
        .flat_map(|endpoint| {
            let route = |path: &&str| {
                // The gateway has no route for two methods; the function refuses the others.
                let method = if endpoint.answers_head() { "ANY" } else { endpoint.method.as_str() };
                (endpoint.name.to_owned(), method.to_owned(), (*path).to_owned())
            };
            endpoint.paths.iter().map(route).collect::<Vec<_>>()
        })
        .collect();
    let mut in_template = BTreeSet::new();
    for (name, function) in functions_in_template() {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            let pathless = event["Properties"]["Path"].is_null();
            assert_eq!(pathless && event["Type"] == "HttpApi", name == not_found::ENDPOINT.name);
            if event["Type"] == "HttpApi" && !pathless {
                let text =
                    |field: &str| event["Properties"][field].as_str().expect(field).to_owned();
                in_template.insert((name.clone(), text("Method"), text("Path")));
            }
        }
    }
    assert_eq!(in_code, in_template);
}

#[test]
fn a_stream_reader_may_send_to_its_dead_letter_queue() {
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    let mut checked = 0;
    for (name, mapping) in resources(&template, "AWS::Lambda::EventSourceMapping") {
        let on_failure = &mapping["Properties"]["DestinationConfig"]["OnFailure"]["Destination"];
        if on_failure.is_null() {
            continue;
        }
        let function = mapping["Properties"]["FunctionName"]["!Ref"].as_str().expect("a function");
        let statements = statements(&functions[function]["Properties"]).into_iter();
        let sends = statements.filter(|it| it["Action"] == "sqs:SendMessage");
        let filled: BTreeSet<String> = sends.flat_map(|it| arns(&it["Resource"])).collect();
        assert!(arns(on_failure).is_subset(&filled), "{name}: {on_failure}");
        checked += 1;
    }
    assert!(checked > 0, "no stream has a dead-letter queue");
}

#[test]
fn functions_that_change_or_read_cached_items_use_redis() {
    let changes = [
        "cache-evictor",
        "razorpay-webhook",
        "submit-tokens",
        "refund",
        "payment-accept",
        "order-place",
        "order-cancel",
        "order-collect",
        "order-processor",
    ];
    let tells = endpoints().filter(|endpoint| endpoint.docs.tells_cache);
    for name in changes.into_iter().chain(tells.map(|endpoint| endpoint.name)) {
        let function = find(FUNCTIONS, name).expect("it is there");
        assert!(function.parts().contains(&Part::Cache), "{name}");
    }
}

/// Which functions read a table's stream, by the table's logical name.
fn stream_readers() -> BTreeMap<String, BTreeSet<String>> {
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    let mut readers = BTreeMap::<String, BTreeSet<String>>::new();
    for mapping in resources(&template, "AWS::Lambda::EventSourceMapping").values() {
        let stream = mapping["Properties"]["EventSourceArn"]["!GetAtt"].as_str();
        let stream = stream.and_then(|stream| stream.strip_suffix(".StreamArn"));
        let function = mapping["Properties"]["FunctionName"]["!Ref"].as_str().expect("a function");
        let handler = functions[function]["Properties"]["Handler"].as_str().expect("a name");
        readers.entry(stream.expect("a stream").to_owned()).or_default().insert(handler.to_owned());
    }
    readers
}

#[test]
fn no_stream_exceeds_the_dynamodb_limit_of_two_readers() {
    let readers = stream_readers();
    assert!(readers.values().all(|of_stream| of_stream.len() <= 2), "{readers:?}");
    let both = BTreeSet::from(["cache-evictor", "relay"].map(str::to_owned));
    for cached in ["TokensTable", "OrdersTable"] {
        assert_eq!(readers[cached], both, "{cached}");
    }
    let read: BTreeSet<&str> = readers.values().flatten().map(String::as_str).collect();
    assert_eq!(read, names_of(|function| matches!(function, Function::StreamReader(_))));
}

#[test]
fn the_relay_reads_every_table_stream() {
    let template = template();
    let tables = resources(&template, "AWS::DynamoDB::Table").into_iter();
    let streamed: BTreeSet<String> = tables
        .filter(|(_, table)| !table["Properties"]["StreamSpecification"].is_null())
        .map(|(name, _)| name)
        .collect();
    let readers = stream_readers();
    let relayed = readers.iter().filter(|(_, readers)| readers.contains("relay"));
    assert_eq!(relayed.map(|(table, _)| table.clone()).collect::<BTreeSet<_>>(), streamed);
}

/// The statements of a function's own policies.
fn statements(function: &Value) -> Vec<Value> {
    let policies = match &function["Policies"] {
        Value::Array(policies) => policies.clone(),
        policy => vec![policy.clone()],
    };
    let of_policy = |policy: Value| policy["Statement"].as_array().cloned().unwrap_or_default();
    policies.into_iter().flat_map(of_policy).collect()
}

#[test]
fn no_grant_has_a_wildcard_action_or_resource() {
    for (name, function) in functions_in_template() {
        for statement in statements(&function) {
            let text = statement.to_string();
            assert!(!text.contains("\"*\"") && !text.contains(":*\""), "{name}: {text}");
        }
    }
}

#[test]
fn object_grants_cover_only_pictures_and_screenshots() {
    let pictures = [PictureKey::PREFIX, ScreenshotKey::PREFIX]
        .map(|prefix| format!("-blobs-${{AWS::AccountId}}/{prefix}*"));
    for (name, function) in functions_in_template() {
        for statement in statements(&function) {
            if !statement["Action"].to_string().contains("Object\"") {
                continue;
            }
            let resources = match &statement["Resource"] {
                Value::Array(resources) => resources.clone(),
                resource => vec![resource.clone()],
            };
            for resource in resources {
                let arn = resource["!Sub"].as_str().unwrap_or_default();
                assert!(pictures.iter().any(|it| arn.ends_with(it)), "{name}: {resource}");
            }
        }
    }
}

#[test]
fn uploads_invoke_only_the_picture_check() {
    let mut invoked = Vec::new();
    for (name, function) in functions_in_template() {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            if event["Type"] == "S3" {
                let rule = &event["Properties"]["Filter"]["S3Key"]["Rules"][0];
                assert_eq!(rule["Name"], "prefix");
                assert_eq!(event["Properties"]["Events"], "s3:ObjectCreated:*");
                invoked.push((name.clone(), rule["Value"].clone()));
            }
        }
    }
    let expected = [PictureKey::PREFIX, ScreenshotKey::PREFIX];
    assert_eq!(invoked, expected.map(|prefix| ("picture-check".to_owned(), json!(prefix))));
}

#[test]
fn requests_and_workers_each_have_a_log_group_with_retention() {
    let template = template();
    let groups = resources(&template, "AWS::Logs::LogGroup");
    for (name, group) in &groups {
        assert_eq!(group["Properties"]["RetentionInDays"]["!Ref"], "LogRetentionDays", "{name}");
    }
    let globals = &template["Globals"]["Function"]["LoggingConfig"]["LogGroup"]["!Ref"];
    assert_eq!(globals, "RequestLogs");
    let functions = functions_in_template();
    for function in FUNCTIONS {
        let own = &functions[function.name()]["LoggingConfig"]["LogGroup"]["!Ref"];
        let is_endpoint = function.endpoint().is_some();
        let expected = if is_endpoint { Value::Null } else { json!("WorkerLogs") };
        assert_eq!(*own, expected, "{}", function.name());
    }
    assert!(groups.contains_key("RequestLogs") && groups.contains_key("WorkerLogs"));
}

#[test]
fn queue_visibility_is_at_least_six_times_the_consumer_timeout() {
    let template = template();
    let wait = &template["Parameters"]["QueueVisibilitySeconds"]["Default"];
    let wait_s = wait.as_u64().expect("seconds");
    for (name, queue) in resources(&template, "AWS::SQS::Queue") {
        if !queue["Properties"]["RedrivePolicy"].is_null() {
            let tries = &queue["Properties"]["RedrivePolicy"]["maxReceiveCount"];
            assert_eq!(queue["Properties"]["VisibilityTimeout"]["!Ref"], "QueueVisibilitySeconds");
            assert!(tries.as_u64() >= Some(5), "{name}");
        }
    }
    for name in names_of(is_consumer) {
        let function = &functions_in_template()[name];
        let timeout_s = function["Timeout"].as_u64().expect("a consumer has its own timeout");
        assert!(wait_s >= 6 * timeout_s, "{name}: {timeout_s} s");
    }
}

/// The resources whose ARNs are named somewhere in a value.
fn arns(value: &Value) -> BTreeSet<String> {
    let text = value.to_string();
    let names = text.split("\"!GetAtt\":\"").skip(1).filter_map(|rest| rest.split_once(".Arn\""));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn only_a_consumer_that_fills_its_own_queue_may_recurse() {
    let mut loops = Vec::new();
    for (name, function) in functions_in_template() {
        let statements = statements(&function).into_iter();
        let sends = statements.filter(|it| it["Action"].to_string().contains("sqs:Send"));
        let filled: BTreeSet<String> = sends.flat_map(|it| arns(&it["Resource"])).collect();
        let events = function["Events"].as_object().into_iter().flat_map(|events| events.values());
        let invoked: BTreeSet<String> =
            events.flat_map(|event| arns(&event["Properties"]["Queue"])).collect();
        let fills_its_own = !filled.is_disjoint(&invoked);
        // Without `Allow`, Lambda drops the message after sixteen rounds.
        assert_eq!(function["RecursiveLoop"] == "Allow", fills_its_own, "{name}");
        loops.extend(fills_its_own.then_some(name));
    }
    assert_eq!(loops, ["announcer"]);
}

#[test]
fn only_jobs_have_a_schedule_and_each_job_has_one() {
    let mut scheduled = BTreeMap::new();
    for (name, function) in functions_in_template() {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            if event["Type"] == "ScheduleV2" {
                let when = event["Properties"]["ScheduleExpression"].as_str().expect("a schedule");
                scheduled.insert(name.clone(), when.to_owned());
                let by_schedule = &event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"];
                let by_lambda = &function["EventInvokeConfig"]["MaximumRetryAttempts"];
                assert_eq!((by_schedule, by_lambda), (&json!(0), &json!(0)), "{name}: retries");
            }
        }
    }
    // Every day at 03:30 UTC; every five minutes; every minute.
    let expected = [
        ("expire-tokens", "cron(30 3 * * ? *)"),
        ("reconcile-payments", "rate(5 minutes)"),
        ("sweep-orders", "rate(1 minute)"),
    ];
    assert_eq!(scheduled, expected.map(|(name, when)| (name.into(), when.into())).into());
    assert_eq!(names_of(is_job), scheduled.keys().map(String::as_str).collect());
}

fn event(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("events/{name}.json"))).expect("it is there")
}

#[test]
fn every_sample_event_is_valid_input_for_its_function() {
    for endpoint in endpoints().chain([&web::ENDPOINT]) {
        let request = lambda_http::request::from_str(&event(endpoint.name));
        let request = request.unwrap_or_else(|error| panic!("{}: {error}", endpoint.name));
        let path = request.uri().path();
        assert!(endpoint.serves_path(path), "{}: {path}", endpoint.name);
        assert_eq!(request.method(), endpoint.method, "{}", endpoint.name);
    }
    let nowhere = lambda_http::request::from_str(&event(not_found::ENDPOINT.name));
    assert_eq!(nowhere.expect("the gateway's format").uri().path(), "/nowhere");
    let sqs = |name: &str| -> String {
        let event: Value = serde_json::from_str(&event(name)).expect("JSON");
        event["Records"][0]["body"].as_str().expect("a body").to_owned()
    };
    serde_json::from_str::<MailMessage>(&sqs("mailer")).expect("a mail");
    serde_json::from_str::<AuditRecord>(&sqs("audit-writer")).expect("an audit record");
    serde_json::from_str::<RefundMessage>(&sqs("refunder")).expect("a refund");
    serde_json::from_str::<OrderMessage>(&sqs("order-processor")).expect("an order");
    serde_json::from_str::<Notice>(&sqs("notifier")).expect("a notice");
    serde_json::from_str::<ClosureAnnouncement>(&sqs("announcer")).expect("a closure");
    for name in names_of(is_job) {
        let options: Value = serde_json::from_str(&event(name)).expect("JSON");
        assert!(options.is_object(), "{name}");
    }
    for name in names_of(|function| matches!(function, Function::StreamReader(_))) {
        let stream: aws_lambda_events::dynamodb::Event =
            serde_json::from_str(&event(name)).expect("a stream's event");
        assert!(!stream.records.is_empty(), "{name}");
    }
    let uploads: S3Event = serde_json::from_str(&event("picture-check")).expect("S3's event");
    let key = uploads.records[0].s3.object.key.as_deref().expect("an object has a key");
    PictureKey::parse(key).expect("the key of a profile picture");
}

#[test]
fn every_endpoint_has_a_listed_rate_and_only_partners_and_pages_are_unlimited() {
    for endpoint in endpoints().chain([&not_found::ENDPOINT, &web::ENDPOINT]) {
        let listed = RATES.iter().any(|(_, rate, _)| *rate == endpoint.rate);
        assert!(listed, "{}: {:?}", endpoint.name, endpoint.rate);
        let unlimited = endpoint.rate == Rate::Unlimited;
        let expected = endpoint.access == Access::Partner || endpoint.docs.pages;
        assert_eq!(unlimited, expected, "{}", endpoint.name);
        let per_account = matches!(endpoint.rate, Rate::PerAccount(_));
        assert_eq!(per_account, endpoint.access.needs_session(), "{}", endpoint.name);
    }
}
