//! Everything that can be made to go wrong does, and stops doing so.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::{CSRS, Client, certificate, conditions, issue, request, settled};
use certrotate_controlplane::{Approval, ControlPlane, Handle, Options, Spoil};
use http::Method;
use x509_parser::pem::Pem;

async fn plane() -> (Handle, Client) {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let bootstrap = Client::bootstrap(&plane);
    (plane, bootstrap)
}

#[tokio::test]
async fn refused_connections_take_the_open_ones_with_them() {
    let (plane, client) = plane().await;
    assert_eq!(client.get(CSRS).await.code, 200);
    let mut events = client.watch("").await;
    plane.faults().refuse_connections(true);
    assert!(client.send(Method::GET, CSRS, "", "").await.is_err());
    let ended = tokio::spawn(async move { events.next().await }).await;
    assert!(!matches!(ended, Ok(Some(_))), "the watch is cut");
    plane.faults().clear();
    assert_eq!(client.get(CSRS).await.code, 200);
}

#[tokio::test]
async fn answers_are_replaced_as_often_as_asked() {
    let (plane, client) = plane().await;
    plane.faults().answer(429, Some(Duration::from_millis(1500)), Some(2));
    for _ in 0..2 {
        let answer = client.get("/healthz").await;
        assert_eq!((answer.code, answer.headers["retry-after"].to_str().unwrap()), (429, "2"));
        assert_eq!(answer.body["reason"], "TooManyRequests");
    }
    assert_eq!(client.get(CSRS).await.code, 200);
    plane.faults().answer(503, None, None);
    for _ in 0..3 {
        assert_eq!(client.get(CSRS).await.code, 503);
    }
    plane.faults().clear();
    assert_eq!(client.get(CSRS).await.code, 200);
}

#[tokio::test]
async fn a_delay_holds_every_answer_back() {
    let (plane, client) = plane().await;
    let delay = Duration::from_millis(60);
    plane.faults().delay(delay);
    let started = Instant::now();
    assert_eq!(client.get(CSRS).await.code, 200);
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_dropped_answer_was_carried_out() {
    let (plane, client) = plane().await;
    for (name, version) in [("two", crate::client::Version::Two), ("one", crate::client::Version::One)] {
        let lossy = Client::new(&plane, None, Some(plane.bootstrap_token()), version);
        plane.faults().drop_answers(1);
        let body = request(name, "n").1.to_string();
        assert!(lossy.send(Method::POST, CSRS, "application/json", body).await.is_err());
        assert_eq!(client.get(&format!("{CSRS}/{name}")).await.code, 200);
        assert_eq!(client.post(&request(name, "n").1).await.code, 409);
    }
    assert_eq!(plane.stats().csrs_created, 2);
}

#[tokio::test]
async fn requests_are_denied_failed_or_left_pending() {
    let (plane, client) = plane().await;
    let faults = plane.faults();
    faults.deny_all(true);
    client.post(&request("denied", "n").1).await;
    let denied = settled(&client, "denied", |o| conditions(o) == ["Denied"]).await;
    assert!(denied["status"]["certificate"].is_null());
    faults.clear().fail_all(true);
    client.post(&request("failed", "n").1).await;
    settled(&client, "failed", |o| conditions(o) == ["Approved", "Failed"]).await;
    faults.clear().pause_approving(true);
    client.post(&request("paused", "n").1).await;
    assert_eq!(plane.stats().open_csrs, 1);
    faults.clear();
    settled(&client, "paused", |o| o["status"]["certificate"].is_string()).await;
    assert_eq!(plane.stats().open_csrs, 0);
}

#[tokio::test]
async fn deny_all_denies_what_a_person_would_have_to_approve() {
    let options = Options { approve: Approval::Manual, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let client = Client::bootstrap(&plane);
    client.post(&request("a", "n").1).await;
    plane.faults().deny_all(true);
    settled(&client, "a", |o| conditions(o) == ["Denied"]).await;
}

#[tokio::test]
async fn watches_are_closed_after_one_event_or_forbidden() {
    let (plane, client) = plane().await;
    issue(&client, "a", "n").await;
    issue(&client, "b", "n").await;
    plane.faults().close_watches_after_one_event(true);
    let mut events = client.watch("").await;
    assert!(events.next().await.is_some());
    assert!(events.next().await.is_none());
    plane.faults().clear().forbid_watches(true);
    assert_eq!(client.get(&format!("{CSRS}?watch=true")).await.code, 403);
    assert_eq!(client.get(CSRS).await.code, 200);
}

#[tokio::test]
async fn a_forgotten_request_is_gone_and_watches_are_told() {
    let (plane, client) = plane().await;
    issue(&client, "a", "n").await;
    let mut events = client.watch("").await;
    assert_eq!(events.brief().await.unwrap().0, "ADDED");
    assert!(plane.faults().forget("a"));
    assert!(!plane.faults().forget("a"));
    assert_eq!(events.brief().await.unwrap().0, "DELETED");
    assert_eq!(client.get(&format!("{CSRS}/a")).await.code, 404);
}

#[tokio::test]
async fn each_spoiled_certificate_is_bad_in_its_own_way_only() {
    let (plane, client) = plane().await;
    let ca = Pem::iter_from_buffer(plane.ca_pem().as_bytes()).next().unwrap().unwrap();
    let hour = Duration::from_secs(3600);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let spoils = [
        None,
        Some(Spoil::WrongKey),
        Some(Spoil::WrongSubject),
        Some(Spoil::WrongUsage),
        Some(Spoil::CaTrue),
        Some(Spoil::Expired(hour)),
        Some(Spoil::NotYetValid(hour)),
        Some(Spoil::ShortLived(hour)),
        Some(Spoil::ForeignCa),
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        plane.faults().clear_spoils();
        if let Some(spoil) = spoil {
            plane.faults().spoil(spoil);
        }
        let (key, object) = issue(&client, &format!("s{index}"), "n").await;
        let text = certificate(&object);
        let block = Pem::iter_from_buffer(text.as_bytes()).next().unwrap().unwrap();
        let leaf = block.parse_x509().unwrap();
        let (start, end) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        let good = [
            leaf.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(&key),
            leaf.subject().to_string() == "O=system:nodes, CN=system:node:n",
            leaf.extended_key_usage().unwrap().unwrap().value.client_auth,
            !leaf.basic_constraints().unwrap().unwrap().value.ca,
            end > now,
            start <= now,
            !(now..now + 3700).contains(&end),
            leaf.verify_signature(Some(ca.parse_x509().unwrap().public_key())).is_ok(),
        ];
        let bad: Vec<_> = (0..good.len()).filter(|i| !good[*i]).map(|i| i + 1).collect();
        assert_eq!(bad, Vec::from_iter((index > 0).then_some(index)), "{spoil:?}");
    }
}
