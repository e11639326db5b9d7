//! Bodies: what media type they have, and how they become objects
//! (`staging/src/k8s.io/apimachinery/pkg/runtime/serializer/json`).

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::object::Object;
use crate::apiserver::resource::Resource;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::definitions::{definition_of, unknown_fields};
use crate::apiserver::wire::path::Path;
use crate::apiserver::wire::protobuf;
use crate::apiserver::wire::query::FieldValidation;
use crate::base::budgets::{DOCUMENT_VALUES, FIELDS_SHOWN, LIST_ITEMS, QUOTE_BYTES, cut};

#[cfg(test)]
mod tests;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// A document, and what should be said of it though it is taken.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) document: Value,
    pub(crate) warnings: Vec<String>,
}

/// The media type without parameters.
pub(crate) fn media_type(call: &Call) -> &str {
    call.content_type.split(';').next().unwrap_or_default().trim()
}

/// Reads a body as a document of this kind.
pub(crate) fn document(
    api: &Resource,
    call: &Call,
    validation: FieldValidation,
) -> Result<Decoded, ApiError> {
    match media_type(call) {
        "" | "application/json" => {
            let (mut document, duplicates) = parse_strictly(&call.body)?;
            expect_kind(api, &mut document)?;
            check_lists(api, &document)?;
            let unknown = unknown_fields(&document, &definition_of(api));
            let warnings = judge(api, &duplicates, &unknown, validation)?;
            Ok(Decoded { document, warnings })
        }
        PROTOBUF => {
            let document = protobuf::decode(api, &call.body).map_err(ApiError::bad_request)?;
            check_lists(api, &document)?;
            Ok(Decoded { document, warnings: Vec::new() })
        }
        _ => Err(ApiError::unsupported_media_type(&format!("application/json, {PROTOBUF}"))),
    }
}

/// Makes a typed object of a document.
pub(crate) fn typed<T: Object>(mut document: Value) -> Result<T, ApiError> {
    expect_kind(T::API, &mut document)?;
    check_lists(T::API, &document)?;
    serde_json::from_value(document).map_err(|e| {
        let why = format!("{} in version {:?} cannot be handled: {e}", T::API.kind, T::API.version);
        ApiError::bad_request(why)
    })
}

/// Reads JSON of any other form.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}")))
}

/// Reads JSON of any form, with no more values than a document may have.
pub(crate) fn parse_value(body: &[u8]) -> Result<Value, ApiError> {
    parse_strictly(body).map(|(value, _)| value)
}

/// Refuses a document with a list or a map that is too long, whatever it is for.
fn check_lists(api: &Resource, document: &Value) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    find_long_lists(document, &Path::Root, &mut errors);
    if errors.is_empty() {
        return Ok(());
    }
    let name = document["metadata"]["name"].as_str().unwrap_or_default();
    Err(ApiError::invalid(api, name, &errors))
}

fn find_long_lists(value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let (Value::Array(_) | Value::Object(_)) = value else { return };
    let count = value.as_array().map_or_else(|| value.as_object().map_or(0, Map::len), Vec::len);
    if count > LIST_ITEMS {
        errors.push(FieldError::too_many(path.words(), count, LIST_ITEMS));
        return;
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        find_long_lists(item, &Path::Item(path, index), errors);
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        find_long_lists(member, &Path::Member(path, name), errors);
    }
}

/// Refuses a document of another kind or version. Absent fields get the expected values, as in kube-apiserver: Python's
/// client says neither.
fn expect_kind(api: &Resource, document: &mut Value) -> Result<(), ApiError> {
    // A value that is no text is not copied: it may be most of the document.
    let said = |name: &str| match document.get(name) {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) => cut(text, QUOTE_BYTES).into(),
        Some(_) => "(no text)".into(),
    };
    let (kind, version) = (said("kind"), said("apiVersion"));
    let absent = |value: &Value| value.is_null() || *value == "";
    let same =
        (absent(&kind) || kind == api.kind.as_str()) && (absent(&version) || version == *api.group_version());
    match document {
        Value::Object(members) if same => {
            members.insert("kind".to_owned(), api.kind.as_str().into());
            members.insert("apiVersion".to_owned(), api.group_version().into());
            return Ok(());
        }
        Value::Object(_) => {}
        _ => return Err(ApiError::bad_request("the object provided is unrecognized: it is no JSON object")),
    }
    let why = format!(
        "the API version in the data ({version}, {kind}) does not match the expected one ({}, {})",
        api.group_version(),
        api.kind
    );
    Err(ApiError::bad_request(why))
}

/// Judges duplicate and unknown fields: an error under strict validation, else warnings.
pub(crate) fn judge(
    api: &Resource,
    duplicates: &[String],
    unknown: &[String],
    validation: FieldValidation,
) -> Result<Vec<String>, ApiError> {
    if validation == FieldValidation::Ignore || duplicates.is_empty() && unknown.is_empty() {
        return Ok(Vec::new());
    }
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let mut found: Vec<_> = duplicates.chain(unknown).take(FIELDS_SHOWN + 1).collect();
    if found.len() > FIELDS_SHOWN {
        found[FIELDS_SHOWN] = "and more".to_owned();
    }
    if validation == FieldValidation::Warn {
        return Ok(found);
    }
    let why = format!(
        "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
        api.kind,
        api.version,
        api.kind,
        found.join(", ")
    );
    Err(ApiError::bad_request(why))
}

/// Reads JSON, and tells which members come twice; the last one counts, as in Go.
pub(crate) fn parse_strictly(body: &[u8]) -> Result<(Value, Vec<String>), ApiError> {
    let (duplicates, left) = (RefCell::new(Vec::new()), Cell::new(DOCUMENT_VALUES));
    let mut reader = serde_json::Deserializer::from_slice(body);
    let seed = Strict { path: &Path::Root, duplicates: &duplicates, left: &left };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let wrong = |e| match left.get() {
        0 => ApiError::too_large_because(format!("the document has more than {DOCUMENT_VALUES} values")),
        _ => ApiError::bad_request(format!("the object provided is unrecognized: {e}")),
    };
    let value = value.map_err(wrong)?;
    Ok((value, duplicates.into_inner()))
}

/// Builds a [`Value`] and notes members that come twice.
struct Strict<'a> {
    path: &'a Path<'a>,
    duplicates: &'a RefCell<Vec<String>>,
    /// How many more values the document may have.
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            return Err(serde::de::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = Path::Item(self.path, items.len());
            match access.next_element_seed(Strict {
                path: &path,
                duplicates: self.duplicates,
                left: self.left,
            })? {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            if members.contains_key(&name) && self.duplicates.borrow().len() <= FIELDS_SHOWN {
                self.duplicates.borrow_mut().push(path.words());
            }
            let member = access.next_value_seed(Strict {
                path: &path,
                duplicates: self.duplicates,
                left: self.left,
            })?;
            members.insert(name, member);
        }
        Ok(members.into())
    }
}
