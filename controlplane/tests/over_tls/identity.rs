//! Authentication, issued certificates, and expiry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::client::{CSRS, Client, KUBELET, Version, certificate, issue, request, user};
use certrotate_controlplane::{ClientIdentity, Clock, ControlPlane, Options};
use x509_parser::pem::Pem;

/// A clock that a test moves forward, starting at the real time.
fn moving_clock() -> (Arc<AtomicU64>, Clock) {
    let ahead = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&ahead);
    let clock = Clock::new(move || SystemTime::now() + Duration::from_secs(seen.load(Ordering::Relaxed)));
    (ahead, clock)
}

#[tokio::test]
async fn bootstrapped_node_authenticates_until_its_certificate_expires() {
    let (ahead, clock) = moving_clock();
    let cluster_signing_duration = Duration::from_secs(600);
    let options = Options { clock, cluster_signing_duration, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let (key, object) = issue(&Client::bootstrap(&plane), "first", "n1").await;
    let id = &plane.bootstrap_token()[..6];
    assert_eq!(object["spec"]["username"], format!("system:bootstrap:{id}"));
    let identity = ClientIdentity { certificate: certificate(&object), key: key.serialize_pem().into() };
    for version in [Version::One, Version::Two] {
        let client = Client::new(&plane, Some(&identity), None, version);
        let answer = client.get("/whoami").await;
        assert_eq!((answer.code, &answer.body["user"]), (200, &"system:node:n1".into()));
        assert_eq!(answer.body["groups"], serde_json::json!(["system:nodes", "system:authenticated"]));
        let serial = answer.body["serial"].as_str().unwrap().to_owned();
        ahead.fetch_add(601, Ordering::Relaxed);
        // The same connection: the handshake was long ago.
        let answer = client.get("/whoami").await;
        assert_eq!((answer.code, &answer.body["reason"]), (401, &"Unauthorized".into()));
        // A new connection: the handshake succeeds all the same.
        let late = Client::new(&plane, Some(&identity), None, version);
        assert_eq!(late.get(CSRS).await.code, 401);
        ahead.store(0, Ordering::Relaxed);
        assert!(plane.stats().requests_by_serial[&serial] >= 3);
    }
    let stats = plane.stats();
    assert_eq!((stats.expired_uses, stats.unauthorized), (4, 4));
}

#[tokio::test]
async fn the_certificate_is_what_was_asked_for_and_no_more() {
    let backdate = Duration::from_secs(60);
    let cluster_signing_duration = Duration::from_secs(10);
    let options = Options { backdate, cluster_signing_duration, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let (key, object) = issue(&Client::bootstrap(&plane), "n", "n").await;
    let text = certificate(&object);
    let blocks: Vec<_> = Pem::iter_from_buffer(text.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(blocks.len(), 1, "the leaf only");
    let leaf = blocks[0].parse_x509().unwrap();
    assert_eq!(leaf.subject().to_string(), "O=system:nodes, CN=system:node:n");
    assert_eq!(leaf.issuer().to_string(), "CN=certrotate-ca");
    assert_eq!(leaf.public_key().raw, rcgen::PublicKeyData::subject_public_key_info(&key));
    let (start, end) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    assert!((before - 60..before - 50).contains(&start), "{start} {before}");
    assert!((70..=71).contains(&(end - start)), "{}", end - start);
    let constraints = leaf.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca);
    let usage = leaf.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.flags == 1, "{usage:?}");
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth && !extended.any);
    assert!(leaf.subject_alternative_name().unwrap().is_none());
    let ca = Pem::iter_from_buffer(plane.ca_pem().as_bytes()).next().unwrap().unwrap();
    leaf.verify_signature(Some(ca.parse_x509().unwrap().public_key())).unwrap();
}

#[tokio::test]
async fn two_organisations_and_all_names_are_copied_for_api_clients() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let admin = Client::admin(&plane);
    let mut params =
        rcgen::CertificateParams::new(vec!["a.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "one");
    params.distinguished_name.push(rcgen::DnType::CustomDnType(vec![2, 5, 4, 10]), "two");
    params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let (_, mut object) = request("jane", "x");
    object["spec"]["signerName"] = "kubernetes.io/kube-apiserver-client".into();
    object["spec"]["request"] = crate::client::base64(pem.as_bytes()).into();
    assert_eq!(admin.post(&object).await.code, 201);
    assert_eq!(admin.decide("jane", "Approved").await.code, 200);
    let issued = crate::client::settled(&admin, "jane", |o| o["status"]["certificate"].is_string()).await;
    let identity = ClientIdentity { certificate: certificate(&issued), key: key.serialize_pem().into() };
    let who = Client::new(&plane, Some(&identity), None, Version::Two).get("/whoami").await;
    assert_eq!(who.body["groups"], serde_json::json!(["one", "two", "system:authenticated"]));
    let block = Pem::iter_from_buffer(identity.certificate.as_bytes()).next().unwrap().unwrap();
    let leaf = block.parse_x509().unwrap();
    assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 2);
}

#[tokio::test]
async fn anonymous_and_bad_credentials_are_401_and_health_is_for_everybody() {
    let (ahead, clock) = moving_clock();
    let options = Options { clock, token_ttl: Duration::from_secs(60), ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let anonymous = Client::new(&plane, None, None, Version::One);
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert_eq!(anonymous.get(path).await.code, 200, "{path}");
    }
    for path in [CSRS, "/whoami", "/apis", "/nonsense"] {
        let answer = anonymous.get(path).await;
        assert_eq!((answer.code, &answer.body["kind"]), (401, &"Status".into()), "{path}");
    }
    let wrong = Client::new(&plane, None, Some("abcdef.0123456789abcdef"), Version::One);
    assert_eq!(wrong.get(CSRS).await.code, 401);
    let bootstrap = Client::bootstrap(&plane);
    assert_eq!(bootstrap.get(CSRS).await.code, 200);
    ahead.store(60, Ordering::Relaxed);
    assert_eq!(bootstrap.get(CSRS).await.code, 401);
    let token = plane.add_bootstrap_token(Duration::from_secs(60)).unwrap();
    assert_eq!(Client::new(&plane, None, Some(&token), Version::Two).get(CSRS).await.code, 200);
}

#[tokio::test]
async fn another_authoritys_certificate_passes_the_handshake_and_is_a_401() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let other = ControlPlane::start(Options::default()).await.unwrap();
    let foreign = user(&other, "admin", &["system:masters"]);
    let answer = Client::new(&plane, Some(&foreign), None, Version::Two).get(CSRS).await;
    assert_eq!(answer.code, 401);
    assert_eq!(plane.stats().expired_uses, 0);
}

#[tokio::test]
async fn bootstrappers_and_nodes_request_and_look_and_nothing_else() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let node = user(&plane, "system:node:a", &["system:nodes"]);
    let node = Client::new(&plane, Some(&node), None, Version::Two);
    let bootstrap = Client::bootstrap(&plane);
    for (client, name) in [(&bootstrap, "by-bootstrap"), (&node, "by-node")] {
        let (_, object) = issue(client, name, "a").await;
        let path = format!("{CSRS}/{name}");
        assert_eq!(client.get(&path).await.code, 200);
        assert_eq!(client.delete(&path).await.code, 403);
        assert_eq!(client.put(&format!("{path}/approval"), &object).await.code, 403);
        let answer = client.get(&format!("{path}/status")).await;
        assert_eq!((answer.code, &answer.body["reason"]), (403, &"Forbidden".into()));
        assert_eq!(client.delete(CSRS).await.code, 403);
    }
    let (_, object) = request("foreign", "b");
    let answer = node.post(&object).await;
    assert_eq!(answer.code, 403, "NodeRestriction");
    assert!(answer.body["message"].as_str().unwrap().contains("system:node:a"), "{answer:?}");
}

#[tokio::test]
async fn approved_request_that_breaks_signer_rules_is_failed() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let admin = Client::admin(&plane);
    let (_, mut object) = request("server", "a");
    object["spec"]["usages"] = serde_json::json!(["digital signature", "server auth"]);
    assert_eq!(object["spec"]["signerName"], KUBELET);
    assert_eq!(admin.post(&object).await.code, 201);
    assert_eq!(admin.decide("server", "Approved").await.code, 200);
    let failed =
        crate::client::settled(&admin, "server", |o| crate::client::conditions(o).contains(&"Failed")).await;
    assert_eq!(failed["status"]["conditions"][1]["reason"], "SignerValidationFailure");
    assert_eq!(plane.stats().csrs[0].condition, "Approved,Failed");
}

#[tokio::test]
async fn a_certificate_never_outlives_its_authority() {
    let options = Options { ca_lifetime: Duration::from_secs(120), ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let (_, object) = issue(&Client::bootstrap(&plane), "n", "n").await;
    let text = certificate(&object);
    let end = |pem: &str| {
        let block = Pem::iter_from_buffer(pem.as_bytes()).next().unwrap().unwrap();
        block.parse_x509().unwrap().validity().not_after.timestamp()
    };
    assert_eq!(end(&text), end(plane.ca_pem()));
}

#[tokio::test]
async fn request_in_the_name_of_another_user_is_refused() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let admin = Client::admin(&plane);
    let headers = [
        ("Impersonate-User", "jane"),
        ("impersonate-group", "system:masters"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-scopes", "view"),
        ("Impersonate-User", ""),
    ];
    let paths = [
        CSRS,
        &format!("{CSRS}?watch=true"),
        &format!("{CSRS}/none"),
        "/apis",
        "/healthz",
        "/certrotate/stats",
    ];
    for (name, value) in headers {
        for path in paths {
            let answer = admin.with_header(path, name, value).await;
            assert_eq!((answer.code, &answer.body["reason"]), (403, &"Forbidden".into()), "{path}");
            assert_eq!(answer.body["kind"], "Status");
            let message = answer.body["message"].as_str().unwrap();
            assert!(
                message.contains("cannot impersonate") && message.contains("client certificate"),
                "{message}"
            );
        }
    }
    assert_eq!(admin.with_header(CSRS, "X-Impersonate-User", "jane").await.code, 200);
}
