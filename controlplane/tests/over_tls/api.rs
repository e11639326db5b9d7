//! The API as clients see it: codes, Status objects, subresources, watches.

use crate::client::{Answer, CSRS, Client, conditions, issue, request};
use certrotate_controlplane::{Approval, ControlPlane, Handle, Options};
use http::Method;
use serde_json::{Value, json};

pub(crate) async fn manual() -> (Handle, Client) {
    let options = Options { approve: Approval::Manual, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let admin = Client::admin(&plane);
    (plane, admin)
}

pub(crate) async fn created(admin: &Client, name: &str) -> Value {
    let answer = admin.post(&request(name, "n").1).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.body
}

/// The answer is a Status that says the code twice and this reason.
pub(crate) fn is_status(answer: &Answer, code: u16, reason: &str) {
    let seen = (answer.code, answer.body["code"].as_u64(), answer.body["reason"].as_str());
    assert_eq!(seen, (code, Some(u64::from(code)), Some(reason)), "{answer:?}");
    assert_eq!(answer.body["kind"], "Status");
    assert_eq!(answer.body["status"], "Failure");
}

#[tokio::test]
async fn wrong_paths_and_verbs_are_status_objects_with_the_codes_of_kubernetes() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let (one, none) = (format!("{CSRS}/a"), format!("{CSRS}/none"));
    for path in
        [&none, "/apis/nonsense/v1", "/openapi/v3/apis/apps/v1", "/api/v1/nodes", &format!("{one}/nonsense")]
    {
        is_status(&admin.get(path).await, 404, "NotFound");
    }
    is_status(&admin.delete(&none).await, 404, "NotFound");
    for (method, path) in [(Method::PUT, CSRS), (Method::POST, &one), (Method::DELETE, "/version")] {
        is_status(&admin.raw(method, path, "", "").await, 405, "MethodNotAllowed");
    }
}

#[tokio::test]
async fn wrong_bodies_are_status_objects_with_the_codes_of_kubernetes() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let one = format!("{CSRS}/a");
    is_status(&admin.post(&request("a", "n").1).await, 409, "AlreadyExists");
    let yaml = admin.raw(Method::POST, CSRS, "application/yaml", "a: b").await;
    is_status(&yaml, 415, "UnsupportedMediaType");
    let apply = admin.raw(Method::PATCH, &one, "application/apply-patch+yaml", "{}").await;
    is_status(&apply, 415, "UnsupportedMediaType");
    is_status(&admin.raw(Method::POST, CSRS, "", "{").await, 400, "BadRequest");
    is_status(&admin.post(&json!({"kind": "Pod", "apiVersion": "v1"})).await, 400, "BadRequest");
    is_status(&admin.get(&format!("{CSRS}?labelSelector=a%20b")).await, 400, "BadRequest");
    let largest = 3 << 20;
    let large = admin.raw(Method::POST, CSRS, "", vec![b' '; largest + 1]).await;
    is_status(&large, 413, "RequestEntityTooLarge");
    is_status(&admin.raw(Method::POST, CSRS, "", vec![b' '; largest]).await, 400, "BadRequest");
}

#[tokio::test]
async fn an_invalid_object_names_each_field() {
    let (_plane, admin) = manual().await;
    let (_, mut object) = request("b", "n");
    object["spec"]["usages"] = json!([]);
    object["spec"]["signerName"] = json!("nonsense");
    object["spec"]["expirationSeconds"] = json!(599);
    let answer = admin.post(&object).await;
    let causes = answer.body["details"]["causes"].as_array().unwrap();
    let fields: Vec<_> = causes.iter().map(|c| c["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["spec.usages", "spec.signerName", "spec.expirationSeconds"]);
    assert_eq!(answer.body["details"]["name"], "b");
}

#[tokio::test]
async fn a_person_approves_and_the_signer_issues() {
    let (plane, admin) = manual().await;
    let object = created(&admin, "a").await;
    assert_eq!(object["spec"]["username"], "admin");
    assert_eq!(plane.stats().csrs[0].condition, "Pending");
    let approved = admin.decide("a", "Approved").await;
    assert_eq!(approved.code, 200);
    assert!(approved.body["status"]["conditions"][0]["lastUpdateTime"].is_string());
    let issued = crate::client::settled(&admin, "a", |o| o["status"]["certificate"].is_string()).await;
    assert_eq!(conditions(&issued), ["Approved"]);
    let stats = plane.stats();
    assert_eq!(stats.csrs[0].condition, "Approved,Issued");
    assert_eq!((stats.open_csrs, stats.open_csrs_max, stats.csrs_created), (0, 1, 1));
    let denied = admin.decide("a", "Denied").await;
    assert_eq!((denied.code, &denied.body["reason"]), (422, &"Invalid".into()));
}

#[tokio::test]
async fn reg_039_to_044_subresources_read_and_change_only_their_part() {
    let (_plane, admin) = manual().await;
    let stored = created(&admin, "a").await;
    let one = format!("{CSRS}/a");
    for part in ["approval", "status"] {
        let read = admin.get(&format!("{one}/{part}")).await;
        assert_eq!(read.body["metadata"]["uid"], stored["metadata"]["uid"]);
    }
    let condition = json!([{"type": "Custom", "status": "True"}]);
    let patch = json!({"metadata": {"annotations": {"k": "v"}}, "status": {"conditions": condition}});
    let patched = admin.patch(&format!("{one}/approval"), &patch).await;
    assert_eq!(patched.body["metadata"]["annotations"]["k"], "v");
    assert_eq!(conditions(&patched.body), ["Custom"]);
    let mut object = patched.body;
    object["spec"]["signerName"] = json!("example.com/other");
    object["status"]["conditions"] = json!([{"type": "Approved", "status": "True"}]);
    assert_eq!(admin.put(&format!("{one}/status"), &object).await.code, 422);
    let main = admin.put(&one, &object).await;
    assert_eq!((main.code, conditions(&main.body)), (200, vec!["Custom"]));
    assert_eq!(main.body["spec"], stored["spec"]);
    let approved = admin.put(&format!("{one}/approval"), &object).await;
    assert_eq!(conditions(&approved.body), ["Approved"]);
    assert_eq!(approved.body["spec"], stored["spec"]);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_none_is_last_write_wins() {
    let (_plane, admin) = manual().await;
    let one = format!("{CSRS}/a");
    let mut object = created(&admin, "a").await;
    let patched = admin.patch(&one, &json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(patched.code, 200);
    let conflict = admin.put(&one, &object).await;
    assert_eq!((conflict.code, &conflict.body["reason"]), (409, &"Conflict".into()));
    object["metadata"]["resourceVersion"] = Value::Null;
    assert_eq!(admin.put(&one, &object).await.code, 200);
    let options = json!({"preconditions": {"uid": "other"}}).to_string();
    assert_eq!(admin.raw(Method::DELETE, &one, "application/json", options).await.code, 409);
    let gone = admin.delete(&one).await;
    assert_eq!((gone.code, &gone.body["status"]), (200, &"Success".into()));
}

#[tokio::test]
async fn reg_028_reg_029_reg_033_lists_are_selected_and_in_name_order() {
    let (_plane, admin) = manual().await;
    for _ in 0..3 {
        let (_, mut object) = request("", "n");
        object["metadata"] = json!({"generateName": "csr-"});
        assert_eq!(admin.post(&object).await.code, 201);
    }
    let (_, mut other) = request("other", "n");
    other["spec"]["signerName"] = json!("example.com/other");
    assert_eq!(admin.post(&other).await.code, 201);
    let names = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = names(&admin.get(CSRS).await);
    assert!(all.len() == 4 && all.is_sorted(), "{all:?}");
    let selected = admin.get(&format!("{CSRS}?fieldSelector=spec.signerName%3Dexample.com%2Fother")).await;
    assert_eq!(names(&selected), ["other"]);
    assert_eq!(selected.body["metadata"]["resourceVersion"], "4");
    let removed = admin.delete(&format!("{CSRS}?fieldSelector=metadata.name!%3Dother")).await;
    assert_eq!(names(&removed).len(), 3);
    assert_eq!(names(&admin.get(CSRS).await), ["other"]);
}

#[tokio::test]
async fn a_watch_shows_what_exists_and_then_every_change() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    created(&admin, "b").await;
    let pair = |kind: &str, name: &str| Some((kind.to_owned(), name.to_owned()));
    let mut all = admin.watch("").await;
    assert_eq!(all.brief().await, pair("ADDED", "a"));
    assert_eq!(all.brief().await, pair("ADDED", "b"));
    let mut one = admin.watch("&resourceVersion=1&fieldSelector=metadata.name%3Db").await;
    assert_eq!(one.brief().await, pair("ADDED", "b"));
    admin.decide("a", "Denied").await;
    admin.delete(&format!("{CSRS}/b")).await;
    assert_eq!(all.brief().await, pair("MODIFIED", "a"));
    assert_eq!(all.brief().await, pair("DELETED", "b"));
    assert_eq!(one.brief().await, pair("DELETED", "b"));
}

#[tokio::test]
async fn a_watch_list_ends_its_initial_events_with_a_bookmark() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = admin.watch(query).await;
    assert_eq!(events.next().await.unwrap().0, "ADDED");
    let (kind, object) = events.next().await.unwrap();
    assert_eq!(kind, "BOOKMARK");
    assert_eq!(object["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(object["metadata"]["resourceVersion"], "1");
}

#[tokio::test]
async fn watch_from_unknown_version_gets_410_and_timeout_ends_it() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let mut events = admin.watch("&resourceVersion=4711").await;
    let (kind, status) = events.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &status["code"], &status["reason"]),
        ("ERROR", &json!(410), &json!("Expired"))
    );
    assert!(events.next().await.is_none());
    let mut short = admin.watch("&resourceVersion=1&timeoutSeconds=1").await;
    assert!(short.next().await.is_none());
}

#[tokio::test]
async fn discovery_names_the_resource_and_its_subresources() {
    let (_plane, admin) = manual().await;
    assert_eq!(admin.get("/apis").await.body["groups"][0]["name"], "certificates.k8s.io");
    assert_eq!(admin.get("/apis/certificates.k8s.io").await.body["preferredVersion"]["version"], "v1");
    let list = admin.get("/apis/certificates.k8s.io/v1").await.body;
    let names: Vec<_> =
        list["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let resource = "certificatesigningrequests";
    assert_eq!(names, [resource, &format!("{resource}/approval"), &format!("{resource}/status")]);
    assert_eq!(admin.get("/version").await.body["major"], "1");
}

#[tokio::test]
async fn approval_after_a_delay_comes_by_itself() {
    let approve = Approval::After(std::time::Duration::from_millis(30));
    let plane = ControlPlane::start(Options { approve, ..Options::default() }).await.unwrap();
    let (_, object) = issue(&Client::bootstrap(&plane), "n", "n").await;
    assert_eq!(object["status"]["conditions"][0]["reason"], "AutoApproved");
}
