//! The rows of `docs/limits.md`.

use std::collections::BTreeSet;

/// The names of the constants in a source.
fn constants(source: &str) -> BTreeSet<&str> {
    let names = source.lines().filter_map(|line| line.strip_prefix("pub(crate) const "));
    names.filter_map(|rest| rest.split(':').next()).collect()
}

#[test]
fn every_limit_has_a_row_in_the_docs() {
    let page = include_str!("../../../docs/limits.md");
    let rows: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split('`').next())
        .filter(|name| !name.contains("::"))
        .collect();
    assert_eq!(rows, constants(include_str!("../../src/limits.rs")));
}
