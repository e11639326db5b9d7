//! Label and field selectors (`staging/src/k8s.io/apimachinery/pkg/labels/selector.go`, `…/pkg/fields/selector.go`).

use crate::apiserver::api_error::ApiError;
use crate::apiserver::object::Object;
use crate::base::budgets::{QUOTE_BYTES, SELECTOR_TERMS, cut, quoted};

#[cfg(test)]
mod tests;

/// The filter of a list or a watch; every term must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Selector {
    namespace: Option<String>,
    fields: Vec<FieldTerm>,
    labels: Vec<LabelTerm>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct FieldTerm {
    field: String,
    equal: bool,
    value: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct LabelTerm {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Reads the two parameters.
    pub(crate) fn parse(fields: &str, labels: &str) -> Result<Self, ApiError> {
        // Each term is compared with each object, so that their number is bounded before any is read.
        let count = [fields, labels].iter().map(|text| text.split(',').count()).sum::<usize>();
        if count > SELECTOR_TERMS {
            let why = format!("a selector has at most {SELECTOR_TERMS} terms and values, not {count}");
            return Err(ApiError::bad_request(why));
        }
        Ok(Self { namespace: None, fields: field_terms(fields)?, labels: label_terms(labels)? })
    }

    /// The same within one namespace.
    pub(crate) fn within(mut self, namespace: Option<&str>) -> Self {
        self.namespace = namespace.map(str::to_owned);
        self
    }

    /// The namespace that everything selected is in.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The only name that can be selected, if the selector says one.
    pub(crate) fn name(&self) -> Option<&str> {
        let named = self.fields.iter().find(|term| term.equal && term.field == "metadata.name");
        named.map(|term| term.value.as_str())
    }

    /// Whether everything is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Refuses fields that this kind cannot be selected by.
    pub(crate) fn check<T: Object>(&self) -> Result<(), ApiError> {
        let is_supported = |field: &str| {
            field == "metadata.name" || field == "metadata.namespace" || T::FIELDS.contains(&field)
        };
        match self.fields.iter().find(|term| !is_supported(&term.field)) {
            Some(term) => {
                let field = cut(&term.field, QUOTE_BYTES);
                Err(ApiError::bad_request(format!("field label not supported: {field}")))
            }
            None => Ok(()),
        }
    }

    /// Whether the object is selected.
    pub(crate) fn selects<T: Object>(&self, object: &T) -> bool {
        let meta = object.metadata();
        let inside =
            self.namespace.is_none() || !T::API.namespaced || meta.namespace.as_deref() == self.namespace();
        inside
            && self.fields.iter().all(|term| {
                let value = match term.field.as_str() {
                    "metadata.name" => meta.name.as_deref().unwrap_or_default(),
                    "metadata.namespace" => meta.namespace.as_deref().unwrap_or_default(),
                    other => object.field(other),
                };
                (value == term.value) == term.equal
            })
            && self.labels.iter().all(|term| {
                let value = meta.labels.as_ref().and_then(|labels| labels.get(&term.key));
                term.operator.holds(value.map(String::as_str))
            })
    }
}

impl Operator {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::In(values) => value.is_some_and(|v| values.iter().any(|other| other == v)),
            // As in Kubernetes an object without the label is selected.
            Self::NotIn(values) => value.is_none_or(|v| values.iter().all(|other| other != v)),
            Self::Greater(bound) => number().is_some_and(|n| n > *bound),
            Self::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

fn field_terms(text: &str) -> Result<Vec<FieldTerm>, ApiError> {
    let mut terms = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let split = [("!=", false), ("==", true), ("=", true)]
            .into_iter()
            .find_map(|(sign, equal)| part.split_once(sign).map(|(field, value)| (field, equal, value)));
        let Some((field, equal, value)) = split else {
            let part = quoted(part);
            let why = format!("invalid selector: {part}; can't understand {part}");
            return Err(ApiError::bad_request(why));
        };
        terms.push(FieldTerm { field: field.to_owned(), equal, value: value.to_owned() });
    }
    Ok(terms)
}

fn label_terms(text: &str) -> Result<Vec<LabelTerm>, ApiError> {
    let parts = split_outside_parentheses(text).into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            label_term(part).ok_or_else(|| {
                ApiError::bad_request(format!(
                    "unable to parse requirement: {} is no label selector",
                    quoted(part)
                ))
            })
        })
        .collect()
}

/// The commas of `a in (x,y),b` that separate terms.
fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn label_term(part: &str) -> Option<LabelTerm> {
    let term = |key: &str, operator| {
        let key = key.trim();
        is_key(key).then(|| LabelTerm { key: key.to_owned(), operator })
    };
    if let Some(key) = part.strip_prefix('!') {
        return term(key, Operator::Missing);
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = part.split_once("!=") {
        return is_value(value).then(|| term(key, Operator::NotIn(one(value))))?;
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return is_value(value).then(|| term(key, Operator::In(one(value))))?;
    }
    if let Some((key, value)) = part.split_once('>') {
        return term(key, Operator::Greater(value.trim().parse().ok()?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return term(key, Operator::Less(value.trim().parse().ok()?));
    }
    match part.split_once(char::is_whitespace) {
        None => term(part, Operator::Exists),
        Some((key, rest)) => {
            let rest = rest.trim_start();
            let (negative, list) = match rest.strip_prefix("notin") {
                Some(list) => (true, list),
                None => (false, rest.strip_prefix("in")?),
            };
            let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values: Vec<_> = list.split(',').map(|value| value.trim().to_owned()).collect();
            if !values.iter().all(|value| is_value(value)) {
                return None;
            }
            term(key, if negative { Operator::NotIn(values) } else { Operator::In(values) })
        }
    }
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let in_prefix = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    !name.is_empty() && is_value(name) && prefix.is_none_or(|p| !p.is_empty() && p.bytes().all(in_prefix))
}

/// Empty, or letters, digits, `-`, `_` and `.` that begin and end with a letter or digit; 63 at most.
pub(crate) fn is_value(value: &str) -> bool {
    let value = value.trim();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = value.as_bytes();
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63 && bytes.iter().all(inner) && edge(bytes.first()) && edge(bytes.last())
}
