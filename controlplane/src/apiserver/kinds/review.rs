//! Questions about the user: who am I, may I, may they. They are objects that are created, answered and not kept
//! (`pkg/registry/authorization`, `pkg/registry/authentication/selfsubjectreview`).

use serde_json::{Value, json};

use crate::apiserver::access::authorizer;
use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::attributes::Attributes;
use crate::apiserver::resource::{Kind, Resource, ReviewKind, Verb};
use crate::apiserver::user::User;

#[cfg(test)]
mod tests;

const fn review(
    group: &'static str,
    kind: ReviewKind,
    plural: &'static str,
    singular: &'static str,
) -> Resource {
    Resource {
        group,
        version: "v1",
        kind: Kind::Review(kind),
        plural,
        singular,
        short_names: &[],
        namespaced: false,
        subresources: &[],
        verbs: &[Verb::Create],
    }
}

const AUTHORIZATION: &str = "authorization.k8s.io";

static SELF_ACCESS: Resource = review(
    AUTHORIZATION,
    ReviewKind::SelfSubjectAccess,
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
);
static SELF_RULES: Resource =
    review(AUTHORIZATION, ReviewKind::SelfSubjectRules, "selfsubjectrulesreviews", "selfsubjectrulesreview");
static ACCESS: Resource =
    review(AUTHORIZATION, ReviewKind::SubjectAccess, "subjectaccessreviews", "subjectaccessreview");
static SELF: Resource =
    review("authentication.k8s.io", ReviewKind::SelfSubject, "selfsubjectreviews", "selfsubjectreview");

/// All of them.
pub(crate) static REVIEWS: [&Resource; 4] = [&SELF_ACCESS, &SELF_RULES, &ACCESS, &SELF];

/// Answers a review of this kind: the document with its status.
pub(crate) fn answer(
    (api, kind): (&Resource, ReviewKind),
    mut document: Value,
    user: &User,
) -> Result<Value, ApiError> {
    let spec = document["spec"].clone();
    let status = match kind {
        ReviewKind::SelfSubjectAccess => access(api, &spec, &user.name, &user.groups)?,
        ReviewKind::SubjectAccess => {
            let name = spec["user"].as_str().unwrap_or_default();
            let groups = texts(&spec["groups"]);
            if name.is_empty() && groups.is_empty() {
                let error = FieldError::invalid(
                    "spec.user",
                    "\"\"",
                    "at least one of user or group must be specified",
                );
                return Err(ApiError::invalid(api, "", &[error]));
            }
            access(api, &spec, name, &groups)?
        }
        ReviewKind::SelfSubjectRules => {
            let namespace = spec["namespace"].as_str().unwrap_or_default();
            if namespace.is_empty() {
                return Err(ApiError::bad_request("no namespace on request"));
            }
            rules(user, namespace)
        }
        ReviewKind::SelfSubject => json!({"userInfo": user.info()}),
    };
    document["apiVersion"] = json!(api.group_version());
    document["kind"] = json!(api.kind);
    document["metadata"] = json!({"creationTimestamp": null});
    document["status"] = status;
    Ok(document)
}

fn access(api: &Resource, spec: &Value, user: &str, groups: &[String]) -> Result<Value, ApiError> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if resource.is_object() == path.is_object() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(ApiError::invalid(
            api,
            "",
            &[FieldError::invalid("spec.resourceAttributes", "null", detail)],
        ));
    }
    let text = |document: &'static str, name: &str| -> String {
        spec[document][name].as_str().unwrap_or_default().to_owned()
    };
    let (verb, group, resource, subresource, namespace, name, path) = if resource.is_object() {
        let part = |name| text("resourceAttributes", name);
        let parts = (part("subresource"), part("namespace"), part("name"));
        (part("verb"), part("group"), part("resource"), parts.0, parts.1, parts.2, String::new())
    } else {
        let part = |name| text("nonResourceAttributes", name);
        let none = String::new;
        (part("verb"), none(), none(), none(), none(), none(), part("path"))
    };
    let attributes = Attributes {
        verb: &verb,
        group: &group,
        resource: &resource,
        subresource: &subresource,
        namespace: &namespace,
        name: &name,
        path: &path,
    };
    Ok(match authorizer::reason(user, groups, &attributes) {
        Some(reason) => json!({"allowed": true, "reason": reason}),
        None => json!({"allowed": false}),
    })
}

fn rules(user: &User, namespace: &str) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in authorizer::rules(user, namespace) {
        if rule.paths.is_empty() {
            let mut shown =
                json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources});
            if !rule.names.is_empty() {
                shown["resourceNames"] = json!(rule.names);
            }
            resources.push(shown);
        } else {
            paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.paths}));
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
