//! `docs/invariants.md` says what the checks of the model check: the same sentences, functions and exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

/// A row of the page: a check under its invariant.
#[derive(Debug)]
struct Row {
    id: String,
    sentence: String,
    file: String,
    function: String,
    exceptions: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn source(file: &str) -> String {
    read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn page() -> String {
    source("docs/invariants.md")
}

/// The words of a cell that stand between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix(['S', 'L', 'M']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The cells of the table rows in a part of the page, without heads.
fn table(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.filter(|row| !row.starts_with("---")).map(|row| row.split(" | ").collect())
}

fn rows() -> Vec<Row> {
    let page = page();
    let mut rows = Vec::new();
    for section in page.split("\n### ").skip(1) {
        let (id, rest) = section.split_once(':').expect("a heading has an id and a name");
        let section = rest.split("\n## ").next().unwrap_or(rest);
        for cells in table(section).filter(|cells| cells[0] != "sentence") {
            let [sentence, check, exceptions] = cells[..] else { panic!("{id}: three cells, not {cells:?}") };
            let check = quoted(check).pop().expect("a check is quoted");
            let (file, function) = check.split_once("::").expect("a check is a function of a file");
            rows.push(Row {
                id: id.to_owned(),
                sentence: sentence.to_owned(),
                file: file.to_owned(),
                function: function.to_owned(),
                exceptions: quoted(exceptions).into_iter().collect(),
            });
        }
    }
    rows
}

/// Every source file of the model's library, without tests and seeded bugs.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if ["bin", "tests", "tests.rs", "seeded", "seeded.rs"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The ids and sentences in the sources: a string that is an id, and the string after it.
fn sentences() -> BTreeSet<(String, String)> {
    let (mut paths, mut found) = (Vec::new(), BTreeSet::new());
    files(&root().join("model/src"), &mut paths);
    for path in paths {
        let text = read_to_string(&path).expect("it can be read");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let parts: Vec<&str> = code.split('"').collect();
        for strings in parts[1..].chunks(2).collect::<Vec<_>>().windows(2) {
            let ([id, between], [sentence, ..]) = (strings[0], strings[1]) else { continue };
            let between: String = between.split_whitespace().collect();
            if is_id(id) && (between == "," || between == ",sentence:") {
                found.insert(((*id).to_owned(), (*sentence).to_owned()));
            }
        }
    }
    found
}

/// The text of a function, from its name to the brace that closes it.
fn body<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let start = text.find(&format!("fn {function}("))?;
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let indent = text[line..].chars().take_while(|letter| *letter == ' ').count();
    let end = text[start..].find(&format!("\n{}}}\n", " ".repeat(indent)))?;
    Some(&text[start..start + end])
}

fn functions(text: &str) -> Vec<String> {
    let after = text.split("fn ").skip(1);
    after.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name.to_owned()).collect()
}

/// The exceptions by name, each with its doc comment on one line.
fn exceptions() -> BTreeMap<String, String> {
    let (mut all, mut comment) = (BTreeMap::new(), Vec::new());
    for file in ["exceptions", "adoption"] {
        for line in source(&format!("model/src/invariants/{file}.rs")).lines() {
            if let Some(words) = line.strip_prefix("/// ") {
                comment.push(words.to_owned());
                continue;
            }
            let signature = line.strip_prefix("pub const fn ").or(line.strip_prefix("pub fn "));
            if let Some((name, _)) = signature.and_then(|rest| rest.split_once('(')) {
                let words = comment.join(" ").replace("[better](is_better)", "better");
                if file == "exceptions" || name == "better_pair_on_disk" {
                    all.insert(name.to_owned(), words);
                }
            }
            if !line.starts_with("#[") {
                comment.clear();
            }
        }
    }
    all
}

/// Whether a text calls the function of this name, and not one whose name only ends like it.
fn calls(text: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let call = format!("{name}(");
    let mut places = text.match_indices(&call);
    places.any(|(at, _)| !text[..at].ends_with(is_word))
}

#[test]
fn invariants_page_has_every_sentence_of_the_code() {
    let in_page: BTreeSet<_> = rows().into_iter().map(|row| (row.id, row.sentence)).collect();
    let in_code = sentences();
    let missing: Vec<_> = in_code.difference(&in_page).collect();
    let unknown: Vec<_> = in_page.difference(&in_code).collect();
    assert!(missing.is_empty(), "docs/invariants.md has no row for {missing:#?}");
    assert!(unknown.is_empty(), "no check has the sentence {unknown:#?}");
    assert!(in_code.len() > 80, "the sources have {} sentences", in_code.len());
}

#[test]
fn invariants_page_names_the_function_of_every_check() {
    for row in rows() {
        let text = source(&row.file);
        assert!(body(&text, &row.function).is_some(), "{} has no function {}", row.file, row.function);
    }
}

#[test]
fn invariants_page_lists_the_exceptions_of_every_check() {
    let known = exceptions();
    for row in rows() {
        let unknown: Vec<_> = row.exceptions.iter().filter(|name| !known.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{}: no exception is named {unknown:?}", row.sentence);
        if !row.file.starts_with("model/src/invariants/") {
            continue;
        }
        let text = source(&row.file);
        let own = body(&text, &row.function).expect("another test requires it");
        // A helper in the same file counts with the functions that call it.
        let helpers = functions(&text).into_iter().filter(|name| *name != row.function && calls(own, name));
        let helpers: Vec<_> = helpers.filter_map(|name| body(&text, &name)).collect();
        let applies = |name: &&String| calls(own, name) || helpers.iter().any(|text| calls(text, name));
        let in_code: BTreeSet<String> = known.keys().filter(applies).cloned().collect();
        assert_eq!(row.exceptions, in_code, "{}: {}", row.id, row.sentence);
    }
}

#[test]
fn invariants_page_describes_every_exception_as_the_code_does() {
    let page = page();
    let (_, section) = page.split_once("\n## Exceptions\n").expect("the page has the section");
    let described = table(section).filter(|cells| cells[0] != "exception");
    let described = described.map(|cells| (quoted(cells[0]).concat(), cells[1].to_owned()));
    assert_eq!(described.collect::<BTreeMap<_, _>>(), exceptions());
}
