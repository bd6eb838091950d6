//! `POST /api/v1/students/import/check`: reads a file of students as the operator's import does,
//! and says what would become of each line. It writes nothing: the page registers the new students
//! one by one.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use thali_domain::Unacceptable;
use thali_domain::accounts::identity::{Email, Name, RollNo, RoomNo};
use thali_domain::phone::Phone;
use thali_files::csv_file::{Fault, HowRead, Line, Lines, Refused};
use thali_files::enrolment::{self, Fate, Holder};
use thali_files::student_file::{self, Row};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Broken, Caller, Endpoint, Problem, RATE_SUBMISSION, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Account, Holders};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "student-import-check",
    &["/api/v1/students/import/check"],
    Access::Owner,
    handler!(check),
)
.rate(RATE_SUBMISSION)
.summary("Says what would become of each line of a file of students; writes nothing")
.takes(schema::<CheckedFile>)
.takes_up_to(BODY_BYTES_MAX)
.answers(200, schema::<FileReport>)
.refuses(&["mess_not_found"]);

/// A file of a mebibyte in base64, and the rest of the body.
const BODY_BYTES_MAX: usize = 1_536 * 1_024;

/// The largest file.
const FILE_BYTES_MAX: usize = 1_024 * 1_024;

/// The most rows of a file. Who has their numbers and addresses is read in 150 requests, which
/// take one to three seconds.
const ROWS_MAX: usize = 5_000;

/// A file as its owner has it.
#[derive(eserde::Deserialize, ToSchema)]
struct CheckedFile {
    /// The bytes of the file, at most 1 MiB of them.
    #[eserde(compat)]
    #[schema(value_type = String, format = Byte)]
    content_base64: Content,
}

/// The decoded bytes of a file.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
struct Content(Vec<u8>);

impl TryFrom<String> for Content {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let refused = |what: &str| Unacceptable(what.to_owned());
        let bytes = STANDARD.decode(text).map_err(|_| refused("must be a file in base64"))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(refused("must be a file of at most 1 MiB"));
        }
        Ok(Self(bytes))
    }
}

/// What a file says, and what would become of its lines.
#[derive(Serialize, ToSchema)]
struct FileReport {
    /// How the file was read, as far as that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    how_read: Option<FileReading>,
    /// What is wrong with the file as a whole. Then there are no lines.
    errors: Vec<FileError>,
    /// How many students are new.
    new: usize,
    /// How many students are there already.
    unchanged: usize,
    /// How many lines have errors.
    refused: usize,
    /// A line for each student.
    lines: Vec<LineReport>,
}

/// How a file was read.
#[derive(Serialize, ToSchema)]
struct FileReading {
    #[schema(example = "UTF-8")]
    encoding: &'static str,
    /// The character between fields.
    separator: char,
    columns: Vec<ColumnReading>,
    /// Headings of ignored columns, all of whose cells are empty.
    ignored: Vec<String>,
    rows: usize,
    /// Rows with nothing in them, which are ignored.
    empty_rows: usize,
}

/// A column of the file.
#[derive(Serialize, ToSchema)]
struct ColumnReading {
    name: &'static str,
    /// The file's own heading.
    heading: String,
}

/// Something that is wrong with a file.
#[derive(Serialize, ToSchema)]
struct FileError {
    /// The line on which the row begins, from 1.
    line: u64,
    /// The column, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'static str>,
    /// What is wrong, for people who read English.
    message: String,
    /// The rule that is broken, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// The rule's bounds and other values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// What would become of a line.
#[derive(Serialize, ToSchema)]
struct LineReport {
    /// The line, from 1.
    line: u64,
    outcome: LineOutcome,
    /// The student as they would be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<ListedStudent>,
    errors: Vec<FileError>,
}

/// What would become of a line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LineOutcome {
    /// The student would be made.
    New,
    /// The student is there already and stays as they are.
    Unchanged,
    /// The line has errors.
    Refused,
}

/// A student of the file.
#[derive(Serialize, ToSchema)]
struct ListedStudent {
    name: Name,
    roll_no: RollNo,
    room_no: RoomNo,
    phone: Phone,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Email>,
}

async fn check(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let CheckedFile { content_base64: Content(bytes) } = request.json()?;
    let id = &caller.session()?.mess_id;
    let mess = app.store.mess_get(id).await?.ok_or_else(problems::mess_not_found)?;
    let Lines { lines, how } = match student_file::read_lines(&bytes, mess.region) {
        Ok(read) => read,
        Err(Refused { faults, how }) => {
            return Ok(Response::ok(&FileReport::of_unreadable(faults, how.as_ref())));
        }
    };
    if lines.len() > ROWS_MAX {
        let message = format!("must have at most {ROWS_MAX} rows");
        return Err(Problem::invalid_field("content_base64", message));
    }
    let (roll_nos, emails) = named(&lines);
    let holders = app.store.holders_of(id, &roll_nos, &emails).await?;
    let lines = lines.into_iter().map(|line| LineReport::of(line, &holders)).collect();
    Ok(Response::ok(&FileReport::of(lines, &how)))
}

/// The numbers and addresses that good lines name. No two good lines name the same.
fn named(lines: &[Line<Row>]) -> (Vec<RollNo>, Vec<Email>) {
    let rows = || lines.iter().filter_map(|line| line.row.as_ref().ok());
    let roll_nos: HashSet<RollNo> = rows().map(|row| row.roll_no.clone()).collect();
    let emails: HashSet<Email> = rows().filter_map(|row| row.email.clone()).collect();
    (roll_nos.into_iter().collect(), emails.into_iter().collect())
}

impl FileReport {
    fn of_unreadable(faults: Vec<Fault>, how: Option<&HowRead>) -> Self {
        let errors = faults.into_iter().map(Into::into).collect();
        let how_read = how.map(Into::into);
        Self { how_read, errors, new: 0, unchanged: 0, refused: 0, lines: Vec::new() }
    }

    fn of(lines: Vec<LineReport>, how: &HowRead) -> Self {
        let mut report = Self::of_unreadable(Vec::new(), Some(how));
        for line in &lines {
            match line.outcome {
                LineOutcome::New => report.new += 1,
                LineOutcome::Unchanged => report.unchanged += 1,
                LineOutcome::Refused => report.refused += 1,
            }
        }
        Self { lines, ..report }
    }
}

impl LineReport {
    fn of(line: Line<Row>, holders: &Holders) -> Self {
        let Line { line, row } = line;
        let (fate, student) = match row {
            Ok(row) => (fate(&row, holders), Some(row.into())),
            Err(faults) => (Err(faults), None),
        };
        let (outcome, faults) = match fate {
            Ok(Fate::New) => (LineOutcome::New, Vec::new()),
            Ok(Fate::Unchanged) => (LineOutcome::Unchanged, Vec::new()),
            Err(faults) => (LineOutcome::Refused, faults),
        };
        Self { line, outcome, student, errors: faults.into_iter().map(Into::into).collect() }
    }
}

/// What becomes of a row, or what speaks against it.
fn fate(row: &Row, holders: &Holders) -> Result<Fate, Vec<Fault>> {
    let there = holders.roll_nos.get(&row.roll_no).map(holder);
    let email_holder = row.email.as_ref().and_then(|email| holders.emails.get(email)).copied();
    enrolment::fate(row, there, email_holder)
}

fn holder(account: &Account) -> Holder<'_> {
    Holder {
        account_id: account.account_id,
        role: account.role,
        name: &account.name,
        email: account.email.as_ref(),
    }
}

impl From<&HowRead> for FileReading {
    fn from(how: &HowRead) -> Self {
        let column = |(name, heading): (&'static str, &str)| ColumnReading {
            name,
            heading: heading.to_owned(),
        };
        Self {
            encoding: how.encoding(),
            separator: how.separator(),
            columns: how.columns().map(column).collect(),
            ignored: how.ignored().to_vec(),
            rows: how.rows(),
            empty_rows: how.empty_rows(),
        }
    }
}

impl From<Fault> for FileError {
    fn from(fault: Fault) -> Self {
        let message = fault.message().to_owned();
        let (rule, values) = Broken::of_sentence(&message).map(|it| (it.rule, it.values)).unzip();
        let (line, column) = (fault.line, fault.column());
        Self { line, column, message, rule, values: values.unwrap_or_default() }
    }
}

impl From<Row> for ListedStudent {
    fn from(row: Row) -> Self {
        let Row { name, roll_no, room_no, phone, email, .. } = row;
        Self { name, roll_no, room_no, phone, email }
    }
}
