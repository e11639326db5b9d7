//! The admin paths, through which tests of a client inject faults.

use http::Method;
use serde_json::{Value, json};

use crate::api::{created, is_status, manual};
use crate::client::{CSRS, Client, Version};

const FAULTS: &str = "/certrotate/faults";

async fn set(admin: &Client, method: Method, faults: &[&str]) -> crate::client::Answer {
    admin.raw(method, FAULTS, "application/json", json!({"faults": faults}).to_string()).await
}

#[tokio::test]
async fn faults_are_set_shown_and_cleared_and_spare_the_admin_paths() {
    let (_plane, admin) = manual().await;
    let added = set(&admin, Method::POST, &["answer=429,retry-after=2s", "delay=10ms"]).await;
    assert_eq!(added.body, json!({"faults": ["delay=10ms", "answer=429,retry-after=2s"]}));
    let hit = admin.get(CSRS).await;
    assert_eq!((hit.code, hit.headers["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(set(&admin, Method::PUT, &["wrong-key"]).await.body, json!({"faults": ["wrong-key"]}));
    assert_eq!(admin.get(CSRS).await.code, 200);
    let dropping = set(&admin, Method::POST, &["drop-answers=1"]).await;
    assert_eq!(dropping.body, json!({"faults": ["drop-answers=1", "wrong-key"]}));
    assert_eq!(admin.delete(FAULTS).await.body, json!({"faults": []}));
    let wrong = set(&admin, Method::POST, &["dance"]).await;
    is_status(&wrong, 400, "BadRequest");
    assert!(wrong.body["message"].as_str().unwrap().contains("deny-all"), "{wrong:?}");
}

#[tokio::test]
async fn watches_are_dropped_and_the_log_is_compacted_on_demand() {
    let (_plane, admin) = manual().await;
    created(&admin, "a").await;
    let mut events = admin.watch("&resourceVersion=1").await;
    set(&admin, Method::POST, &["drop-watches"]).await;
    assert!(events.next().await.is_none());
    created(&admin, "b").await;
    set(&admin, Method::POST, &["compact"]).await;
    let (kind, status) = admin.watch("&resourceVersion=1").await.next().await.unwrap();
    assert_eq!((kind.as_str(), &status["code"]), ("ERROR", &json!(410)));
    assert_eq!(admin.watch("&resourceVersion=2&timeoutSeconds=1").await.next().await, None);
}

#[tokio::test]
async fn token_is_created_used_and_removed() {
    let (plane, admin) = manual().await;
    let asked = json!({"ttl": "1h", "groups": ["system:bootstrappers:rack-1"]}).to_string();
    let made = admin.raw(Method::POST, "/certrotate/tokens", "application/json", asked).await;
    let token = made.body["token"].as_str().unwrap().to_owned();
    let client = Client::new(&plane, None, Some(&token), Version::Two);
    assert_eq!(client.get(CSRS).await.code, 200);
    let id = &token[..6];
    assert_eq!(admin.delete(&format!("/certrotate/tokens/{id}")).await.code, 200);
    is_status(&client.get(CSRS).await, 401, "Unauthorized");
    let masters = json!({"groups": ["system:masters"]}).to_string();
    let wrong = admin.raw(Method::POST, "/certrotate/tokens", "application/json", masters).await;
    is_status(&wrong, 400, "BadRequest");
    let signs = json!({"token": "abcdef.0123456789abcdef", "authentication": false}).to_string();
    admin.raw(Method::POST, "/certrotate/tokens", "application/json", signs).await;
    let signer = Client::new(&plane, None, Some("abcdef.0123456789abcdef"), Version::Two);
    let answer = signer.get(CSRS).await;
    is_status(&answer, 401, "Unauthorized");
    let why = "Unauthorized: the bootstrap token abcdef is not meant for authentication";
    assert_eq!(answer.body["message"], why);
}

#[tokio::test]
async fn only_admins_get_there_and_wrong_ways_are_told() {
    let (plane, admin) = manual().await;
    let denied = Client::bootstrap(&plane).get(FAULTS).await;
    is_status(&denied, 403, "Forbidden");
    let message = denied.body["message"].as_str().unwrap();
    assert!(message.ends_with("cannot get path \"/certrotate/faults\""), "{message}");
    is_status(&admin.get("/certrotate/nonsense").await, 404, "NotFound");
    is_status(&admin.get("/certrotate/tokens").await, 405, "MethodNotAllowed");
    created(&admin, "a").await;
    let stats: Value = admin.get("/certrotate/stats").await.body;
    assert_eq!((&stats["csrsCreated"], &stats["openCsrs"]), (&json!(1), &json!(1)));
}
