//! Query parameters and selectors.

use super::status::ApiError;
use super::table::Include;
use super::{Csr, name};

#[cfg(test)]
mod tests;

/// The parameters that are understood; the rest is ignored, as kube-apiserver does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query {
    pub(crate) watch: bool,
    pub(crate) resource_version: String,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: bool,
    pub(crate) include: Include,
    pub(crate) selector: Selector,
}

/// A field selector; every term must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Selector(Vec<Term>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Term {
    field: Field,
    equal: bool,
    value: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Name,
    SignerName,
}

impl Selector {
    /// Whether the object is selected.
    pub(crate) fn selects(&self, csr: &Csr) -> bool {
        self.0.iter().all(|term| {
            let value = match term.field {
                Field::Name => name(csr),
                Field::SignerName => &csr.spec.signer_name,
            };
            (value == term.value) == term.equal
        })
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let split = [("!=", false), ("==", true), ("=", true)]
                .into_iter()
                .find_map(|(sign, equal)| part.split_once(sign).map(|(field, value)| (field, equal, value)));
            let Some((field, equal, value)) = split else {
                let why = format!("invalid selector: {part:?}; can't understand {part:?}");
                return Err(ApiError::bad_request(why));
            };
            let field = match field {
                "metadata.name" => Field::Name,
                "spec.signerName" => Field::SignerName,
                other => {
                    let why = format!("field label not supported: {other}");
                    return Err(ApiError::bad_request(why));
                }
            };
            terms.push(Term { field, equal, value: value.to_owned() });
        }
        Ok(Self(terms))
    }
}

impl Query {
    /// Reads a query string. What would change an answer and is not built is refused, not ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode(value)?;
            match key {
                "watch" => query.watch = truth(&value),
                "resourceVersion" => query.resource_version = value,
                "timeoutSeconds" => query.timeout_seconds = value.parse().ok(),
                "allowWatchBookmarks" => query.bookmarks = truth(&value),
                "sendInitialEvents" => query.send_initial_events = truth(&value),
                "fieldSelector" => query.selector = Selector::parse(&value)?,
                "includeObject" => {
                    query.include = match value.as_str() {
                        "Object" => Include::Object,
                        "None" => Include::Nothing,
                        _ => Include::Metadata,
                    }
                }
                "labelSelector" | "continue" | "dryRun" if !value.is_empty() => {
                    let why = format!("this control plane does not support the parameter {key}");
                    return Err(ApiError::bad_request(why));
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

fn truth(value: &str) -> bool {
    matches!(value, "true" | "1" | "")
}

/// Decodes `%41` and `+` (application/x-www-form-urlencoded).
pub(crate) fn percent_decode(text: &str) -> Result<String, ApiError> {
    let bad = || ApiError::bad_request("malformed percent encoding in the URL");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(bad);
                let value = digit()? * 16 + digit()?;
                out.push(value as u8);
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| bad())
}
