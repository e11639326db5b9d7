//! Bodies: what media type they have, and how they become objects
//! (`staging/src/k8s.io/apimachinery/pkg/runtime/serializer/json`).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::object::Object;
use crate::apiserver::resource::Resource;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::definitions::{definition_of, unknown_fields};
use crate::apiserver::wire::protobuf;
use crate::apiserver::wire::query::FieldValidation;

#[cfg(test)]
mod tests;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// More than this many duplicate and unknown fields are not listed one by one.
const MOST_SHOWN: usize = 10;

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
            let unknown = unknown_fields(&document, &definition_of(api));
            let warnings = judge(api, &duplicates, &unknown, validation)?;
            Ok(Decoded { document, warnings })
        }
        PROTOBUF => {
            let document = protobuf::decode(api, &call.body).map_err(ApiError::bad_request)?;
            Ok(Decoded { document, warnings: Vec::new() })
        }
        _ => Err(ApiError::unsupported_media_type(&format!("application/json, {PROTOBUF}"))),
    }
}

/// Makes a typed object of a document.
pub(crate) fn typed<T: Object>(mut document: Value) -> Result<T, ApiError> {
    expect_kind(T::API, &mut document)?;
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

/// Refuses a document of another kind or version. Absent fields get the expected values, as in kube-apiserver: Python's
/// client says neither.
fn expect_kind(api: &Resource, document: &mut Value) -> Result<(), ApiError> {
    let said = |name: &str| document.get(name).cloned().unwrap_or_default();
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
    let mut found: Vec<_> = duplicates.chain(unknown).take(MOST_SHOWN + 1).collect();
    if found.len() > MOST_SHOWN {
        found[MOST_SHOWN] = "and more".to_owned();
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
    let duplicates = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(body);
    let seed = Strict { path: &Path::Root, duplicates: &duplicates };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let value =
        value.map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}")))?;
    Ok((value, duplicates.into_inner()))
}

/// A place in a document. It becomes text only for the fields that are shown, since a document may be very deep.
enum Path<'a> {
    Root,
    Member(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl Path<'_> {
    fn words(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(Self::Root, name) => (*name).to_owned(),
            Self::Member(above, name) => format!("{}.{name}", above.words()),
            Self::Item(above, index) => format!("{}[{index}]", above.words()),
        }
    }
}

/// Builds a [`Value`] and notes members that come twice.
struct Strict<'a> {
    path: &'a Path<'a>,
    duplicates: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
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
            match access.next_element_seed(Strict { path: &path, duplicates: self.duplicates })? {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            if members.contains_key(&name) && self.duplicates.borrow().len() <= MOST_SHOWN {
                self.duplicates.borrow_mut().push(path.words());
            }
            let member = access.next_value_seed(Strict { path: &path, duplicates: self.duplicates })?;
            members.insert(name, member);
        }
        Ok(members.into())
    }
}
