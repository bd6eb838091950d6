//! That the pages of `docs/` are found, and that what they quote is there. Links and anchors are
//! the business of `make docs-check`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::template::root;

/// The text of a page of `docs/`.
pub fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

/// The rows of the table with this head.
pub fn rows_below<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let table = page.lines().skip_while(|line| *line != head).skip(2);
    table.take_while(|line| line.starts_with('|')).collect()
}

/// The targets of the links in a line, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter_map(|target| target.split('#').next()).filter(|target| !target.is_empty())
}

/// All files below a folder, as paths from there.
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

/// A page is linked from an index: the README, that of `docs/`, or that of the page's folder,
/// which then is linked itself.
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

/// A fenced block of anything but a shell quotes the file that was linked last.
#[test]
fn the_worked_example_quotes_what_is_in_the_files() {
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
