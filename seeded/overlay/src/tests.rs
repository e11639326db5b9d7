use std::fs;
use std::path::Path;

use crate::edit::{check, open, save};
use crate::place::patched;
use crate::{Overlay, Sources, without_inner_attributes};

const BASE: &str = "fn a() {\n    one();\n    two();\n    three();\n    four();\n}\n";
const PATCH: &str = "--- a/a.rs\n+++ b/a.rs\n@@ -1,5 +1,8 @@\n fn a() {\n     one();\n     two();\n\
                     +    if bug(Bug::B01) {\n+        return;\n+    }\n     three();\n     four();\n";

fn sources(text: &str) -> Sources {
    [("a.rs".to_owned(), text.to_owned())].into()
}

#[test]
fn hunk_is_applied_where_its_lines_have_moved() {
    let text = "// More.\n".repeat(40) + BASE;
    let result = patched(&sources(&text), PATCH).expect("a diff");
    assert!(result.misfits.is_empty());
    assert!(
        result.sources["a.rs"]
            .contains("two();\n    if bug(Bug::B01) {\n        return;\n    }\n    three();")
    );
    assert_eq!(
        result.sources["a.rs"].len(),
        text.len() + "    if bug(Bug::B01) {\n        return;\n    }\n".len()
    );
}

#[test]
fn hunk_is_applied_where_outer_context_differs() {
    let text = BASE.replace("fn a()", "fn b()").replace("four", "five");
    let result = patched(&sources(&text), PATCH).expect("a diff");
    assert!(result.misfits.is_empty());
    assert!(result.sources["a.rs"].starts_with("fn b() {\n    one();\n    two();\n    if bug"));
    assert!(result.sources["a.rs"].ends_with("    three();\n    five();\n}\n"));
}

#[test]
fn hunk_without_its_place_is_reported_with_its_bug() {
    let result = patched(&sources(&BASE.replace("two", "2")), PATCH).expect("a diff");
    let [misfit] = &result.misfits[..] else { panic!("one does not fit") };
    assert_eq!((misfit.file.as_str(), misfit.line, misfit.bugs()), ("a.rs", 1, vec!["B01"]));
    assert!(misfit.lines().any(|line| line == "    +    if bug(Bug::B01) {"));
    assert!(result.sources["a.rs"].contains("2();"), "the rest is as it was");
}

#[test]
fn hunk_with_two_places_and_less_context_is_not_guessed() {
    let text = BASE.replace("fn a()", "fn b()") + &BASE.replace("fn a()", "fn c()");
    assert_eq!(patched(&sources(&text), PATCH).expect("a diff").misfits.len(), 1);
}

#[test]
fn text_that_is_no_diff_is_an_error() {
    assert!(patched(&sources(BASE), "--- a/a.rs\n+++ b/a.rs\n@@ nonsense\n").is_err());
}

#[test]
fn root_loses_inner_attributes_only() {
    let text = "//! Front page.\n#![no_std]\n\nextern crate alloc;\n#[cfg(test)]\nmod tests;\n";
    assert_eq!(without_inner_attributes(text), "extern crate alloc;\n#[cfg(test)]\nmod tests;\n");
}

/// A workspace with one shipped file and an overlay that adds another.
fn workspace(root: &Path) -> Overlay {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    };
    write("core/src/a.rs", BASE);
    write("seeded/core/overlay.patch", PATCH);
    write("seeded/core/src/bugs.rs", "fn bug() {}\n");
    write("seeded/bugs/src/table.rs", "    B01 in Core breaks S1;\n");
    Overlay::named("core").expect("an overlay")
}

#[test]
fn saved_copy_gives_the_patch_that_it_was_opened_with() {
    let home = tempfile::tempdir().expect("a folder");
    let (root, overlay) = (home.path(), workspace(home.path()));
    let applied = overlay.apply(root).expect("readable").sources;
    assert_eq!(open(overlay, root).expect("it opens"), []);
    assert!(open(overlay, root).is_err(), "it is open");
    save(overlay, root).expect("it is saved");
    assert_eq!(overlay.apply(root).expect("readable").sources, applied);
    assert_eq!(check(overlay, root).expect("readable"), []);
    assert!(save(overlay, root).is_err(), "it is closed");
}

#[test]
fn saved_copy_keeps_edits_and_no_change_of_the_shipped_sources() {
    let home = tempfile::tempdir().expect("a folder");
    let (root, overlay) = (home.path(), workspace(home.path()));
    open(overlay, root).expect("it opens");
    let copy = root.join("target/seeded-overlay/core/src");
    fs::write(copy.join("more.rs"), "fn more() {}\n").expect("writable");
    fs::remove_file(copy.join("bugs.rs")).expect("removable");
    // The shipped sources change while the copy is open.
    fs::write(root.join("core/src/a.rs"), format!("// New.\n{BASE}")).expect("writable");
    save(overlay, root).expect("it is saved");
    let applied = overlay.apply(root).expect("readable").sources;
    assert!(applied["a.rs"].starts_with("// New.\n") && applied["a.rs"].contains("Bug::B01"));
    assert_eq!(applied.keys().map(String::as_str).collect::<Vec<_>>(), ["a.rs", "more.rs"]);
}

#[test]
fn copy_without_the_hook_of_a_bug_is_not_saved() {
    let home = tempfile::tempdir().expect("a folder");
    let (root, overlay) = (home.path(), workspace(home.path()));
    open(overlay, root).expect("it opens");
    fs::write(root.join("target/seeded-overlay/core/src/a.rs"), BASE).expect("writable");
    let error = save(overlay, root).expect_err("B01 has no hook").to_string();
    assert!(error.contains("B01"), "{error}");
    // A bug that the table no longer has needs no hook.
    fs::write(root.join("seeded/bugs/src/table.rs"), "").expect("writable");
    save(overlay, root).expect("it is saved");
}
