//! Requests that only other clients make: other kinds, patches, parts of lists, discovery and OpenAPI.

use http::Method;
use serde_json::{Value, json};

use crate::api::{created, is_status, manual};
use crate::client::{CSRS, Client, conditions, request, user};
use certrotate_controlplane::{ControlPlane, Options};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

fn lease(name: &str, holder: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-11-24T10:00:00.123456Z"},
    })
}

async fn post(client: &Client, path: &str, body: &Value) -> crate::client::Answer {
    client.raw(Method::POST, path, "application/json", body.to_string()).await
}

#[tokio::test]
async fn a_lease_goes_to_one_of_two_that_want_it() {
    let (_plane, admin) = manual().await;
    let made = post(&admin, LEASES, &lease("leader", "a")).await;
    assert_eq!((made.code, &made.body["metadata"]["namespace"]), (201, &json!("kube-system")), "{made:?}");
    assert_eq!(made.body["spec"]["renewTime"], "2026-11-24T10:00:00.123456Z");
    let one = format!("{LEASES}/leader");
    let (mut first, mut second) = (made.body.clone(), made.body);
    first["spec"]["holderIdentity"] = json!("b");
    second["spec"]["holderIdentity"] = json!("c");
    assert_eq!(admin.put(&one, &first).await.code, 200);
    is_status(&admin.put(&one, &second).await, 409, "Conflict");
    assert_eq!(admin.get(&one).await.body["spec"]["holderIdentity"], "b");
    second["metadata"]["resourceVersion"] = Value::Null;
    is_status(&admin.put(&one, &second).await, 422, "Invalid");
    let patched = admin.patch(&one, &json!({"spec": {"leaseTransitions": 1}})).await;
    assert_eq!(patched.body["spec"]["leaseTransitions"], 1);
    let elsewhere = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    assert_eq!(admin.get(elsewhere).await.body["items"], json!([]));
    let all = admin.get("/apis/coordination.k8s.io/v1/leases").await.body;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.delete(&one).await.code, 200);
    is_status(&admin.get(&one).await, 404, "NotFound");
}

#[tokio::test]
async fn a_lease_that_is_put_where_none_is_comes_to_be() {
    let (_plane, admin) = manual().await;
    let made = admin.put(&format!("{LEASES}/n"), &lease("n", "a")).await;
    assert_eq!(made.code, 201, "{made:?}");
    is_status(&admin.put(&format!("{LEASES}/m"), &lease("n", "a")).await, 400, "BadRequest");
    let mut elsewhere = lease("x", "a");
    elsewhere["metadata"]["namespace"] = json!("default");
    is_status(&post(&admin, LEASES, &elsewhere).await, 400, "BadRequest");
    is_status(
        &post(&admin, "/apis/coordination.k8s.io/v1/leases", &lease("x", "a")).await,
        405,
        "MethodNotAllowed",
    );
}

#[tokio::test]
async fn a_node_keeps_its_lease_where_nodes_keep_theirs() {
    let (plane, _) = manual().await;
    let identity = user(&plane, "system:node:n", &["system:nodes"]);
    let node = Client::new(&plane, Some(&identity), None, crate::client::Version::One);
    let own = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    assert_eq!(post(&node, own, &lease("n", "n")).await.code, 201);
    is_status(&post(&node, own, &lease("other", "n")).await, 403, "Forbidden");
    is_status(&node.put(&format!("{own}/other"), &lease("other", "n")).await, 403, "Forbidden");
    assert_eq!(node.get(&format!("{own}/n")).await.code, 200);
    let denied = post(&node, LEASES, &lease("n", "n")).await;
    is_status(&denied, 403, "Forbidden");
    let why = "leases.coordination.k8s.io is forbidden: User \"system:node:n\" cannot create resource \"leases\" in API \
               group \"coordination.k8s.io\" in the namespace \"kube-system\"";
    assert_eq!(denied.body["message"], why);
}

#[tokio::test]
async fn leases_outlive_a_restart_as_requests_do() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
    let plane = ControlPlane::start(options.clone()).await.unwrap();
    assert_eq!(post(&Client::admin(&plane), LEASES, &lease("leader", "a")).await.code, 201);
    plane.shutdown().await;
    let again = ControlPlane::start(options).await.unwrap();
    let kept = Client::admin(&again).get(&format!("{LEASES}/leader")).await;
    assert_eq!((kept.code, &kept.body["spec"]["holderIdentity"]), (200, &json!("a")));
}

#[tokio::test]
async fn reg_040_json_merge_and_strategic_patches_change_an_object() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let one = format!("{CSRS}/a");
    let patch = async |path: &str, kind: &str, body: Value| {
        admin.raw(Method::PATCH, path, &format!("application/{kind}"), body.to_string()).await
    };
    let added = patch(
        &one,
        "json-patch+json",
        json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]),
    )
    .await;
    assert_eq!((added.code, &added.body["metadata"]["labels"]), (200, &json!({"a": "b"})), "{added:?}");
    let both = json!({"metadata": {"annotations": {"k": "v"}}, "status": {"conditions": [{"type": "Own", "status": "True"}]}});
    let both = patch(&format!("{one}/approval"), "merge-patch+json", both).await;
    assert_eq!(
        (conditions(&both.body), &both.body["metadata"]["annotations"]["k"]),
        (vec!["Own"], &json!("v"))
    );
    let strategic = patch(
        &one,
        "strategic-merge-patch+json",
        json!({"metadata": {"labels": {"$patch": "replace", "c": "d"}}}),
    )
    .await;
    assert_eq!(strategic.body["metadata"]["labels"], json!({"c": "d"}));
    let refused =
        patch(&one, "json-patch+json", json!([{"op": "test", "path": "/metadata/name", "value": "b"}])).await;
    is_status(&refused, 422, "Invalid");
    let stale = json!({"metadata": {"resourceVersion": "1", "labels": {"x": "y"}}});
    is_status(&patch(&one, "merge-patch+json", stale).await, 409, "Conflict");
}

#[tokio::test]
async fn a_long_list_is_had_in_parts_by_labels_and_fields() {
    let (_plane, admin) = manual().await;
    for index in 0..5 {
        let mut object = request(&format!("c{index}"), "n").1;
        object["metadata"]["labels"] = json!({"parity": if index % 2 == 0 { "even" } else { "odd" }});
        assert_eq!(admin.post(&object).await.code, 201);
    }
    let (mut names, mut next) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{CSRS}?limit=2&continue={next}")).await.body;
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].clone()));
        match page["metadata"]["continue"].as_str() {
            Some(more) => next = more.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4"]);
    let even = admin.get(&format!("{CSRS}?labelSelector=parity%3Deven&limit=1")).await.body;
    assert_eq!(
        (even["items"].as_array().unwrap().len(), &even["metadata"]["remainingItemCount"]),
        (1, &Value::Null)
    );
    let mut events = admin.watch("&labelSelector=parity%3Deven&resourceVersion=5").await;
    admin.patch(&format!("{CSRS}/c1"), &json!({"metadata": {"labels": {"parity": "even"}}})).await;
    admin.patch(&format!("{CSRS}/c0"), &json!({"metadata": {"labels": {"parity": "odd"}}})).await;
    assert_eq!(events.brief().await, Some(("ADDED".to_owned(), "c1".to_owned())));
    assert_eq!(events.brief().await, Some(("DELETED".to_owned(), "c0".to_owned())));
    let gone = admin.delete(&format!("{CSRS}?labelSelector=parity%3Dodd")).await.body;
    assert_eq!(gone["items"].as_array().unwrap().len(), 2);
    is_status(&admin.get(&format!("{CSRS}?fieldSelector=spec.username%3Dx")).await, 400, "BadRequest");
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_strictness_is_as_asked() {
    let (_plane, admin) = manual().await;
    let mut object = request("a", "n").1;
    let path = |query: &str| format!("{CSRS}?{query}");
    assert_eq!(post(&admin, &path("dryRun=All"), &object).await.code, 201);
    is_status(&admin.get(&format!("{CSRS}/a")).await, 404, "NotFound");
    object["spec"]["nonsense"] = json!(1);
    let strict = post(&admin, &path("fieldValidation=Strict"), &object).await;
    is_status(&strict, 400, "BadRequest");
    assert!(
        strict.body["message"]
            .as_str()
            .unwrap()
            .ends_with("strict decoding error: unknown field \"spec.nonsense\"")
    );
    let warned = post(&admin, CSRS, &object).await;
    assert_eq!(warned.headers["warning"], "299 - \"unknown field \\\"spec.nonsense\\\"\"");
    let kept =
        admin.raw(Method::DELETE, &format!("{CSRS}/a"), "", json!({"dryRun": ["All"]}).to_string()).await;
    assert_eq!((kept.code, admin.get(&format!("{CSRS}/a")).await.code), (200, 200));
}

#[tokio::test]
async fn an_object_with_a_finalizer_is_deleted_when_it_is_taken_off() {
    let (_plane, admin) = manual().await;
    let mut object = request("a", "n").1;
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    admin.post(&object).await;
    let one = format!("{CSRS}/a");
    assert!(admin.delete(&one).await.body["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(admin.get(&one).await.code, 200);
    let released = admin.patch(&one, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!((released.code, admin.get(&one).await.code), (200, 404));
}

#[tokio::test]
async fn one_may_ask_who_one_is_and_what_one_may_do() {
    let (plane, _) = manual().await;
    let bootstrap = Client::bootstrap(&plane);
    let review = |group: &str, kind: &str, spec: Value| json!({"apiVersion": format!("{group}/v1"), "kind": kind, "spec": spec});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let me = post(&bootstrap, path, &review("authentication.k8s.io", "SelfSubjectReview", Value::Null)).await;
    let name = me.body["status"]["userInfo"]["username"].as_str().unwrap().to_owned();
    assert!(me.code == 201 && name.starts_with("system:bootstrap:"), "{me:?}");
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let attributes = json!({"resourceAttributes": {
        "verb": "update", "group": "certificates.k8s.io", "resource": "certificatesigningrequests", "subresource": "approval",
    }});
    let may =
        post(&bootstrap, path, &review("authorization.k8s.io", "SelfSubjectAccessReview", attributes)).await;
    assert_eq!((may.code, &may.body["status"]["allowed"]), (201, &json!(false)));
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let other =
        post(&bootstrap, path, &review("authorization.k8s.io", "SubjectAccessReview", json!({}))).await;
    is_status(&other, 403, "Forbidden");
    is_status(
        &bootstrap.get("/apis/authentication.k8s.io/v1/selfsubjectreviews").await,
        405,
        "MethodNotAllowed",
    );
}

#[tokio::test]
async fn adm_030_adm_033_who_may_not_approve_or_sign_for_a_signer_is_told_so() {
    let (plane, admin) = manual().await;
    let approvers = user(&plane, "jane", &["certrotate:approvers"]);
    let jane = Client::new(&plane, Some(&approvers), None, crate::client::Version::Two);
    created(&admin, "kubelet").await;
    let mut own = request("own", "n").1;
    own["spec"]["signerName"] = json!("example.com/own");
    admin.post(&own).await;
    assert_eq!(jane.decide("kubelet", "Approved").await.code, 200);
    let refused = jane.decide("own", "Approved").await;
    is_status(&refused, 403, "Forbidden");
    let why = "user not permitted to approve requests with signerName \"example.com/own\"";
    assert!(refused.body["message"].as_str().unwrap().ends_with(why), "{refused:?}");
    let signed = jane.patch(&format!("{CSRS}/own/status"), &json!({"status": {"conditions": []}})).await;
    is_status(&signed, 403, "Forbidden");
}

#[tokio::test]
async fn documents_that_a_client_has_already_are_not_sent_again() {
    let (_plane, admin) = manual().await;
    for path in ["/apis", "/api", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/certificates.k8s.io/v1"] {
        let tag = admin.get(path).await.headers["etag"].to_str().unwrap().to_owned();
        let again = admin.with_header(path, "if-none-match", &tag).await;
        assert_eq!((again.code, &again.body), (304, &Value::String(String::new())), "{path}");
    }
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let answer = admin.with_header("/apis", "accept", aggregated).await;
    assert_eq!(answer.body["kind"], "APIGroupDiscoveryList");
    assert_eq!(
        answer.headers["content-type"],
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
}
