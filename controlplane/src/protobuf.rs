//! Reads a CertificateSigningRequest in Kubernetes' protobuf form: kubectl 1.32 and later sends
//! `certificate approve` that way, with no second try in JSON. Answers are always JSON, which every client takes.
//!
//! Field numbers: `staging/src/k8s.io/api/certificates/v1/generated.proto` and
//! `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequestSpec, CertificateSigningRequestStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use crate::api::{Condition, Csr};

#[cfg(test)]
mod tests;

/// What every body starts with; the rest is a `runtime.Unknown`.
const MAGIC: &[u8] = b"k8s\0";

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

    fn text(self) -> Option<String> {
        self.bytes().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Bytes(_) => None,
        }
    }
}

/// Reads a body; the error says what is wrong with it.
pub(crate) fn decode(body: &[u8]) -> Result<Csr, &'static str> {
    const MALFORMED: &str = "malformed protobuf message";
    let unknown = body.strip_prefix(MAGIC).ok_or("the body does not start with the protobuf magic k8s\\0")?;
    let mut object = None;
    let mut type_meta = (String::new(), String::new());
    for (field, value) in fields(unknown).ok_or(MALFORMED)? {
        match field {
            1 => type_meta = read_type(value).ok_or(MALFORMED)?,
            2 => object = value.bytes(),
            _ => {}
        }
    }
    if (type_meta.0.as_str(), type_meta.1.as_str()) != ("certificates.k8s.io/v1", "CertificateSigningRequest")
    {
        return Err("the body is no certificates.k8s.io/v1 CertificateSigningRequest");
    }
    csr(object.unwrap_or_default()).ok_or(MALFORMED)
}

fn read_type(value: Value<'_>) -> Option<(String, String)> {
    let mut out = (String::new(), String::new());
    for (field, value) in fields(value.bytes()?)? {
        match field {
            1 => out.0 = value.text()?,
            2 => out.1 = value.text()?,
            _ => {}
        }
    }
    Some(out)
}

fn csr(message: &[u8]) -> Option<Csr> {
    let mut csr = Csr::default();
    for (field, value) in fields(message)? {
        match field {
            1 => csr.metadata = metadata(value.bytes()?)?,
            2 => csr.spec = spec(value.bytes()?)?,
            3 => csr.status = Some(status(value.bytes()?)?),
            _ => {}
        }
    }
    Some(csr)
}

/// The parts of the metadata that a client may set or that say which object is meant.
fn metadata(message: &[u8]) -> Option<ObjectMeta> {
    let mut meta = ObjectMeta::default();
    for (field, value) in fields(message)? {
        match field {
            1 => meta.name = given(value)?,
            2 => meta.generate_name = given(value)?,
            5 => meta.uid = given(value)?,
            6 => meta.resource_version = given(value)?,
            11 => entry(value, meta.labels.get_or_insert_with(BTreeMap::new))?,
            12 => entry(value, meta.annotations.get_or_insert_with(BTreeMap::new))?,
            _ => {}
        }
    }
    Some(meta)
}

fn spec(message: &[u8]) -> Option<CertificateSigningRequestSpec> {
    let mut spec = CertificateSigningRequestSpec::default();
    for (field, value) in fields(message)? {
        match field {
            1 => spec.request = ByteString(value.bytes()?.to_vec()),
            5 => spec.usages.get_or_insert_with(Vec::new).push(value.text()?),
            7 => spec.signer_name = value.text()?,
            // An int32 is sign-extended to 64 bits on the wire; its low half is the number.
            8 => spec.expiration_seconds = Some(value.number()? as i32),
            _ => {}
        }
    }
    Some(spec)
}

fn status(message: &[u8]) -> Option<CertificateSigningRequestStatus> {
    let mut status = CertificateSigningRequestStatus::default();
    for (field, value) in fields(message)? {
        match field {
            1 => status.conditions.get_or_insert_with(Vec::new).push(condition(value.bytes()?)?),
            2 => status.certificate = Some(ByteString(value.bytes()?.to_vec())),
            _ => {}
        }
    }
    Some(status)
}

fn condition(message: &[u8]) -> Option<Condition> {
    let mut condition = Condition::default();
    for (field, value) in fields(message)? {
        match field {
            1 => condition.type_ = value.text()?,
            2 => condition.reason = given(value)?,
            3 => condition.message = given(value)?,
            4 => condition.last_update_time = time(value.bytes()?)?,
            5 => condition.last_transition_time = time(value.bytes()?)?,
            6 => condition.status = value.text()?,
            _ => {}
        }
    }
    Some(condition)
}

/// A time; an empty message is none.
fn time(message: &[u8]) -> Option<Option<Time>> {
    let mut time = None;
    for (field, value) in fields(message)? {
        if field == 1 {
            let seconds = value.number()?.cast_signed();
            time = Some(Time(Timestamp::from_second(seconds).ok()?));
        }
    }
    Some(time)
}

/// Go writes empty strings out; they stand for absent ones.
fn given(value: Value<'_>) -> Option<Option<String>> {
    value.text().map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn entry(value: Value<'_>, map: &mut BTreeMap<String, String>) -> Option<()> {
    let (mut key, mut content) = (String::new(), String::new());
    for (field, value) in fields(value.bytes()?)? {
        match field {
            1 => key = value.text()?,
            2 => content = value.text()?,
            _ => {}
        }
    }
    map.insert(key, content);
    Some(())
}

/// The fields of a message in order, fixed-size ones left out; `None` if it is malformed.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut out = Vec::new();
    while !message.is_empty() {
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
