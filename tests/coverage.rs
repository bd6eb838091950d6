//! That what belongs together is there together: endpoints and consumers, bins, the
//! template's functions, routes, grants and variables, sample events, the README, and the
//! Postman collection.

mod postman;

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::s3::S3Event;
use serde_json::{Value, json};
use thali_domain::pictures::{PictureKey, ScreenshotKey};
use thali_functions::ops::not_found;
use thali_functions::workers::messages::{
    ClosureAnnouncement, MailMessage, Notice, OrderMessage, RefundMessage,
};
use thali_functions::workers::{cache_evictor, picture_check, relay};
use thali_functions::{CONSUMERS, ENDPOINTS, JOBS};
use thali_platform::config::Part;
use thali_platform::http::{Access, RATES, Rate};
use thali_platform::problems::CODES;
use thali_platform::store::AuditRecord;

use crate::support::template::{resources, root, template};

/// The functions that the code has, and what each needs of the configuration.
fn functions_in_code() -> BTreeMap<&'static str, Vec<Part>> {
    let endpoints = ENDPOINTS.iter().map(|endpoint| (endpoint.name, endpoint.all_parts()));
    let fallback = [(not_found::ENDPOINT.name, not_found::ENDPOINT.all_parts())];
    let consumers = CONSUMERS.iter().map(|consumer| (consumer.name, consumer.parts.to_vec()));
    let jobs = JOBS.iter().map(|job| (job.name, job.parts.to_vec()));
    endpoints
        .chain(fallback)
        .chain(consumers)
        .chain(jobs)
        .chain([(relay::NAME, relay::PARTS.to_vec())])
        .chain([(cache_evictor::NAME, cache_evictor::PARTS.to_vec())])
        .chain([(picture_check::NAME, picture_check::PARTS.to_vec())])
        .collect()
}

/// The functions of the template, by name.
fn functions_in_template() -> BTreeMap<String, Value> {
    let functions = resources(&template(), "AWS::Serverless::Function");
    let named = |(_, function): (String, Value)| {
        let name = function["Properties"]["FunctionName"]["!Sub"].as_str().expect("named");
        let name = name.strip_prefix("${AWS::StackName}-").expect("named after the stack");
        (name.to_owned(), function["Properties"].clone())
    };
    functions.into_iter().map(named).collect()
}

/// The names of the files in a folder, without their ending.
fn stems(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join(folder)).expect("the folder is there");
    let stem = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.expect("readable").path();
        path.file_stem().expect("a file").to_string_lossy().into_owned()
    };
    files.map(stem).collect()
}

#[test]
fn every_function_has_its_bin_its_resource_and_its_sample_event_and_nothing_is_left_over() {
    let in_code: BTreeSet<String> = functions_in_code().keys().map(ToString::to_string).collect();
    assert_eq!(in_code, stems("functions/src/bin"), "bins");
    assert_eq!(in_code, functions_in_template().into_keys().collect(), "template.yaml");
    assert_eq!(in_code, stems("events"), "events");
}

#[test]
fn the_template_routes_every_path_of_every_endpoint_and_no_other() {
    let in_code: BTreeSet<(String, String, String)> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| {
            let route = |path: &&str| {
                (endpoint.name.to_owned(), endpoint.method.to_string(), (*path).to_owned())
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

/// The variables that come with a part; `APP_URL` and `REDIS_URL` may be empty.
fn variables_of(part: Part) -> &'static [&'static str] {
    match part {
        Part::PublicKeys => &["JWKS"],
        Part::SigningKey => &["JWT_SIGNING_KEY"],
        Part::RefreshKey => &["REFRESH_KEY"],
        Part::OtpKey => &["OTP_KEY"],
        Part::PinKey => &["PIN_KEY"],
        Part::QrKey => &["QR_KEY"],
        Part::Razorpay => &["RAZORPAY_URL", "RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET"],
        Part::WebhookSecrets => &["RAZORPAY_WEBHOOK_SECRETS"],
        Part::Queues => &[
            "QUEUE_MAIL_URL",
            "QUEUE_AUDIT_URL",
            "QUEUE_REFUNDS_URL",
            "QUEUE_ORDERS_URL",
            "QUEUE_NOTICES_URL",
            "QUEUE_ANNOUNCEMENTS_URL",
        ],
        Part::Mail => &["MAIL_FROM", "APP_URL"],
        Part::Blobs => &["BUCKET"],
    }
}

#[test]
fn every_function_is_given_exactly_the_variables_that_it_needs() {
    let parts = functions_in_code();
    for (name, function) in functions_in_template() {
        let given = function["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
        let given: BTreeSet<&str> =
            given.keys().map(String::as_str).filter(|name| *name != "REDIS_URL").collect();
        let needed = parts[name.as_str()].iter().flat_map(|part| variables_of(*part)).copied();
        assert_eq!(given, needed.collect(), "{name}");
    }
}

#[test]
fn every_verifying_function_reads_the_version_of_the_public_keys_that_is_deployed() {
    let reference = "{{resolve:ssm:/thali/${Stage}/jwks${JwksVersion}}}";
    for (name, function) in functions_in_template() {
        let given = &function["Environment"]["Variables"]["JWKS"];
        assert!(given.is_null() || given["!Sub"] == reference, "{name}: {given}");
    }
}

#[test]
fn functions_that_call_the_outside_world_reach_redis_by_an_address_of_their_own_or_not_at_all() {
    for (name, function) in functions_in_template() {
        let given = &function["Environment"]["Variables"];
        let redis = &given["REDIS_URL"];
        if !given["RAZORPAY_URL"].is_null() {
            assert_eq!(redis["!Ref"], "PartnerRedisUrl", "{name}");
        } else if !given["MAIL_FROM"].is_null() {
            assert!(redis.is_null(), "{name}");
        } else {
            assert!(redis.is_null() || redis["!Ref"] == "RedisUrl", "{name}: {redis}");
        }
    }
}

#[test]
fn whoever_changes_or_reads_what_is_cached_may_reach_redis() {
    let changes = [
        cache_evictor::NAME,
        "razorpay-webhook",
        "submit-tokens",
        "refund",
        "order-create",
        "order-cancel",
        "order-collect",
        "order-processor",
    ];
    let cached = changes.map(str::to_owned);
    let tells = ENDPOINTS.iter().filter(|endpoint| endpoint.docs.tells_cache);
    let functions = functions_in_template();
    for name in cached.into_iter().chain(tells.map(|endpoint| endpoint.name.to_owned())) {
        let given = &functions[&name]["Environment"]["Variables"];
        assert_eq!(given["REDIS_URL"]["!Ref"], "RedisUrl", "{name}");
    }
}

#[test]
fn no_stream_has_more_than_the_two_readers_that_dynamodb_serves() {
    let mut readers = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, function) in functions_in_template() {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            if event["Type"] == "DynamoDB" {
                let stream = event["Properties"]["Stream"]["!GetAtt"].as_str().expect("a stream");
                readers.entry(stream.to_owned()).or_default().insert(name.clone());
            }
        }
    }
    assert!(readers.values().all(|of_stream| of_stream.len() <= 2), "{readers:?}");
    let both = BTreeSet::from([cache_evictor::NAME, relay::NAME].map(str::to_owned));
    for cached in ["TokensTable.StreamArn", "OrdersTable.StreamArn"] {
        assert_eq!(readers[cached], both, "{cached}");
    }
}

#[test]
fn every_grant_names_its_actions_and_its_resources() {
    for (name, function) in functions_in_template() {
        for policy in function["Policies"].as_array().into_iter().flatten() {
            for statement in policy["Statement"].as_array().expect("statements") {
                let text = statement.to_string();
                assert!(!text.contains("\"*\"") && !text.contains(":*\""), "{name}: {text}");
            }
        }
    }
}

#[test]
fn a_grant_on_objects_is_for_the_pictures_alone() {
    let pictures = [PictureKey::PREFIX, ScreenshotKey::PREFIX]
        .map(|prefix| format!("-blobs-${{AWS::AccountId}}/{prefix}*"));
    for (name, function) in functions_in_template() {
        for policy in function["Policies"].as_array().into_iter().flatten() {
            for statement in policy["Statement"].as_array().expect("statements") {
                let resource = statement["Resource"]["!Sub"].as_str().unwrap_or_default();
                if statement["Action"].to_string().contains("Object\"") {
                    let of_pictures = pictures.iter().any(|pictures| resource.ends_with(pictures));
                    assert!(of_pictures, "{name}: {statement}");
                }
            }
        }
    }
}

#[test]
fn uploads_invoke_the_function_that_checks_them_and_no_other() {
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
    assert_eq!(invoked, expected.map(|prefix| (picture_check::NAME.to_owned(), json!(prefix))));
}

#[test]
fn the_readme_names_every_function_that_has_no_route() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let routed: BTreeSet<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.name).collect();
    for name in functions_in_code().into_keys().filter(|name| !routed.contains(name)) {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_function_has_a_log_group_that_forgets() {
    let groups = resources(&template(), "AWS::Logs::LogGroup");
    let named = |group: &Value| group["Properties"]["LogGroupName"]["!Sub"].clone();
    for name in functions_in_template().into_keys() {
        let expected = format!("/aws/lambda/${{AWS::StackName}}-{name}");
        let group = groups.values().find(|group| named(group) == expected.as_str());
        let group = group.unwrap_or_else(|| panic!("{name} has no log group"));
        assert_eq!(group["Properties"]["RetentionInDays"]["!Ref"], "LogRetentionDays", "{name}");
    }
}

#[test]
fn every_queue_waits_six_times_as_long_as_its_consumer_may_run() {
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
    for consumer in CONSUMERS {
        let function = &functions_in_template()[consumer.name];
        let timeout_s = function["Timeout"].as_u64().expect("a consumer has its own timeout");
        assert!(wait_s >= 6 * timeout_s, "{}: {timeout_s} s", consumer.name);
    }
}

/// The resources whose ARNs are named somewhere in a value.
fn arns(value: &Value) -> BTreeSet<String> {
    let text = value.to_string();
    let names = text.split("\"!GetAtt\":\"").skip(1).filter_map(|rest| rest.split_once(".Arn\""));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn who_fills_the_queue_by_which_it_is_invoked_may_do_so_to_the_end() {
    let mut loops = Vec::new();
    for (name, function) in functions_in_template() {
        let policies = function["Policies"].as_array().into_iter().flatten();
        let statements = policies.filter_map(|policy| policy["Statement"].as_array());
        let sends = statements.flatten().filter(|it| it["Action"].to_string().contains("sqs:Send"));
        let filled: BTreeSet<String> = sends.flat_map(|it| arns(&it["Resource"])).collect();
        let events = function["Events"].as_object().into_iter().flat_map(|events| events.values());
        let invoked: BTreeSet<String> =
            events.flat_map(|event| arns(&event["Properties"]["Queue"])).collect();
        let fills_its_own = !filled.is_disjoint(&invoked);
        // Without this Lambda drops the message after sixteen rounds.
        assert_eq!(function["RecursiveLoop"] == "Allow", fills_its_own, "{name}");
        loops.extend(fills_its_own.then_some(name));
    }
    assert_eq!(loops, ["announcer"]);
}

/// Where the template names a queue for what could not be handled.
const DEAD_LETTER_PLACES: [&str; 4] =
    ["deadLetterTargetArn", "DeadLetterConfig", "DeadLetterQueue", "OnFailure"];

/// The queues of dead letters, of other queues, of streams and of functions.
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

/// The alarm that rings at the first message in a queue of dead letters, save for what it
/// says to whoever is woken.
fn alarm_of(queue: &str, name: &Value) -> Value {
    let topic = json!([{ "!Ref": "AlarmTopicArn" }]);
    let told = json!({ "!If": ["HasAlarmTopic", topic, { "!Ref": "AWS::NoValue" }] });
    let queue_name = json!({ "!GetAtt": format!("{queue}.QueueName") });
    json!({
        "AlarmName": name,
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{ "Name": "QueueName", "Value": queue_name }],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        "AlarmActions": told,
        "OKActions": told,
    })
}

#[test]
fn every_queue_of_dead_letters_has_an_alarm_and_a_row_in_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let template = template();
    let queues = resources(&template, "AWS::SQS::Queue");
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let dead_letters = dead_letter_queues(&template["Resources"]);
    assert!(!dead_letters.is_empty());
    for queue in dead_letters {
        let name = &queues[&queue]["Properties"]["QueueName"];
        let of_queue = |alarm: &&Value| alarm["Properties"]["AlarmName"] == *name;
        let alarm = alarms.values().find(of_queue).map(|alarm| alarm["Properties"].clone());
        let mut alarm = alarm.unwrap_or_else(|| panic!("{queue} has no alarm"));
        let says = alarm.as_object_mut().and_then(|alarm| alarm.remove("AlarmDescription"));
        assert!(says.is_some(), "{queue}");
        assert_eq!(alarm, alarm_of(&queue, name), "{queue}");
        let name = name["!Sub"].as_str().and_then(|name| name.strip_prefix("${AWS::StackName}-"));
        let row = format!("| `{}` |", name.expect("named after the stack"));
        assert!(readme.lines().any(|line| line.starts_with(&row)), "the README has no {row}");
    }
}

#[test]
fn every_job_has_its_schedule_and_nothing_else_has_one() {
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
    let jobs: BTreeSet<&str> = JOBS.iter().map(|job| job.name).collect();
    assert_eq!(jobs, scheduled.keys().map(String::as_str).collect());
}

#[test]
fn the_readme_names_every_consumer_and_every_job() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let consumers = CONSUMERS.iter().map(|consumer| consumer.name);
    for name in consumers.chain(JOBS.iter().map(|job| job.name)) {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}

fn event(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("events/{name}.json"))).expect("it is there")
}

#[test]
fn every_sample_event_is_what_its_function_takes() {
    for endpoint in ENDPOINTS {
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
    for job in JOBS {
        let options: Value = serde_json::from_str(&event(job.name)).expect("JSON");
        assert!(options.is_object(), "{}", job.name);
    }
    for name in [relay::NAME, cache_evictor::NAME] {
        let stream: aws_lambda_events::dynamodb::Event =
            serde_json::from_str(&event(name)).expect("a stream's event");
        assert!(!stream.records.is_empty(), "{name}");
    }
    let uploads: S3Event = serde_json::from_str(&event(picture_check::NAME)).expect("S3's event");
    let key = uploads.records[0].s3.object.key.as_deref().expect("an object has a key");
    PictureKey::parse(key).expect("the key of a profile picture");
}

/// Who may call, in the words of the README.
fn access_words(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Partner => "partner",
        Access::Any => "any session",
        Access::Counter => "any session, staff token",
        Access::Applicant => "student, also waiting",
        Access::StudentOrOwner => "student, also waiting, or owner",
        Access::Student => "student",
        Access::Staff => "staff",
        Access::Owner => "owner",
        Access::PublicOrOwner => "public, or owner",
    }
}

#[test]
fn the_readme_lists_every_endpoint_with_its_paths_and_its_access() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let rows = readme
        .lines()
        .filter(|line| methods.iter().any(|method| line.starts_with(&format!("| `{method} "))));
    let listed: BTreeSet<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            format!("{} | {} | {}", cells[0], cells[1], cells[2])
        })
        .collect();
    let expected = ENDPOINTS.iter().map(|endpoint| {
        // A path with a trailing slash is the same path to a reader.
        let paths = endpoint.paths.iter().filter(|path| path.len() == 1 || !path.ends_with('/'));
        let mut paths = paths.map(|path| format!("`{path}`"));
        let first = paths.next().expect("an endpoint has a path");
        let first = format!("`{} {}", endpoint.method, first.trim_start_matches('`'));
        let all: Vec<String> = std::iter::once(first).chain(paths).collect();
        format!("{} | {} | `{}`", all.join(", "), access_words(endpoint.access), endpoint.name)
    });
    assert_eq!(listed, expected.collect());
}

#[test]
fn the_readme_lists_every_code_of_a_refusal() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    for (code, status, when) in CODES {
        let row = format!("| `{code}` | {status} | {when} |");
        assert!(readme.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn every_endpoint_has_a_rate_of_the_table_and_only_partners_have_no_limit() {
    for endpoint in ENDPOINTS.iter().chain([&&not_found::ENDPOINT]) {
        let listed = RATES.iter().any(|(_, rate, _)| *rate == endpoint.rate);
        assert!(listed, "{}: {:?}", endpoint.name, endpoint.rate);
        let unlimited = endpoint.rate == Rate::Unlimited;
        assert_eq!(unlimited, endpoint.access == Access::Partner, "{}", endpoint.name);
        let per_account = matches!(endpoint.rate, Rate::PerAccount(_));
        assert_eq!(per_account, endpoint.access.needs_session(), "{}", endpoint.name);
    }
}

#[test]
fn the_readme_lists_every_rate() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let table = readme.lines().skip_while(|line| !line.starts_with("| rate |")).skip(2);
    let listed: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    let row = |(name, rate, requests): &(&str, Rate, &str)| match rate {
        Rate::PerAddress(limit) => {
            format!("| `{name}` | {limit} | each address, at each endpoint | {requests} |")
        }
        Rate::PerAccount(limit) => format!("| `{name}` | {limit} | each account | {requests} |"),
        Rate::PerStaffToken(limit) => {
            format!("| `{name}` | {limit} | each staff token | {requests} |")
        }
        Rate::Unlimited => format!("| `{name}` | any | nobody | {requests} |"),
    };
    assert_eq!(listed, RATES.iter().map(row).collect::<Vec<_>>());
}
