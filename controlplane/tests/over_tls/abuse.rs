//! Amplification: requests that are small and would cost much time, or much answer.

use std::time::{Duration, Instant};

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options};
use futures_util::{StreamExt as _, stream};
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Answer, CSRS, Client, UnfinishedBody, Version, request};

/// Far more than linear work needs in a debug build, and far less than quadratic work would.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST_ANSWER: usize = 128 << 10;
const JSON: &str = "application/json";

async fn plane() -> (Handle, Client) {
    let options = Options { approve: Approval::Manual, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let admin = Client::admin(&plane);
    (plane, admin)
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let (_, mut object) = request("abuse", "n");
    change(&mut object);
    object.to_string()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n:x}")).collect()
}

/// Sends the body, and checks the cost of its answer.
async fn costs_little(
    client: &Client,
    what: &str,
    (method, path, kind): (Method, &str, &str),
    body: Vec<u8>,
) {
    let (start, size) = (Instant::now(), body.len());
    let answer = client.raw(method, path, kind, body).await;
    let text = answer.body.to_string();
    assert!((400..500).contains(&answer.code), "{what}: {} {text:.200}", answer.code);
    assert!(text.len() <= LARGEST_ANSWER, "{what}: {} bytes for {size}", text.len());
    let headers: usize = answer.headers.values().map(http::HeaderValue::len).sum();
    assert!(headers <= LARGEST_ANSWER, "{what}: {headers} bytes of headers for {size}");
    assert!(start.elapsed() < PATIENCE, "{what}: {:?} for {size} bytes", start.elapsed());
}

#[tokio::test]
async fn large_create_costs_little_and_gets_a_short_answer() {
    let (_plane, client) = plane().await;
    let owners: Vec<_> = texts(20_000).iter().map(|uid| json!({"uid": uid})).collect();
    let label = "l".repeat(1 << 20);
    let bodies = [
        ("unknown usages", changed(|o| o["spec"]["usages"] = json!(texts(80_000)))),
        ("one usage often", changed(|o| o["spec"]["usages"] = json!(vec!["any"; 90_000]))),
        ("owners", changed(|o| o["metadata"]["ownerReferences"] = json!(owners))),
        ("finalizers", changed(|o| o["metadata"]["finalizers"] = json!(texts(90_000)))),
        ("conditions", changed(|o| o["status"]["conditions"] = json!(vec![json!({}); 90_000]))),
        (
            "unknown fields",
            changed(|o| {
                for text in texts(60_000) {
                    o["spec"][format!("x{text}")] = json!(1);
                }
            }),
        ),
        (
            "members under a long name",
            changed(|o| {
                let members: serde_json::Map<_, _> =
                    texts(60_000).into_iter().map(|t| (t, json!(1))).collect();
                o["metadata"]["labels"][&label] = Value::Object(members);
            }),
        ),
        ("a signer name of many labels", changed(|o| o["spec"]["signerName"] = json!("_.".repeat(500_000)))),
        ("a long name", changed(|o| o["metadata"]["name"] = json!("%".repeat(1 << 20)))),
        ("a long kind", changed(|o| o["kind"] = json!("k".repeat(2 << 20)))),
        ("a long usage", changed(|o| o["spec"]["usages"] = json!(["\u{1}".repeat(1 << 18)]))),
        ("a long request", changed(|o| o["spec"]["request"] = json!("AAAA".repeat(400_000)))),
        ("a number as usages", changed(|o| o["spec"]["usages"] = json!("u".repeat(2 << 20)))),
        ("many values", format!("[{}0]", "0,".repeat(1_400_000))),
    ];
    for (what, body) in bodies {
        costs_little(&client, what, (Method::POST, CSRS, JSON), body.into_bytes()).await;
        let strict = format!("{CSRS}?fieldValidation=Strict");
        let body = changed(|o| o["spec"]["u".repeat(1 << 20)] = json!(1));
        costs_little(&client, what, (Method::POST, &strict, JSON), body.into_bytes()).await;
    }
}

#[tokio::test]
async fn empty_protobuf_messages_are_counted() {
    let (_plane, client) = plane().await;
    for (tag, outer) in [(0x6a, 0x0a), (0x2a, 0x12), (0x0a, 0x1a)] {
        let inner = [tag, 0].repeat(400_000);
        let object = [&[outer][..], &varint(inner.len()), &inner].concat();
        let kind = b"\x0a\x16certificates.k8s.io/v1\x12\x19CertificateSigningRequest";
        let body = [b"k8s\0\x0a", &varint(kind.len())[..], kind, b"\x12", &varint(object.len()), &object];
        let kind = "application/vnd.kubernetes.protobuf";
        costs_little(&client, "empty messages", (Method::POST, CSRS, kind), body.concat()).await;
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

#[tokio::test]
async fn patches_and_selectors_cost_little() {
    let (_plane, client) = plane().await;
    assert_eq!(client.post(&request("abuse", "n").1).await.code, 201);
    let path = format!("{CSRS}/abuse");
    let owners: Vec<_> = texts(20_000).iter().map(|uid| json!({"uid": uid})).collect();
    let add = json!({"op": "add", "path": "/metadata/ownerReferences/0", "value": {}}).to_string();
    let list =
        json!({"op": "add", "path": "/metadata/ownerReferences", "value": vec![0; 60_000]}).to_string();
    let order: Vec<_> = texts(40_000).iter().rev().map(|t| json!(t)).collect();
    let patches = [
        ("application/json-patch+json", format!("[{list}{}]", format!(",{add}").repeat(9_000))),
        ("application/json-patch+json", format!("[{}{{}}]", "{},".repeat(900_000))),
        (
            "application/strategic-merge-patch+json",
            json!({"metadata": {"ownerReferences": owners}}).to_string(),
        ),
        (
            "application/strategic-merge-patch+json",
            json!({"metadata": {
                "finalizers": texts(40_000), "$setElementOrder/finalizers": order,
            }})
            .to_string(),
        ),
        ("application/merge-patch+json", json!({"metadata": {"finalizers": texts(90_000)}}).to_string()),
    ];
    for (kind, patch) in patches {
        costs_little(&client, kind, (Method::PATCH, &path, kind), patch.into_bytes()).await;
    }
    for selector in ["a,".repeat(15_000), format!("a in ({})", "b,".repeat(15_000))] {
        let query = format!("{CSRS}?labelSelector={}", selector.replace(' ', "%20"));
        costs_little(&client, "selector", (Method::GET, &query, ""), Vec::new()).await;
    }
}

async fn put(client: &Client, path: &str, object: &Value) -> Answer {
    client.put(path, object).await
}

#[tokio::test]
async fn object_above_one_and_a_half_mebibytes_is_refused_on_every_write() {
    let (_plane, client) = plane().await;
    // Control characters have six bytes each in JSON.
    let long = "\u{1}".repeat(300 << 10);
    assert_eq!(client.post(&request("abuse", "n").1).await.code, 201);
    let path = format!("{CSRS}/abuse");
    let mut object = client.get(&path).await.body;
    object["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "message": long}]);
    let before = client.get(&path).await.body;
    for part in ["approval", "status"] {
        object["status"]["conditions"][0]["type"] =
            json!(if part == "approval" { "Approved" } else { "Custom" });
        let answer = put(&client, &format!("{path}/{part}"), &object).await;
        assert_eq!(answer.code, 413, "{part}: {:.300}", answer.body.to_string());
        let patch = json!({"status": {"conditions": object["status"]["conditions"]}});
        for dry in ["", "?dryRun=All"] {
            let answer = client.patch(&format!("{path}/{part}{dry}"), &patch).await;
            assert_eq!(answer.code, 413, "{part}: {:.300}", answer.body.to_string());
        }
    }
    assert_eq!(client.get(&path).await.body, before);
    let leases = "/apis/coordination.k8s.io/v1/namespaces/x/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": long}});
    assert_eq!(client.raw(Method::POST, leases, JSON, lease.to_string()).await.code, 413);
    assert_eq!(put(&client, &format!("{leases}/l"), &lease).await.code, 413);
}

/// A body of 2 MiB whose last byte never comes.
fn unfinished() -> UnfinishedBody {
    let piece = Ok(Frame::data(Bytes::from(vec![b' '; 2 << 20])));
    BodyExt::boxed(StreamBody::new(stream::iter([piece]).chain(stream::pending())))
}

#[tokio::test]
async fn unfinished_bodies_of_a_user_beyond_the_budget_are_refused() {
    let (plane, admin) = plane().await;
    let client = Client::bootstrap(&plane);
    let mut open: Vec<_> = Vec::new();
    for _ in 0..48 {
        let client = client.clone();
        open.push(Box::pin(async move { client.stream(CSRS, unfinished()).await.status().as_u16() }));
    }
    let (code, _, rest) = timeout(PATIENCE, futures_util::future::select_all(open)).await.expect("a refusal");
    assert_eq!(code, 429);
    // Another user has a share of its own.
    assert_eq!(admin.post(&request("abuse", "n").1).await.code, 201);
    drop(rest);
}

#[tokio::test]
async fn unfinished_body_without_credentials_is_not_read() {
    let (plane, _admin) = plane().await;
    let anonymous = Client::new(&plane, None, None, Version::Two);
    for path in ["/healthz", "/version", CSRS] {
        let answer = timeout(PATIENCE, anonymous.stream(path, unfinished())).await;
        assert!(answer.is_ok(), "{path}: the server waits for the body");
    }
}
