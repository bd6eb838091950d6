//! Tests that every sentence about a wrong field is a rule with a name, so that the web app can say
//! it in another language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use thali_platform::http::{Broken, RULES};

use super::{is_consumer, is_job, names_of};
use crate::support::template::root;

/// What is only stored, so no request can have it wrong.
const STORED: &str = "must be a source";

/// How sentences about fields begin.
const BEGINNINGS: [&str; 6] = [
    "must be ",
    "must not be",
    "must have at most",
    "is missing",
    "is not one that",
    "does not go together",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() && name != "properties" {
            sources(&path, found);
        } else if is_rust && !["rules", "tests"].contains(&name.as_str()) {
            found.push(path);
        }
    }
}

/// The sentences about fields in a source file, with a number for each placeholder.
fn sentences(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for beginning in BEGINNINGS {
        let quoted = format!("\"{beginning}");
        for (at, _) in code.match_indices(&quoted) {
            let literal = code[at + 1..].split('"').next().unwrap_or_default();
            let lines = literal.split("\\\n").map(str::trim_start);
            let mut sentence = String::new();
            for (number, piece) in lines.collect::<String>().split('{').enumerate() {
                match piece.split_once('}') {
                    Some((_, after)) if number > 0 => sentence.extend(["7", after]),
                    _ => sentence += piece,
                }
            }
            // The rest of the sentence is in another literal.
            if sentence.ends_with(' ') {
                sentence += "x";
            }
            found.push(sentence);
        }
    }
    found
}

#[test]
fn every_sentence_about_a_wrong_field_is_a_rule() {
    let mut files = Vec::new();
    for folder in ["shared/domain/src", "shared/platform/src", "functions/src"] {
        sources(&root().join(folder), &mut files);
    }
    let (mut count, mut unnamed) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        for sentence in sentences(&text) {
            count += 1;
            // "must be 7" is what serde expected; the tests of JSON bodies have all of it.
            if ![STORED, "must be 7"].contains(&&*sentence)
                && Broken::of_sentence(&sentence).is_none()
            {
                unnamed.push(format!("{}: {sentence}", file.display()));
            }
        }
    }
    assert!(count > 60, "{count} sentences were found");
    assert!(unnamed.is_empty(), "RULES lacks {unnamed:#?}");
}

/// The words in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

#[test]
fn the_app_says_every_rule_in_both_languages_with_its_values() {
    let rules: BTreeSet<&str> = RULES.iter().map(|(rule, _)| *rule).collect();
    for language in ["en", "hi"] {
        let path = format!("functions/web/src/messages/rules.{language}.json");
        let text = std::fs::read_to_string(root().join(&path)).expect("the file is there");
        let messages: BTreeMap<String, String> = serde_json::from_str(&text).expect("texts");
        let said: BTreeMap<&str, &str> = messages
            .iter()
            .filter_map(|(key, it)| Some((key.strip_prefix("rule_")?, &**it)))
            .collect();
        assert_eq!(said.keys().copied().collect::<BTreeSet<_>>(), rules, "{path}");
        for (rule, sentence) in RULES {
            let pattern = sentence.replace('*', "");
            let (used, given) = (placeholders(said[rule]), placeholders(&pattern));
            assert!(used.is_subset(&given), "{path}: {rule} needs {used:?}, there is {given:?}");
        }
    }
}

/// Who makes changes besides people: jobs, workers, the partner, and the operator.
#[test]
fn the_app_names_every_job_and_worker_in_both_languages() {
    let ours = names_of(|function| is_job(function) || is_consumer(function));
    let actors = ours.into_iter().chain(["operator", "razorpay"]);
    let keys: Vec<String> =
        actors.map(|name| format!("actor_{}", name.replace('-', "_"))).collect();
    for language in ["en", "hi"] {
        let path = format!("functions/web/src/messages/owner.{language}.json");
        let text = std::fs::read_to_string(root().join(&path)).expect("the file is there");
        let messages: BTreeMap<String, String> = serde_json::from_str(&text).expect("texts");
        for key in &keys {
            assert!(messages.contains_key(key), "{path} lacks {key}");
        }
    }
}
