//! Tests that all pages of `docs/` are linked, that their tables match the code, and that the
//! lines that they quote exist. `make docs-check` checks links and anchors.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use thali_functions::endpoints;
use thali_platform::http::{Access, CODES, Endpoint, RATES, REQUESTS_MAX, Rate, Unfinished};
use thali_platform::lambda::Function;

use super::{is_consumer, is_job, names_of};
use crate::support::template::root;

/// The text of a page; `name` is its path from `docs/`.
pub fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

/// The rows of the table with this header.
pub fn rows_below<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let table = page.lines().skip_while(|line| *line != head).skip(2);
    table.take_while(|line| line.starts_with('|')).collect()
}

/// The targets of the links in a line, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter_map(|target| target.split('#').next()).filter(|target| !target.is_empty())
}

/// Collects all files below a folder, as paths that begin with `inside`.
fn files_below(folder: &Path, inside: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files_below(&path, &format!("{inside}{name}/"), found);
        } else {
            found.insert(format!("{inside}{name}"));
        }
    }
}

/// An index is the README, `docs/README.md` or `docs/decisions/README.md`.
#[test]
fn every_page_is_linked_from_an_index() {
    let mut unlinked = BTreeSet::new();
    files_below(&root().join("docs"), "", &mut unlinked);
    assert!(unlinked.len() > 1, "there are pages");
    for index in ["../README.md", "README.md", "decisions/README.md"] {
        let text = page(index);
        let folder = index.strip_suffix("README.md").expect("an index");
        for target in text.lines().flat_map(links) {
            let target = format!("{folder}{target}");
            unlinked.remove(target.strip_prefix("../docs/").unwrap_or(&target));
        }
    }
    assert!(unlinked.is_empty(), "no index links {unlinked:?}");
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let mut files = BTreeSet::new();
    for folder in ["functions", "shared", "tests"] {
        files_below(&root().join(folder), &format!("{folder}/"), &mut files);
    }
    let sources = files.iter().filter(|file| {
        Path::new(file).extension() == Some(OsStr::new("rs")) && !file.contains("/target/")
    });
    let mut count = 0;
    for file in sources {
        let text = std::fs::read_to_string(root().join(file)).expect("readable");
        assert!(text.starts_with("//! "), "{file} does not begin with what it is for");
        count += 1;
    }
    assert!(count > 300, "{count} files were read");
}

/// Each fenced block, except shell blocks, quotes the file that was linked last.
#[test]
fn the_worked_example_quotes_only_lines_that_exist() {
    let text = page("adding-an-endpoint.md");
    let (mut file, mut block, mut quoted) = ("", None, 0);
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language) };
        } else if block.is_none() {
            file = links(line).last().unwrap_or(file);
        } else if block != Some("sh") && !line.trim().is_empty() {
            let source = page(file);
            let is_there = source.lines().any(|of_file| of_file.trim() == line.trim());
            assert!(is_there, "{file} has no line `{}`", line.trim());
            quoted += 1;
        }
    }
    assert!(quoted > 20, "{quoted} lines are quoted");
}

#[test]
fn the_architecture_page_names_every_function_without_a_route() {
    let page = page("architecture.md");
    let is_routed = |each: &Function| each.endpoint().is_some_and(Endpoint::is_routed);
    for name in names_of(|function| !is_routed(function)) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_architecture_page_names_every_consumer_and_every_job() {
    let page = page("architecture.md");
    for name in names_of(|function| is_consumer(function) || is_job(function)) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

/// Who may call, in the words of `docs/api.md`.
fn access_words(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Partner => "partner",
        Access::Any => "any session",
        Access::AnyOrCookie => "any session, refresh cookie",
        Access::Counter => "any session, staff token",
        Access::Applicant => "student, also waiting",
        Access::StudentOrOwner => "student, also waiting, or owner",
        Access::Student => "student",
        Access::Staff => "staff",
        Access::StaffOrOwner => "staff, or owner",
        Access::Owner => "owner",
        Access::PublicOrOwner => "public, or owner",
    }
}

#[test]
fn the_api_page_lists_every_endpoint_with_its_paths_and_its_access() {
    let page = page("api.md");
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let rows = page
        .lines()
        .filter(|line| methods.iter().any(|method| line.starts_with(&format!("| `{method} "))));
    let listed: BTreeSet<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            format!("{} | {} | {}", cells[0], cells[1], cells[2])
        })
        .collect();
    let expected = endpoints().map(|endpoint| {
        // The page does not list a path again with a trailing slash.
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
fn the_api_page_lists_every_refusal_code() {
    let page = page("api.md");
    let listed = rows_below(&page, "| code | status | when |");
    let row =
        |(code, status, when): &(&str, u16, &str)| format!("| `{code}` | {status} | {when} |");
    assert_eq!(listed, CODES.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_api_page_lists_every_rate() {
    let page = page("api.md");
    let listed = rows_below(&page, "| rate | a minute | counted for | requests |");
    let row = |(name, rate, requests): &(&str, Rate, &str)| match rate {
        Rate::PerAddress(limit) => {
            format!("| `{name}` | {limit} | each IP address, at each endpoint | {requests} |")
        }
        Rate::FailuresPerAddress(failures) => format!(
            "| `{name}` | {failures} refused, {REQUESTS_MAX} in all | each IP address, at each \
             endpoint | {requests} |"
        ),
        Rate::UnfinishedPerAddress(Unfinished { failures, at_once, drained_an_hour }) => format!(
            "| `{name}` | {failures} refused, {REQUESTS_MAX} in all; {at_once} unfinished at once, \
             of which {drained_an_hour} are forgotten in an hour | each IP address, at each \
             endpoint | {requests} |"
        ),
        Rate::PerAccount(limit) => format!("| `{name}` | {limit} | each account | {requests} |"),
        Rate::PerStaffToken(limit) => {
            format!("| `{name}` | {limit} | each staff token | {requests} |")
        }
        Rate::Unlimited => format!("| `{name}` | any | nobody | {requests} |"),
    };
    assert_eq!(listed, RATES.iter().map(row).collect::<Vec<_>>());
}
