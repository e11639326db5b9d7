//! Cases of Kubernetes' own integration tests, each by its id; the table is tests/cases.tsv.

use std::time::Duration;

use certrotate_controlplane::{Approval, ClientIdentity, ControlPlane, Handle, Options};
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use crate::client::{CSRS, Client, KUBELET, Version, certificate, conditions, issue, request, settled, user};

const HOUR: u64 = 3600;
const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

async fn plane(approve: Approval) -> (Handle, Client) {
    let plane = ControlPlane::start(Options { approve, ..Options::default() }).await.unwrap();
    let admin = Client::admin(&plane);
    (plane, admin)
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn reg_030_reg_031_reg_032_discovery_lists_group_version_and_resources() {
    let (_plane, admin) = plane(Approval::Manual).await;
    let groups = admin.get("/apis").await.body;
    let named = |group: &&Value| group["name"] == "certificates.k8s.io";
    let group = groups["groups"].as_array().unwrap().iter().find(named).unwrap();
    let v1 = json!("certificates.k8s.io/v1");
    assert!(group["versions"].as_array().unwrap().iter().any(|v| v["groupVersion"] == v1));
    let group = admin.get("/apis/certificates.k8s.io").await.body;
    assert!(group["versions"].as_array().unwrap().iter().any(|v| v["groupVersion"] == v1));
    let resources = admin.get("/apis/certificates.k8s.io/v1").await.body;
    let has = |name: &str| resources["resources"].as_array().unwrap().iter().any(|r| r["name"] == name);
    for part in ["", "/approval", "/status"] {
        assert!(has(&format!("certificatesigningrequests{part}")), "{part}");
    }
}

#[tokio::test]
async fn reg_033_to_045_the_life_of_three_objects() {
    let (_plane, admin) = plane(Approval::Manual).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let (_, mut object) = request("", "n");
        object["metadata"] = json!({"generateName": "csr-"});
        object["spec"]["expirationSeconds"] = json!(1234);
        let answer = admin.post(&object).await;
        assert_eq!((answer.code, &answer.body["spec"]["expirationSeconds"]), (201, &json!(1234)));
        made.push(answer.body);
    }
    let name = |index: usize| made[index]["metadata"]["name"].as_str().unwrap().to_owned();
    let one = format!("{CSRS}/{}", name(0));
    let read = admin.get(&one).await.body;
    assert_eq!(read["metadata"]["uid"], made[0]["metadata"]["uid"], "REG-034");
    assert_eq!(read["spec"]["expirationSeconds"], 1234, "REG-006");
    assert!(read["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);

    let list =
        admin.get(&format!("{CSRS}?fieldSelector=spec.signerName%3D{}", KUBELET.replace('/', "%2F"))).await;
    assert_eq!(names(&list.body).len(), 3, "REG-035");

    let version = list.body["metadata"]["resourceVersion"].as_str().unwrap();
    let query = format!("&resourceVersion={version}&fieldSelector=metadata.name%3D{}", name(0));
    let mut events = admin.watch(&query).await;
    for (index, value) in [(1, "other"), (0, "first"), (2, "other"), (0, "second")] {
        let patch = json!({"metadata": {"annotations": {"k": value}}});
        assert_eq!(admin.patch(&format!("{CSRS}/{}", name(index)), &patch).await.code, 200);
    }
    for value in ["first", "second"] {
        let (kind, object) = events.next().await.unwrap();
        let seen = (kind.as_str(), &object["metadata"]["annotations"]["k"]);
        assert_eq!(seen, ("MODIFIED", &json!(value)), "REG-036");
    }

    let mut object = admin.get(&one).await.body;
    object["metadata"]["annotations"]["put"] = json!("yes");
    let put = admin.put(&one, &object).await.body;
    assert_eq!(put["metadata"]["annotations"]["put"], "yes", "REG-038");

    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "r", "message": "m"});
    let patch = json!({
        "metadata": {"annotations": {"patched": "yes"}}, "status": {"conditions": [condition("Custom")]},
    });
    let patched = admin.patch(&format!("{one}/approval"), &patch).await.body;
    assert_eq!(patched["metadata"]["annotations"]["patched"], "yes", "REG-040");
    assert_eq!(conditions(&patched), ["Custom"], "REG-040");

    let mut status = admin.get(&format!("{one}/status")).await.body;
    assert_eq!(status["metadata"]["uid"], made[0]["metadata"]["uid"], "REG-042");
    status["status"]["conditions"] = json!([condition("Custom"), condition("Other")]);
    let put = admin.put(&format!("{one}/status"), &status).await.body;
    assert_eq!(conditions(&put), ["Custom", "Other"], "REG-044");

    assert_eq!(admin.delete(&one).await.code, 200);
    assert_eq!(admin.get(&one).await.code, 404, "REG-045");
    let mut left = [name(1), name(2)];
    left.sort();
    assert_eq!(names(&admin.get(CSRS).await.body), left, "REG-045");
}

#[tokio::test]
async fn reg_047_a_certificate_is_asked_for_approved_signed_and_used() {
    let (plane, admin) = plane(Approval::Manual).await;
    let (key, mut object) = request("flow", "n");
    object["spec"]["signerName"] = json!(API_CLIENT);
    object["spec"]["expirationSeconds"] = json!(HOUR);
    assert_eq!(admin.post(&object).await.code, 201);
    assert_eq!(admin.decide("flow", "Approved").await.code, 200);
    let issued = settled(&admin, "flow", |object| object["status"]["certificate"].is_string()).await;
    let text = certificate(&issued);
    let blocks: Vec<_> = Pem::iter_from_buffer(text.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(blocks.len(), 1);
    let leaf = blocks[0].parse_x509().unwrap();
    let life = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
    assert!(life <= 3600 + 300 + 1, "{life}");
    let identity = ClientIdentity { certificate: text.clone(), key: key.serialize_pem().into() };
    let holder = Client::new(&plane, Some(&identity), None, Version::Two);
    let (_, mut object) = request("by-it", "n");
    object["spec"]["username"] = json!("somebody-else");
    let answer = holder.post(&object).await;
    assert_eq!((answer.code, &answer.body["spec"]["username"]), (201, &json!("system:node:n")));
}

#[tokio::test]
async fn sig_034_sig_035_a_duration_below_ten_minutes_is_refused() {
    let (_plane, admin) = plane(Approval::Manual).await;
    for seconds in [599, 180] {
        let (_, mut object) = request("short", "n");
        object["spec"]["expirationSeconds"] = json!(seconds);
        let answer = admin.post(&object).await;
        let cause = &answer.body["details"]["causes"][0]["field"];
        assert_eq!((answer.code, cause), (422, &json!("spec.expirationSeconds")));
    }
}

#[tokio::test]
async fn sig_037_what_was_asked_for_and_what_was_honored_is_counted() {
    let cluster_signing_duration = Duration::from_secs(24 * HOUR);
    let options = Options { cluster_signing_duration, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let bootstrap = Client::bootstrap(&plane);
    issue(&bootstrap, "nothing-asked", "n").await;
    for seconds in [24 * HOUR, 48 * HOUR, 20 * HOUR, 10 * HOUR, 2 * HOUR, HOUR / 2, 600] {
        let name = format!("s{seconds}");
        let (_, mut object) = request(&name, "n");
        object["spec"]["expirationSeconds"] = json!(seconds);
        assert_eq!(bootstrap.post(&object).await.code, 201);
        settled(&bootstrap, &name, |object| object["status"]["certificate"].is_string()).await;
    }
    let durations = plane.stats().durations;
    let counts = durations[KUBELET];
    assert_eq!((counts.requested, counts.honored, durations.len()), (7, 6, 1));
}

#[tokio::test]
async fn apr_025_apr_026_bootstrapper_is_approved_for_kubelet_client_only() {
    let (plane, admin) = plane(Approval::Auto).await;
    let other =
        Client::new(&plane, Some(&user(&plane, "joe", &["system:bootstrappers"])), None, Version::Two);
    let (_, mut client) = request("client", "n");
    client["spec"]["signerName"] = json!(API_CLIENT);
    assert_eq!(other.post(&client).await.code, 201);
    // The second one is handled after the first: once it is issued, the first was skipped.
    let (_, issued) = issue(&other, "kubelet", "n").await;
    assert_eq!(conditions(&issued), ["Approved"]);
    assert!(conditions(&admin.get(&format!("{CSRS}/client")).await.body).is_empty());
}

#[tokio::test]
async fn prt_003_prt_006_the_table_shows_signer_and_denial() {
    let (_plane, admin) = plane(Approval::Manual).await;
    for (name, kind) in [("a", "Approved"), ("d", "Denied")] {
        let (_, mut object) = request(name, "n");
        object["spec"]["signerName"] = json!("example.com/signer");
        assert_eq!(admin.post(&object).await.code, 201);
        assert_eq!(admin.decide(name, kind).await.code, 200);
    }
    let table = admin.table(CSRS).await.body;
    let column = |name: &str| {
        let columns = table["columnDefinitions"].as_array().unwrap();
        columns.iter().position(|c| c["name"] == name).unwrap()
    };
    let (signer, condition) = (column("SignerName"), column("Condition"));
    let rows: Vec<_> = table["rows"].as_array().unwrap().iter().map(|row| &row["cells"]).collect();
    assert_eq!((&rows[0][signer], &rows[0][condition]), (&json!("example.com/signer"), &json!("Approved")));
    assert_eq!((&rows[1][signer], &rows[1][condition]), (&json!("example.com/signer"), &json!("Denied")));
}

#[tokio::test]
async fn reg_020_a_dry_run_is_not_counted() {
    let (plane, admin) = plane(Approval::Manual).await;
    let (_, mut object) = request("dry", "n");
    object["spec"]["signerName"] = json!("example.com/signer");
    object["spec"]["expirationSeconds"] = json!(HOUR);
    assert_eq!(admin.post(&object).await.code, 201);
    assert_eq!(admin.decide("dry", "Approved").await.code, 200);
    let mut object = admin.get(&format!("{CSRS}/dry")).await.body;
    object["status"]["certificate"] = json!(crate::client::base64(plane.ca_pem().as_bytes()));
    let dry = admin.put(&format!("{CSRS}/dry/status?dryRun=All"), &object).await;
    assert_eq!((dry.code, dry.body["status"]["certificate"].is_string()), (200, true), "{dry:?}");
    assert!(plane.stats().durations.is_empty());
    assert_eq!(admin.put(&format!("{CSRS}/dry/status"), &object).await.code, 200);
    assert_eq!(plane.stats().durations["other"].requested, 1);
}

/// Id, endpoint, user name, groups, signer, the answer's code.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a str, u16);

#[tokio::test]
async fn who_may_approve_and_sign_over_the_wire() {
    let (plane, admin) = plane(Approval::Manual).await;
    let kubelet_ca = plane.ca_pem().as_bytes();
    let (approvers, signers, controller) =
        (["certrotate:approvers"], ["certrotate:signers"], "system:kube-controller-manager");
    let kubelet = KUBELET.to_owned();
    let table: [Case<'_>; 5] = [
        ("ADM-029", "approval", "ann", &approvers, &kubelet, 200),
        ("ADM-030", "approval", "ann", &approvers, "example.com/signer", 403),
        ("ADM-031", "status", controller, &[], API_CLIENT, 200),
        ("ADM-032", "status", "sue", &signers, "example.com/signer", 200),
        ("ADM-033", "status", controller, &[], "example.com/signer", 403),
    ];
    for (id, endpoint, name, groups, signer, code) in table {
        let object_name = id.to_lowercase();
        let (_, mut object) = request(&object_name, "n");
        object["spec"]["signerName"] = json!(signer);
        assert_eq!(admin.post(&object).await.code, 201, "{id}");
        let mut object = admin.get(&format!("{CSRS}/{object_name}")).await.body;
        if endpoint == "approval" {
            object["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "reason": "r"}]);
        } else {
            object["status"]["certificate"] = json!(crate::client::base64(kubelet_ca));
        }
        let who = Client::new(&plane, Some(&user(&plane, name, groups)), None, Version::Two);
        let answer = who.put(&format!("{CSRS}/{object_name}/{endpoint}"), &object).await;
        assert_eq!(answer.code, code, "{id}: {answer:?}");
    }
}

/// Writes that say the same in other words, by endpoint and kind of patch.
#[tokio::test]
async fn write_that_changes_nothing_changes_nothing() {
    let (plane, admin) = plane(Approval::Manual).await;
    let (_, mut object) = request("same", "n");
    object["metadata"]["labels"] = json!({});
    object["metadata"]["finalizers"] = json!([]);
    object["spec"]["signerName"] = json!("example.com/n");
    assert_eq!(admin.post(&object).await.code, 201);
    // May update the status, and sign for no signer of example.com.
    let reader = user(&plane, "system:kube-controller-manager", &[]);
    let signer = Client::new(&plane, Some(&reader), None, Version::Two);
    let path = format!("{CSRS}/same");
    for round in ["open", "decided"] {
        let before = admin.get(&path).await.body;
        assert!(before["metadata"].get("labels").is_none(), "{before}");
        let with = |change: &dyn Fn(&mut Value)| {
            let mut object = before.clone();
            change(&mut object);
            object
        };
        let same = [
            before.clone(),
            with(&|o| o["metadata"]["annotations"] = json!({})),
            with(&|o| o["metadata"]["ownerReferences"] = json!([])),
            with(&|o| o["status"]["certificate"] = json!("")),
            with(&|o| {
                if o["status"].get("conditions").is_none() {
                    o["status"]["conditions"] = json!([]);
                }
            }),
        ];
        for part in ["", "/approval", "/status"] {
            for object in &same {
                let answer = admin.put(&format!("{path}{part}"), object).await;
                assert_eq!((answer.code, &answer.body), (200, &before), "{round} {part} {object}");
                if part == "/status" {
                    let answer = signer.put(&format!("{path}{part}"), object).await;
                    assert_eq!((answer.code, &answer.body), (200, &before), "{round} {part} {object}");
                }
            }
            let json_patch = json!([{"op": "add", "path": "/metadata/labels", "value": {}}]);
            let merge =
                json!({"metadata": {"labels": {}, "finalizers": null}, "status": {"certificate": null}});
            for (kind, patch) in [
                ("application/json-patch+json", &json_patch),
                ("application/merge-patch+json", &merge),
                ("application/strategic-merge-patch+json", &merge),
                ("application/merge-patch+json", &json!({})),
            ] {
                let url = format!("{path}{part}");
                let answer = admin.raw(http::Method::PATCH, &url, kind, patch.to_string()).await;
                assert_eq!((answer.code, &answer.body), (200, &before), "{round} {part} {kind}");
            }
        }
        assert_eq!(admin.get(&path).await.body, before);
        if round == "open" {
            assert_eq!(admin.decide("same", "Approved").await.code, 200);
        }
    }
}

#[tokio::test]
async fn invalid_field_is_told_before_a_forbidden_subject() {
    let (_plane, admin) = plane(Approval::Manual).await;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
    let pem = params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let (_, mut object) = request("masters", "n");
    object["spec"]["request"] = json!(crate::client::base64(pem.as_bytes()));
    object["spec"]["signerName"] = json!(API_CLIENT);
    assert_eq!(admin.post(&object).await.code, 403);
    object["spec"]["usages"] = json!(["unicorn"]);
    assert_eq!(admin.post(&object).await.code, 422);
}

#[tokio::test]
async fn statistics_show_requested_and_honored_durations() {
    let (_plane, admin) = plane(Approval::Auto).await;
    let (_, mut object) = request("short", "n");
    object["spec"]["expirationSeconds"] = json!(3600);
    let bootstrap = Client::bootstrap(&_plane);
    assert_eq!(bootstrap.post(&object).await.code, 201);
    settled(&bootstrap, "short", |object| object["status"]["certificate"].is_string()).await;
    let stats = admin.get("/certrotate/stats").await.body;
    assert_eq!(stats["durations"], json!({KUBELET: {"requested": 1, "honored": 1}}));
}
