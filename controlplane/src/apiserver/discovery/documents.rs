//! Discovery documents, which kubectl reads before any other request
//! (`staging/src/k8s.io/api/apidiscovery/v2/types.go` for the aggregated form).

use serde_json::{Value, json};

use crate::apiserver::discovery::served::{GIT_VERSION, groups_served, served};
use crate::apiserver::resource::{Resource, Subresource};

#[cfg(test)]
mod tests;

/// `GET /version`.
pub(crate) fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": GIT_VERSION,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "linux/amd64",
    })
}

/// `GET /api`: no core group, since kubectl reports one without resources as a fault.
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": [], "serverAddressByClientCIDRs": []})
}

/// `GET /apis`.
pub(crate) fn groups() -> Value {
    let groups: Vec<_> = groups_served().into_iter().map(group_body).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group_body(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

/// `GET /apis/GROUP`, if it is served.
pub(crate) fn group(name: &str) -> Option<Value> {
    groups_served().contains(&name).then(|| {
        let mut group = group_body(name);
        group["kind"] = json!("APIGroup");
        group["apiVersion"] = json!("v1");
        group
    })
}

/// `GET /apis/GROUP/VERSION`, if it is served.
pub(crate) fn resources(group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for api in served().into_iter().filter(|api| (api.group, api.version) == (group, version)) {
        let mut resource = json!({
            "name": api.plural, "singularName": api.singular, "namespaced": api.namespaced, "kind": api.kind,
            "verbs": api.verbs,
        });
        if !api.short_names.is_empty() {
            resource["shortNames"] = json!(api.short_names);
        }
        resources.push(resource);
        for part in api.subresources {
            resources.push(json!({
                "name": format!("{}/{}", api.plural, part.as_str()), "singularName": "", "namespaced": api.namespaced,
                "kind": api.kind, "verbs": Subresource::VERBS,
            }));
        }
    }
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/{version}"),
        "resources": resources,
    });
    (!list["resources"].as_array().is_none_or(Vec::is_empty)).then_some(list)
}

/// The versions of the aggregated form, newest first.
const AGGREGATED: [&str; 2] = ["v2", "v2beta1"];

/// The version of the aggregated form that the client prefers to the plain one, if it does.
pub(crate) fn wants_aggregated(accept: &str) -> Option<&'static str> {
    for form in accept.split(',') {
        let mut parts = form.split(';').map(str::trim);
        if parts.next() != Some("application/json") {
            continue;
        }
        let parameters: Vec<_> = parts.collect();
        if !parameters.iter().any(|p| p.starts_with("as=")) {
            return None;
        }
        let is_requested = |version: &&str| parameters.contains(&&*format!("v={version}"));
        if parameters.contains(&"as=APIGroupDiscoveryList")
            && parameters.contains(&"g=apidiscovery.k8s.io")
            && let Some(version) = AGGREGATED.into_iter().find(is_requested)
        {
            return Some(version);
        }
    }
    None
}

/// `GET /apis` in the aggregated form.
pub(crate) fn aggregated(form: &str) -> Value {
    let items: Vec<_> = groups_served().into_iter().map(aggregated_group).collect();
    aggregated_list(form, items)
}

/// `GET /api` in the aggregated form: nothing, like [`core_versions`].
pub(crate) fn aggregated_core(form: &str) -> Value {
    aggregated_list(form, Vec::new())
}

fn aggregated_list(form: &str, items: Vec<Value>) -> Value {
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{form}"),
        "metadata": {}, "items": items,
    })
}

fn aggregated_group(name: &str) -> Value {
    let resources: Vec<_> =
        served().into_iter().filter(|api| api.group == name).map(aggregated_resource).collect();
    json!({
        "metadata": {"name": name, "creationTimestamp": null},
        "versions": [{"version": "v1", "freshness": "Current", "resources": resources}],
    })
}

fn aggregated_resource(api: &Resource) -> Value {
    let kind = json!({"group": api.group, "version": api.version, "kind": api.kind});
    let mut resource = json!({
        "resource": api.plural, "singularResource": api.singular, "responseKind": kind, "verbs": api.verbs,
        "scope": if api.namespaced { "Namespaced" } else { "Cluster" },
    });
    if !api.short_names.is_empty() {
        resource["shortNames"] = json!(api.short_names);
    }
    let parts: Vec<_> = api
        .subresources
        .iter()
        .map(|part| json!({"subresource": part, "responseKind": kind, "verbs": Subresource::VERBS}))
        .collect();
    if !parts.is_empty() {
        resource["subresources"] = json!(parts);
    }
    resource
}
