//! The YAML reader, with budgets: a small file must not cost seconds or gigabytes (deep nesting, alias bombs).

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Options};

use super::error::Problem;

/// The deepest nesting. A kubeconfig of kubectl's with an exec plugin needs seven.
const MAX_DEPTH: usize = 32;
/// The most sequences, mappings and scalars: a file of 1 MiB with an ordinary entry for each 16 bytes has fewer.
const MAX_NODES: usize = 65_536;
/// The most anchors, and the most aliases. kubectl writes none.
const MAX_ALIASES: usize = 64;
/// The most nodes that all aliases together may repeat.
const MAX_REPLAYED: usize = 4096;

/// Reads one YAML document.
///
/// # Errors
///
/// [`Problem::NotYaml`] with the place, or [`Problem::TooComplex`]. Neither quotes the text, which may hold a token.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| problem(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            // The scanner looks this far ahead for a key. Below that, it would report deep nesting as bad syntax.
            flow_nesting_limit: 2048,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_documents: 1,
        },
        // As kubectl: client-go decodes with sigs.k8s.io/yaml, which is not strict.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        // Snippets quote the text.
        with_snippet: false,
    }
}

fn problem(error: &Error) -> Problem {
    let mut cause = error.without_snippet();
    // An error behind an alias is wrapped, once for each level.
    while let Error::AliasError { error, .. } = cause {
        cause = error;
    }
    let over_budget = matches!(
        cause,
        Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
    );
    if over_budget {
        return Problem::TooComplex;
    }
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let place = error.location().map(|place| (number(place.line()), number(place.column())));
    // An error about the whole document has no place: lines count from 1.
    Problem::NotYaml { place: place.filter(|(line, _)| *line > 0) }
}
