//! Query parameters.

use crate::apiserver::api_error::ApiError;
use crate::apiserver::wire::selector::Selector;
use crate::apiserver::wire::table::Include;

#[cfg(test)]
mod tests;

/// The parameters that are understood; the rest is ignored, as kube-apiserver does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query {
    pub(crate) watch: bool,
    pub(crate) resource_version: String,
    pub(crate) version_match: VersionMatch,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: bool,
    pub(crate) include: Include,
    pub(crate) selector: Selector,
    /// 0: no limit.
    pub(crate) limit: usize,
    /// The place to continue; empty: at the beginning.
    pub(crate) next: String,
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    pub(crate) field_manager: String,
    pub(crate) force: bool,
}

/// How a list is to meet the resource version that it names (`resourceVersionMatch`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum VersionMatch {
    /// Not said: as `NotOlderThan`.
    #[default]
    Unset,
    /// At least as new.
    NotOlderThan,
    /// Just that.
    Exact,
}

/// The treatment of unknown and duplicate fields (`fieldValidation`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum FieldValidation {
    /// Nothing.
    Ignore,
    /// A warning.
    #[default]
    Warn,
    /// An error.
    Strict,
}

impl Query {
    /// Reads a query string. A value that would change the answer and is not understood is refused, not ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut query = Self::default();
        let (mut fields, mut labels) = (String::new(), String::new());
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode(value)?;
            match key {
                "fieldSelector" => fields = value,
                "labelSelector" => labels = value,
                _ => query.take(key, value)?,
            }
        }
        query.selector = Selector::parse(&fields, &labels)?;
        let version_needed = query.version_match != VersionMatch::Unset && !query.send_initial_events;
        if version_needed && query.resource_version.is_empty() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(ApiError::bad_request(why));
        }
        Ok(query)
    }

    fn take(&mut self, key: &str, value: String) -> Result<(), ApiError> {
        let wrong = |what: &str| Err(ApiError::bad_request(format!("{key} is {value:?}: {what}")));
        match key {
            "watch" => self.watch = truth(&value),
            "resourceVersion" => self.resource_version = value,
            "resourceVersionMatch" => {
                self.version_match = match value.as_str() {
                    "" => VersionMatch::Unset,
                    "NotOlderThan" => VersionMatch::NotOlderThan,
                    "Exact" => VersionMatch::Exact,
                    _ => return wrong("it is NotOlderThan or Exact"),
                }
            }
            "timeoutSeconds" => self.timeout_seconds = value.parse().ok(),
            "allowWatchBookmarks" => self.bookmarks = truth(&value),
            "sendInitialEvents" => self.send_initial_events = truth(&value),
            "limit" if value.is_empty() => {}
            "limit" => match value.parse() {
                Ok(limit) => self.limit = limit,
                Err(_) => return wrong("it is a number"),
            },
            "continue" => self.next = value,
            "dryRun" if value.is_empty() => {}
            "dryRun" if value == "All" => self.dry_run = true,
            "dryRun" => return wrong("it is All, or not there"),
            "fieldValidation" => {
                self.validation = match value.as_str() {
                    "Ignore" => FieldValidation::Ignore,
                    "" | "Warn" => FieldValidation::Warn,
                    "Strict" => FieldValidation::Strict,
                    _ => return wrong("it is Ignore, Warn or Strict"),
                }
            }
            "fieldManager" => self.field_manager = value,
            "force" => self.force = truth(&value),
            "includeObject" => {
                self.include = match value.as_str() {
                    "Object" => Include::Object,
                    "None" => Include::Nothing,
                    _ => Include::Metadata,
                }
            }
            _ => {}
        }
        Ok(())
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
