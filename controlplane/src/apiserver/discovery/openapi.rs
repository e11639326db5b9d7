//! The OpenAPI documents, as far as clients read them: kubectl validates manifests with them, and explains kinds.

pub(crate) mod protobuf;

use serde_json::{Map, Value, json};

use crate::apiserver::discovery::served::{GIT_VERSION, hash, served};
use crate::apiserver::resource::{Resource, Verb};
use crate::apiserver::wire::definitions::{definition_of, definitions};

#[cfg(test)]
mod tests;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

fn info() -> Value {
    json!({"title": "Kubernetes", "version": GIT_VERSION})
}

/// `/openapi/v2`.
pub(crate) fn v2() -> Value {
    let paths: Map<_, _> = served().into_iter().flat_map(paths).collect();
    json!({"swagger": "2.0", "info": info(), "paths": paths, "definitions": definitions()})
}

/// `/openapi/v3`: which documents there are. The hash makes clients fetch a document of another version anew.
pub(crate) fn v3_index() -> Value {
    let mut index = Map::new();
    for api in served() {
        let path = format!("apis/{}/{}", api.group, api.version);
        let address = format!("/openapi/v3/{path}?hash={}", hash());
        index.insert(path, json!({"serverRelativeURL": address}));
    }
    json!({"paths": index})
}

/// `/openapi/v3/apis/GROUP/VERSION`, if it is served.
pub(crate) fn v3(group: &str, version: &str) -> Option<Value> {
    let apis = served().into_iter().filter(|api| (api.group, api.version) == (group, version));
    let paths: Map<_, _> = apis.flat_map(paths).map(|(path, item)| (path, to_v3(item))).collect();
    if paths.is_empty() {
        return None;
    }
    let mut needed = Map::new();
    gather(&Value::Object(paths.clone()), &mut needed);
    Some(json!({
        "openapi": "3.0.0", "info": info(), "paths": paths, "components": {"schemas": needed},
    }))
}

/// The definitions that `value` refers to, and those that these refer to.
fn gather(value: &Value, needed: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|r| r.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && !needed.contains_key(name)
                && let Some(definition) = definitions().get(name)
            {
                let definition = renamed(definition.clone());
                needed.insert(name.to_owned(), definition.clone());
                gather(&definition, needed);
            }
            members.values().for_each(|member| gather(member, needed));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, needed)),
        _ => {}
    }
}

/// References as OpenAPI v3 has them.
fn renamed(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/definitions/", "#/components/schemas/");
            }
            members.values_mut().for_each(|member| *member = renamed(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = renamed(item.take())),
        _ => {}
    }
    value
}

/// The paths of a kind, in the words of OpenAPI v2.
fn paths(api: &'static Resource) -> Vec<(String, Value)> {
    let namespace = if api.namespaced { "namespaces/{namespace}/" } else { "" };
    let collection = format!("/apis/{}/{}/{namespace}{}", api.group, api.version, api.plural);
    let stored = api.verbs.contains(&Verb::Get);
    let mut paths = Vec::new();
    let mut item = json!({"post": operation(api, "post", "create", &definition_of(api))});
    if stored {
        let list = format!("{}List", definition_of(api));
        item["get"] = operation(api, "list", "list", &list);
        item["delete"] = operation(api, "deletecollection", "delete collection of", &format!("{META}Status"));
    }
    paths.push((collection.clone(), item));
    if stored {
        let parts = std::iter::once("").chain(api.subresources.iter().map(|part| part.as_str()));
        for part in parts {
            let slash = if part.is_empty() { "" } else { "/" };
            let own = definition_of(api);
            let mut item = json!({
                "get": operation(api, "get", "read", &own),
                "put": operation(api, "put", "replace", &own),
                "patch": operation(api, "patch", "partially update", &own),
            });
            if part.is_empty() {
                item["delete"] = operation(api, "delete", "delete", &format!("{META}Status"));
            }
            paths.push((format!("{collection}/{{name}}{slash}{part}"), item));
        }
    }
    paths
}

const JSON_FORMS: &[&str] = &["application/json", "application/vnd.kubernetes.protobuf"];
const PATCH_FORMS: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

fn operation(api: &Resource, action: &str, words: &str, answer: &str) -> Value {
    let parameter =
        |name: &str, kind: &str| json!({"name": name, "in": "query", "type": kind, "uniqueItems": true});
    let writes = matches!(action, "post" | "put" | "patch");
    let mut parameters = Vec::new();
    if writes {
        for name in ["dryRun", "fieldManager", "fieldValidation"] {
            parameters.push(parameter(name, "string"));
        }
        let form = if action == "patch" { format!("{META}Patch") } else { definition_of(api) };
        let schema = json!({"$ref": format!("#/definitions/{form}")});
        parameters.push(json!({"name": "body", "in": "body", "required": true, "schema": schema}));
    } else if matches!(action, "list" | "deletecollection") {
        for name in ["continue", "fieldSelector", "labelSelector", "resourceVersion", "resourceVersionMatch"]
        {
            parameters.push(parameter(name, "string"));
        }
        parameters.push(parameter("limit", "integer"));
        for name in ["allowWatchBookmarks", "sendInitialEvents", "watch"] {
            parameters.push(parameter(name, "boolean"));
        }
    }
    let consumes = match action {
        "patch" => PATCH_FORMS,
        _ => JSON_FORMS,
    };
    json!({
        "description": format!("{words} {}", api.kind),
        "consumes": consumes,
        "produces": ["application/json"],
        "parameters": parameters,
        "responses": {
            "200": {"description": "OK", "schema": {"$ref": format!("#/definitions/{answer}")}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": api.group, "version": api.version, "kind": api.kind},
    })
}

/// A path of OpenAPI v2 in the words of v3.
fn to_v3(mut item: Value) -> Value {
    for operation in item.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
        let consumes = operation["consumes"].take();
        let Some(members) = operation.as_object_mut() else {
            continue;
        };
        members.remove("consumes");
        members.remove("produces");
        let mut body = Value::Null;
        if let Some(Value::Array(parameters)) = members.get_mut("parameters") {
            parameters.retain_mut(|parameter| {
                if parameter["in"] == "body" {
                    body = parameter["schema"].take();
                    return false;
                }
                *parameter = json!({
                    "name": parameter["name"], "in": "query",
                    "schema": {"type": parameter["type"], "uniqueItems": true},
                });
                true
            });
        }
        if !body.is_null() {
            let forms = consumes.as_array().into_iter().flatten().filter_map(Value::as_str);
            let content: Map<_, _> = forms.map(|form| (form.to_owned(), json!({"schema": body}))).collect();
            members.insert("requestBody".to_owned(), json!({"content": content, "required": true}));
        }
        let ok = &mut members["responses"]["200"];
        let schema = ok["schema"].take();
        *ok = json!({"description": "OK", "content": {"application/json": {"schema": schema}}});
    }
    renamed(item)
}
