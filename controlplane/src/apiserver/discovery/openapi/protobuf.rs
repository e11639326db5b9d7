//! The OpenAPI v2 document in the protobuf form of gnostic (`openapiv2/OpenAPIv2.proto`), which is all that kubectl takes:
//! what old versions of it validate manifests with.

use serde_json::Value;

/// Returns the document, without the parts that kubectl does not read.
pub(crate) fn document(v2: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, v2["swagger"].as_str());
    message(&mut out, 2, |info| {
        text(info, 1, v2["info"]["title"].as_str());
        text(info, 2, v2["info"]["version"].as_str());
    });
    message(&mut out, 8, |paths| {
        for (path, item) in members(&v2["paths"]) {
            message(paths, 2, |named| {
                text(named, 1, Some(path));
                message(named, 2, |out| path_item(out, item));
            });
        }
    });
    message(&mut out, 9, |definitions| {
        for (name, definition) in members(&v2["definitions"]) {
            message(definitions, 1, |named| {
                text(named, 1, Some(name));
                message(named, 2, |out| schema(out, definition));
            });
        }
    });
    out
}

fn path_item(out: &mut Vec<u8>, item: &Value) {
    for (field, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(operation) = item.get(method) {
            message(out, field, |out| {
                text(out, 3, operation["description"].as_str());
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    query_parameter(out, parameter);
                }
                extensions(out, 13, operation);
            });
        }
    }
}

/// ParametersItem, Parameter, NonBodyParameter, QueryParameterSubSchema.
fn query_parameter(out: &mut Vec<u8>, parameter: &Value) {
    if parameter["in"] != "query" {
        return;
    }
    message(out, 8, |item| {
        message(item, 1, |parameter_message| {
            message(parameter_message, 2, |non_body| {
                message(non_body, 3, |query| {
                    text(query, 2, Some("query"));
                    text(query, 4, parameter["name"].as_str());
                    text(query, 6, parameter["type"].as_str());
                });
            });
        });
    });
}

fn schema(out: &mut Vec<u8>, value: &Value) {
    text(out, 1, value["$ref"].as_str());
    text(out, 2, value["format"].as_str());
    text(out, 4, value["description"].as_str());
    for name in value["required"].as_array().into_iter().flatten() {
        text(out, 19, name.as_str());
    }
    if let Some(additional) = value.get("additionalProperties") {
        message(out, 21, |item| message(item, 1, |out| schema(out, additional)));
    }
    if value["type"].is_string() {
        message(out, 22, |item| text(item, 1, value["type"].as_str()));
    }
    if let Some(items) = value.get("items") {
        message(out, 23, |item| message(item, 1, |out| schema(out, items)));
    }
    if value["properties"].is_object() {
        message(out, 25, |properties| {
            for (name, property) in members(&value["properties"]) {
                message(properties, 1, |named| {
                    text(named, 1, Some(name));
                    message(named, 2, |out| schema(out, property));
                });
            }
        });
    }
    extensions(out, 31, value);
}

/// NamedAny with its value as YAML, of which JSON is a part.
fn extensions(out: &mut Vec<u8>, field: u64, value: &Value) {
    for (name, extension) in members(value).filter(|(name, _)| name.starts_with("x-")) {
        message(out, field, |named| {
            text(named, 1, Some(name));
            message(named, 2, |any| text(any, 2, Some(&extension.to_string())));
        });
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

fn text(out: &mut Vec<u8>, field: u64, content: Option<&str>) {
    if let Some(content) = content {
        bytes(out, field, content.as_bytes());
    }
}

fn message(out: &mut Vec<u8>, field: u64, write: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    write(&mut content);
    bytes(out, field, &content);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
