//! The OpenAPI definitions of the objects, which decoding, patches and the OpenAPI documents share.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::apiserver::resource::Resource;
use crate::apiserver::wire::path::Path;
use crate::base::budgets::FIELDS_SHOWN;

/// The forms of the objects, in the words of OpenAPI v2.
const DEFINITIONS: &str = include_str!("definitions/definitions.json");

/// The definitions by name.
pub(crate) fn definitions() -> &'static Map<String, Value> {
    static READ: OnceLock<Map<String, Value>> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(DEFINITIONS).expect("a test reads this very file"))
}

/// The name of the definition of a kind.
pub(crate) fn definition_of(api: &Resource) -> String {
    let package = api.group.split('.').next().unwrap_or_default();
    format!("io.k8s.api.{package}.{}.{}", api.version, api.kind)
}

/// The fields of `document` that its definition does not know, as paths; one more than an answer lists at most.
pub(crate) fn unknown_fields(document: &Value, definition: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    look(document, definitions().get(definition), &Path::Root, &mut unknown);
    unknown
}

fn look(value: &Value, schema: Option<&Value>, path: &Path<'_>, unknown: &mut Vec<String>) {
    let Some(schema) = schema.map(resolve) else {
        return;
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = Path::Member(path, name);
                let property = schema.get("properties").map(|properties| properties.get(name));
                match property {
                    Some(None) if unknown.len() <= FIELDS_SHOWN => unknown.push(path.words()),
                    Some(None) => return,
                    Some(known) => look(member, known, &path, unknown),
                    None => look(member, schema.get("additionalProperties"), &path, unknown),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, schema.get("items"), &Path::Item(path, index), unknown);
            }
        }
        _ => {}
    }
}

/// The definition that a reference leads to.
pub(crate) fn resolve(schema: &Value) -> &Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/definitions/"));
    name.and_then(|name| definitions().get(name)).unwrap_or(schema)
}
