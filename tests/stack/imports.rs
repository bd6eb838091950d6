//! Imports of menus and students from files, by the operator's command on the deployed stack.

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};

use super::operator::{operator, printed, thali};
use super::{Stack, Student, eventually};

/// An owner, and the folder with the files to import.
struct Importing {
    stack: Stack,
    owner: Student,
    folder: tempfile::TempDir,
}

impl Importing {
    async fn start() -> Self {
        let stack = Stack::running();
        let owner = stack.owner().await;
        Self { stack, owner, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Writes a menu's file. Returns its path.
    fn write(&self, text: &str) -> String {
        let file = self.folder.path().join("menu.csv");
        std::fs::write(&file, text).expect("it is written");
        file.to_str().expect("a plain path").to_owned()
    }

    /// The arguments that import a file.
    fn arguments<'a>(&'a self, file: &'a str) -> [&'a str; 5] {
        ["items", "import", file, "--mess", &self.owner.mess_id]
    }

    /// Imports a file of this text, with further arguments.
    fn import(&self, text: &str, arguments: &[&str]) -> Output {
        let file = self.write(text);
        thali(&self.stack, &[&self.arguments(&file), arguments].concat())
    }

    /// The lines that an import prints after how the file was read; it must succeed without
    /// errors.
    #[track_caller]
    fn said(&self, text: &str, arguments: &[&str]) -> Vec<String> {
        let output = self.import(text, arguments);
        let said = printed(&output);
        // The progress bar is only for terminals.
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        after_how_it_was_read(&said)
    }

    /// The menu: SKU, price, stock, availability and shards of each item.
    async fn menu(&self) -> Vec<Value> {
        let row = |item: Value| {
            json!([
                item["sku"],
                item["price_tokens"],
                item["stock"],
                item["available"],
                item["stock_shards"]
            ])
        };
        self.stack.menu(&self.owner).await.into_iter().map(row).collect()
    }
}

/// The lines after those that say how a file was read.
#[track_caller]
fn after_how_it_was_read(said: &str) -> Vec<String> {
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert!(lines[0].ends_with(".csv was read as UTF-8 with commas between fields"), "{said}");
    assert!(lines[1].starts_with("  columns: ") && lines[2].contains(" row"), "{said}");
    lines[3..].to_vec()
}

const MENU: &str = "sku,name,price_tokens,stock,available,stock_shards\n\
                    dal,Dal Fry,2,60,true,4\nrice,\"Rice, plain\",1,,,\ntea,Tea,1,200,false,\n";

#[tokio::test]
async fn a_menu_is_imported_and_importing_it_again_changes_nothing() {
    let importing = Importing::start().await;
    let would = importing.said(MENU, &["--dry-run"]);
    let expected = [
        "new        dal name “Dal Fry”, price_tokens 2, stock 60, available true, stock_shards 4",
        "new        rice name “Rice, plain”, price_tokens 1",
        "new        tea name “Tea”, price_tokens 1, stock 200, available false",
        "dry run, nothing was written: new 3, changed 0, unchanged 0",
    ];
    assert_eq!(would, expected);
    assert_eq!(importing.menu().await, [] as [Value; 0]);

    assert_eq!(importing.said(MENU, &[]), ["new 3, changed 0, unchanged 0"]);
    let made = [
        json!(["dal", 2, 60, true, 4]),
        json!(["rice", 1, 0, true, 1]),
        json!(["tea", 1, 200, false, 1]),
    ];
    assert_eq!(importing.menu().await, made);
    for arguments in [&[] as &[&str], &["--dry-run"]] {
        let said = importing.said(MENU, arguments);
        assert!(
            said.last().expect("a summary").ends_with("new 0, changed 0, unchanged 3"),
            "{said:?}"
        );
    }
    assert_eq!(importing.menu().await, made);
}

#[tokio::test]
async fn an_import_changes_named_fields_and_can_skip_existing_items() {
    let importing = Importing::start().await;
    importing.said(MENU, &[]);
    let other = "sku,name,price_tokens,stock,stock_shards\n\
                 tea,Masala Tea,2,,2\ndal,Dal Fry,2,50,\nidli,Idli,1,30,\nrice,\"Rice, plain\",1,,\n";
    let would = importing.said(other, &["--dry-run", "--only-new"]);
    let expected = [
        "left alone tea",
        "left alone dal",
        "new        idli name “Idli”, price_tokens 1, stock 30",
        "left alone rice",
        "dry run, nothing was written: new 1, changed 0, unchanged 0, left alone 3",
    ];
    assert_eq!(would, expected);
    let said = importing.said(other, &["--only-new"]);
    assert_eq!(said, ["new 1, changed 0, unchanged 0, left alone 3"]);
    let would = importing.said(other, &["--dry-run"]);
    let expected = [
        "changed    tea name “Tea” → “Masala Tea”, price_tokens 1 → 2, stock_shards 1 → 2",
        "changed    dal stock 60 → 50",
        "unchanged  idli",
        "unchanged  rice",
        "dry run, nothing was written: new 0, changed 2, unchanged 2",
    ];
    assert_eq!(would, expected);
    assert_eq!(importing.said(other, &[]), ["new 0, changed 2, unchanged 2"]);
    let menu = [
        json!(["dal", 2, 50, true, 4]),
        json!(["idli", 1, 30, true, 1]),
        json!(["rice", 1, 0, true, 1]),
        json!(["tea", 2, 200, false, 2]),
    ];
    assert_eq!(importing.menu().await, menu, "fields that the file does not name stay");
}

#[tokio::test]
async fn an_invalid_menu_is_refused_with_every_error_and_not_written() {
    let importing = Importing::start().await;
    let wrong = "sku,name,price_tokens,stock\ndal,Dal,2,10\nrice,Rice,0,-1\n,Tea,1,\ndal,Dal,2,\n";
    let price = "must be a whole number from 1 to 99";
    let stock = "must be a whole number from 0 to 1000000";
    for arguments in [&[] as &[&str], &["--dry-run"]] {
        let refused = importing.import(wrong, arguments);
        assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(1), &b""[..]));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].ends_with("menu.csv has 4 errors, nothing was written"), "{said}");
        let expected = [
            format!("  line 3, price_tokens: {price}"),
            format!("  line 3, stock: {stock}"),
            "  line 4, sku: is missing".to_owned(),
            "  line 5, sku: dal is on line 2 already".to_owned(),
        ];
        assert_eq!(lines[1..5], expected);
        assert_eq!(lines[5], "It was read as UTF-8 with commas between fields");
    }
    assert_eq!(importing.menu().await, [] as [Value; 0]);

    let one = importing.import("sku,name,price_tokens,prize\n", &[]);
    let said = String::from_utf8_lossy(&one.stderr).into_owned();
    assert!(said.contains("line 1: “prize” is no column"), "{said}");
    for (arguments, reason) in [
        (["items", "import", "/nowhere/menu.csv", "--mess", "mess_demo"], "cannot be read"),
        (["items", "import", "/dev/null", "--mess", "mess_demo"], "the file is empty"),
    ] {
        let output = thali(&importing.stack, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(reason), "{said}");
    }
    let file = importing.folder.path().join("good.csv");
    std::fs::write(&file, MENU).expect("it is written");
    let good = file.to_str().expect("a plain path");
    let output = thali(&importing.stack, &["items", "import", good, "--mess", "mess_none"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("there is no mess mess_none"), "{said}");
}

/// The text of a file with `count` items: `item-000` and so on.
fn many(count: usize) -> String {
    let rows = (0..count).map(|number| format!("item-{number:03},Item {number},1,5\n"));
    format!("sku,name,price_tokens,stock\n{}", rows.collect::<String>())
}

/// The numbers of new and of unchanged items in a summary.
#[track_caller]
fn new_and_unchanged(summary: &str) -> (usize, usize) {
    let numbers = summary.split(", ").map(|part| part.rsplit(' ').next().expect("a number"));
    let numbers: Vec<usize> = numbers.map(|number| number.parse().expect("whole")).collect();
    assert_eq!(numbers[1], 0, "{summary}");
    (numbers[0], numbers[2])
}

#[tokio::test]
async fn the_next_import_completes_one_that_was_killed() {
    const ITEMS: usize = 300;
    let importing = Importing::start().await;
    let file = importing.write(&many(ITEMS));
    let mut running = operator(&importing.stack, &importing.arguments(&file))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    eventually("something is imported", async || {
        (!importing.menu().await.is_empty()).then_some(())
    })
    .await;
    running.kill().expect("it runs");
    running.wait().expect("it ends");

    let said = importing.said(&many(ITEMS), &[]);
    let (new, unchanged) = new_and_unchanged(&said[0]);
    assert!(new > 0 && unchanged > 0 && new + unchanged == ITEMS, "{said:?}");
    let again = importing.said(&many(ITEMS), &[]);
    assert_eq!(new_and_unchanged(&again[0]), (0, ITEMS));
}

/// Starts a proxy before the local AWS that denies all transactions after the first
/// `transactions`. Returns its address.
async fn aws_that_denies_after(transactions: usize, stack: &Stack) -> String {
    let aws = stack.variable("AWS_ENDPOINT_URL").to_owned();
    let (client, passed) = (stack.http.clone(), Arc::new(AtomicUsize::new(0)));
    let pass_on = move |request: Request| {
        let (aws, client, passed) = (aws.clone(), client.clone(), Arc::clone(&passed));
        async move {
            let (parts, body) = request.into_parts();
            let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
            if target.is_some_and(|target| target.ends_with("TransactWriteItems"))
                && passed.fetch_add(1, Ordering::Relaxed) >= transactions
            {
                let denied = json!({ "__type": "AccessDeniedException", "message": "not today" });
                return Response::builder()
                    .status(400)
                    .body(Body::from(denied.to_string()))
                    .expect("an answer");
            }
            let body = to_bytes(body, usize::MAX).await.expect("a body");
            let sent =
                client.request(parts.method, aws).headers(parts.headers).body(body).send().await;
            let answer = sent.expect("the local AWS answers");
            let mut passed_on = Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                passed_on = passed_on.header(name, value);
            }
            let body = answer.bytes().await.expect("a body");
            passed_on.body(Body::from(body)).expect("an answer")
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let router = axum::Router::new().fallback(pass_on);
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_import_reports_the_line_and_the_next_completes_it() {
    let importing = Importing::start().await;
    let file = importing.write(&many(5));
    let endpoint = aws_that_denies_after(3, &importing.stack).await;
    let mut import = operator(&importing.stack, &importing.arguments(&file));
    let stopped = import.env("AWS_ENDPOINT_URL", endpoint).output().expect("it starts");
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert_eq!(stopped.status.code(), Some(1), "{said}");
    assert!(
        said.contains("stopped at line 5 (item-003); 3 items were written before it"),
        "{said}"
    );
    assert!(said.contains("DynamoDB refused the request"), "{said}");
    assert_eq!(importing.menu().await.len(), 3);
    assert_eq!(importing.said(&many(5), &[]), ["new 2, changed 0, unchanged 3"]);
}

/// Imports a list of students. Returns the command's output.
fn import_students(importing: &Importing, list: &str, arguments: &[&str]) -> Output {
    let file = importing.folder.path().join("students.csv");
    std::fs::write(&file, list).expect("it is written");
    let file = file.to_str().expect("a plain path");
    let mess = importing.owner.mess_id.as_str();
    let command = ["students", "import", file, "--mess", mess];
    thali(&importing.stack, &[&command, arguments].concat())
}

#[tokio::test]
async fn a_list_of_students_is_imported_once_and_visible_to_the_owner() {
    let importing = Importing::start().await;
    let unique = super::ulid_now().to_uppercase();
    let list = format!(
        "roll_no,name,room_no,phone,email\n\
         {unique}-1,Asha Rao,B-204,9812345671,asha-{unique}@example.com\n\
         {unique}-2,\"Kumar, Ravi\",B-205,9812345672,\n"
    );
    let said = |arguments: &[&str]| {
        after_how_it_was_read(&printed(&import_students(&importing, &list, arguments)))
    };
    let would = [
        format!("new        {unique}-1 Asha Rao"),
        format!("new        {unique}-2 Kumar, Ravi"),
        "dry run, nothing was written: new 2, unchanged 0".to_owned(),
    ];
    assert_eq!(said(&["--dry-run"]), would);
    assert_eq!(said(&["--approve"]), ["new 2, unchanged 0"]);
    assert_eq!(said(&["--approve"]), ["new 0, unchanged 2"]);

    let path = "/api/v1/students?status=active&limit=100";
    eventually("the index has them", async || {
        let students = importing.stack.list(path, &importing.owner).await;
        let ours = students.iter().filter_map(|student| student["roll_no"].as_str());
        (ours.filter(|roll_no| roll_no.starts_with(&unique)).count() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_list_from_a_spreadsheet_is_imported_and_said_how() {
    let importing = Importing::start().await;
    let unique = super::ulid_now().to_uppercase();
    let list = format!(
        "\u{feff}sep=;\r\nName; Roll No ;Room No;Phone;E-mail;;\r\n\
         आशा राव;{unique}-1;B-204;98123\u{a0}45671;;;\r\n;;;;;;\r\n"
    );
    let rounded = list.replace("98123\u{a0}45671", "9,81235E+09");
    let refused = import_students(&importing, &rounded, &["--dry-run"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("line 3, phone: the spreadsheet has rounded it"), "{said}");
    let would = printed(&import_students(&importing, &list, &["--dry-run"]));
    let expected = format!(
        "  columns: “Name” is name, “Roll No” is roll_no, “Room No” is room_no, “Phone” is phone, \
         “E-mail” is email\n  1 row, ignored: 1 empty row, 2 empty columns\n\
         new        {unique}-1 आशा राव\ndry run, nothing was written: new 1, unchanged 0"
    );
    let (first, rest) = would.split_once('\n').expect("some lines");
    let semicolons = "UTF-8 with semicolons between fields, as its line “sep=” says";
    assert!(first.ends_with(semicolons) && rest == expected, "{would}");
    let said = printed(&import_students(&importing, &list, &[]));
    assert!(said.ends_with("new 1, unchanged 0"), "{said}");
}

#[tokio::test]
async fn an_invalid_list_of_students_is_refused_with_every_error() {
    let importing = Importing::start().await;
    let unique = super::ulid_now().to_uppercase();
    let header = "name,roll_no,room_no,phone";
    let good = format!("{header}\nAsha Rao,{unique},B-204,9812345671\n");
    printed(&import_students(&importing, &good, &[]));
    for (rows, errors) in [
        (
            format!("Asha,,B,1\nRavi,{unique}-9,B,9812345672\nUma,{unique}-9,B,9812345673\n"),
            vec![
                "  line 2, roll_no: is missing".to_owned(),
                "  line 2, phone: must be a telephone number, such as +91 98765 43210, or as it is \
                 dialled in the mess's country"
                    .to_owned(),
                format!("  line 4, roll_no: {unique}-9 is on line 3 already"),
            ],
        ),
        (
            format!("Ravi,{unique}-9,B,9812345672\nUma,{unique},B,9812345673\n"),
            vec!["  line 3, roll_no: is Asha Rao's already".to_owned()],
        ),
    ] {
        let refused = import_students(&importing, &format!("{header}\n{rows}"), &[]);
        assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(1), &b""[..]));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        let count = if errors.len() == 1 { "1 error" } else { "3 errors" };
        let first = format!("students.csv has {count}, nothing was written");
        assert!(lines[0].ends_with(&first), "{said}");
        assert_eq!(lines[1..=errors.len()], errors);
        assert!(lines[1 + errors.len()].starts_with("It was read as UTF-8"), "{said}");
    }
}
