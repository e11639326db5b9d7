//! Reads objects in Kubernetes' protobuf form, as JSON documents: clients in Go send much that way, `kubectl certificate approve`
//! and `kubectl auth` among it, with no second try in JSON. Answers are always JSON, which every client takes.
//!
//! Field numbers: `generated.proto` of `staging/src/k8s.io/api/{certificates,coordination,authorization,authentication}/v1` and
//! of `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1`.

mod messages;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::Timestamp;
use messages::{DELETE_OPTIONS, Field, Shape};
use serde_json::{Map, Value as Json, json};

use crate::apiserver::resource::Resource;
use crate::base::budgets::{DOCUMENT_VALUES, quoted};

#[cfg(test)]
mod tests;

/// The prefix of every body; the rest is a `runtime.Unknown`.
const MAGIC: &[u8] = b"k8s\0";
const MALFORMED: &str = "malformed protobuf message, or one with more values than a document may have";

/// One field of a message: varint or bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }

    fn text(self) -> Option<&'a str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Bytes(_) => None,
        }
    }
}

/// Reads a body that is an object of this kind; the error names the defect.
pub(crate) fn decode(api: &Resource, body: &[u8]) -> Result<Json, String> {
    let (version, kind, object) = envelope(body)?;
    if (version.as_str(), kind.as_str()) != (api.group_version().as_str(), api.kind.as_str()) {
        let (version, kind) = (quoted(&version), quoted(&kind));
        return Err(format!("the body is {version} {kind}, not {} {}", api.group_version(), api.kind));
    }
    let mut document = message(object, messages::of(api.kind)).ok_or(MALFORMED)?;
    document.insert("apiVersion".to_owned(), json!(version));
    document.insert("kind".to_owned(), json!(kind));
    Ok(Json::Object(document))
}

/// Reads the options of a deletion.
pub(crate) fn delete_options(body: &[u8]) -> Result<Json, String> {
    let (_, kind, object) = envelope(body)?;
    if kind != "DeleteOptions" {
        return Err(format!("the body is {}, not DeleteOptions", quoted(&kind)));
    }
    Ok(Json::Object(message(object, DELETE_OPTIONS).ok_or(MALFORMED)?))
}

/// Returns version, kind and bytes of the wrapped object.
fn envelope(body: &[u8]) -> Result<(String, String, &[u8]), String> {
    let unknown = body.strip_prefix(MAGIC).ok_or("the body does not start with the protobuf magic k8s\\0")?;
    let (mut version, mut kind, mut object) = (String::new(), String::new(), &[][..]);
    for (field, value) in fields(unknown).ok_or(MALFORMED)? {
        match field {
            1 => {
                for (field, value) in value.bytes().and_then(fields).ok_or(MALFORMED)? {
                    let text = value.text().ok_or(MALFORMED)?.to_owned();
                    match field {
                        1 => version = text,
                        2 => kind = text,
                        _ => {}
                    }
                }
            }
            2 => object = value.bytes().ok_or(MALFORMED)?,
            _ => {}
        }
    }
    Ok((version, kind, object))
}

fn message(bytes: &[u8], declared: &[Field]) -> Option<Map<String, Json>> {
    let mut out = Map::new();
    for (number, value) in fields(bytes)? {
        let Some(field) = declared.iter().find(|field| field.number == number) else {
            continue;
        };
        let name = field.name.to_owned();
        match field.shape {
            Shape::Map | Shape::Lists => {
                let (key, content) = entry(value, matches!(field.shape, Shape::Lists))?;
                if let Json::Object(map) = out.entry(name).or_insert_with(|| json!({})) {
                    map.insert(key, content);
                }
            }
            Shape::Text
            | Shape::Item
            | Shape::Bytes
            | Shape::Int32
            | Shape::Int64
            | Shape::Bool
            | Shape::Time
            | Shape::Message(_) => {
                let Some(content) = single(value, field.shape)? else {
                    continue;
                };
                if !field.many {
                    out.insert(name, content);
                } else if let Json::Array(list) = out.entry(name).or_insert_with(|| json!([])) {
                    list.push(content);
                }
            }
        }
    }
    Some(out)
}

/// One value; `Some(None)` where it stands for an absent one, which Go writes out.
fn single(value: Value<'_>, shape: Shape) -> Option<Option<Json>> {
    Some(match shape {
        Shape::Text => Some(value.text()?).filter(|text| !text.is_empty()).map(Json::from),
        Shape::Item => Some(json!(value.text()?)),
        Shape::Bytes => Some(value.bytes()?).filter(|b| !b.is_empty()).map(|b| json!(STANDARD.encode(b))),
        // An int32 is sign-extended to 64 bits on the wire; its low half is the number.
        Shape::Int32 => Some(json!(value.number()? as i32)),
        Shape::Int64 => Some(json!(value.number()?.cast_signed())),
        Shape::Bool => Some(json!(value.number()? != 0)),
        Shape::Time => time(value.bytes()?)?,
        Shape::Message(declared) => Some(Json::Object(message(value.bytes()?, declared)?)),
        Shape::Map | Shape::Lists => None,
    })
}

/// A time; an empty message is none.
fn time(bytes: &[u8]) -> Option<Option<Json>> {
    let (mut seconds, mut nanoseconds) = (None, 0);
    for (field, value) in fields(bytes)? {
        match field {
            1 => seconds = Some(value.number()?.cast_signed()),
            2 => nanoseconds = value.number()? as i32,
            _ => {}
        }
    }
    let Some(seconds) = seconds else {
        return Some(None);
    };
    let time = Timestamp::new(seconds, nanoseconds).ok()?;
    Some(Some(json!(time.to_string())))
}

/// One entry of a map from texts to texts, or to lists of texts.
fn entry(value: Value<'_>, lists: bool) -> Option<(String, Json)> {
    let (mut key, mut content) = (String::new(), if lists { json!([]) } else { json!("") });
    for (field, value) in fields(value.bytes()?)? {
        match field {
            1 => value.text()?.clone_into(&mut key),
            2 if lists => {
                let items = fields(value.bytes()?)?.into_iter().filter(|(field, _)| *field == 1);
                content = items.map(|(_, item)| item.text().map(Json::from)).collect::<Option<_>>()?;
            }
            2 => content = json!(value.text()?),
            _ => {}
        }
    }
    Some((key, content))
}

/// The fields of a message in order, fixed-size ones left out; `None` if it is malformed or has too many.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut out = Vec::new();
    while !message.is_empty() {
        if out.len() >= DOCUMENT_VALUES {
            return None;
        }
        let key = varint(&mut message)?;
        let field = key >> 3;
        match key & 7 {
            0 => out.push((field, Value::Number(varint(&mut message)?))),
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (content, rest) = message.split_at_checked(length)?;
                out.push((field, Value::Bytes(content)));
                message = rest;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(out)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
