use std::time::UNIX_EPOCH;

use super::*;
use crate::base::csr::{Csr, push_condition};
use crate::testing::node_csr;

fn cells(csr: &Csr) -> Vec<String> {
    let now = UNIX_EPOCH + Duration::from_secs(1_000);
    let table = table([csr], "7", Include::Nothing, now);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    cells.iter().map(|c| c.as_str().unwrap().to_owned()).collect()
}

#[test]
fn prt_001_what_is_not_set_is_none_and_pending() {
    let mut csr = Csr::default();
    csr.metadata.name = Some("empty".to_owned());
    assert_eq!(cells(&csr), ["empty", "<unknown>", "<none>", "", "<none>", "Pending"]);
}

#[test]
fn the_columns_are_those_of_kubectl() {
    let table = table::<Csr>([], "7", Include::Nothing, UNIX_EPOCH);
    let names: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition"]);
}

#[test]
fn a_row_shows_signer_requestor_and_requested_duration() {
    let mut csr = node_csr("n", "system:bootstrap:abcdef", &[]);
    csr.spec.expiration_seconds = Some(86_400);
    csr.metadata.creation_timestamp =
        Some(crate::base::time::api_time(UNIX_EPOCH + Duration::from_secs(905)));
    let signer = "kubernetes.io/kube-apiserver-client-kubelet";
    assert_eq!(cells(&csr), ["csr-of-n", "95s", signer, "system:bootstrap:abcdef", "24h", "Pending"]);
}

#[test]
fn prt_002_to_006_condition_texts() {
    let table: [(&[&str], bool, &str); 8] = [
        (&[], false, "Pending"),
        (&["Approved"], false, "Approved"),
        (&["Approved"], true, "Approved,Issued"),
        (&["Denied"], false, "Denied"),
        (&["Approved", "Denied"], false, "Denied"),
        (&["Approved", "Failed"], false, "Approved,Failed"),
        (&[], true, "Pending,Issued"),
        (&["Denied", "Failed"], true, "Denied,Failed,Issued"),
    ];
    for (kinds, issued, text) in table {
        let mut csr = node_csr("n", "u", &[]);
        kinds.iter().for_each(|kind| push_condition(&mut csr, kind, "", ""));
        if issued {
            let status = csr.status.get_or_insert_with(Default::default);
            status.certificate = Some(k8s_openapi::ByteString(b"x".to_vec()));
        }
        assert_eq!(cells(&csr)[5], text);
    }
}

#[test]
fn duration_buckets_change_where_kubernetes_changes_them() {
    const M: u64 = 60;
    const H: u64 = 60 * M;
    const D: u64 = 24 * H;
    const Y: u64 = 365 * D;
    let table = [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (10 * M - 1, "9m59s"),
        (10 * M, "10m"),
        (3 * H - 1, "179m"),
        (3 * H, "3h"),
        (3 * H + 5 * M, "3h5m"),
        (8 * H, "8h"),
        (48 * H - 1, "47h"),
        (48 * H, "2d"),
        (50 * H, "2d2h"),
        (8 * D, "8d"),
        (2 * Y - 1, "729d"),
        (2 * Y, "2y"),
        (2 * Y + D, "2y1d"),
        (8 * Y, "8y"),
        (9 * Y + 9 * D, "9y"),
    ];
    for (seconds, text) in table {
        assert_eq!(human_duration(Duration::from_secs(seconds)), text, "{seconds}");
    }
}
