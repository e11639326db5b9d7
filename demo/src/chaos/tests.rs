use std::collections::BTreeMap;

use super::*;

fn good() -> Summary {
    Summary {
        seed: 7,
        rotations: 12,
        requests_ok: 900,
        requests_failed: 0,
        requests_during_outage: 40,
        open_csrs_max: 1,
        files_max: 4,
        files_end: 3,
        expired_uses: 0,
        requests_per_serial: BTreeMap::from([("4A".to_owned(), 900)]),
        kills: 5,
        outages_ms: 4000,
        run_ms: 60_000,
        full_disk: "tmpfs",
        faults: plan::plan(7, 12),
        did_not_bite: vec![],
        failure: None,
        first_failure: None,
    }
}

#[test]
fn run_is_good_only_if_complete_and_every_promise_is_kept() {
    assert!(good().is_good());
    let spoils: [fn(&mut Summary); 6] = [
        |summary| summary.requests_failed = 1,
        |summary| summary.expired_uses = 1,
        |summary| summary.open_csrs_max = 2,
        |summary| summary.open_csrs_max = 0,
        |summary| summary.failure = Some("interrupted".into()),
        |summary| summary.outages_ms = summary.run_ms / 5 + 1,
    ];
    for spoil in spoils {
        let mut summary = good();
        spoil(&mut summary);
        assert!(!summary.is_good(), "{summary}");
    }
}

#[test]
fn summary_has_seed_faults_and_the_command_to_repeat_it() {
    let json = serde_json::to_value(good()).expect("plain values");
    assert_eq!((&json["seed"], json["faults"].as_array().expect("a list").len()), (&7.into(), 12));
    for agreed in ["requests_failed", "requests_during_outage", "open_csrs_max", "expired_uses"] {
        assert!(json[agreed].is_u64(), "{agreed}");
    }
    assert!(good().to_string().ends_with("again: certrotate-demo --chaos --seed 7"));
}

#[tokio::test]
async fn client_that_follows_the_file_has_the_current_identity() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let plane = ControlPlane::start(PlaneOptions::default()).await.expect("the control plane starts");
    let (now, hour) = (std::time::SystemTime::now(), Duration::from_secs(3600));
    let link = dir.path().join("kubelet-client-current.pem");
    let live = LiveIdentity::default();
    let mut shown = live.subscribe();
    let _current = Current::follow(link.clone(), live);
    for (name, generation) in [("one", 1), ("two", 2)] {
        let identity = plane.client_identity("system:node:a", &["system:nodes"], now, now + hour);
        let identity = identity.expect("it is signed");
        let text = format!("a first line\n{}{}", identity.certificate, identity.key.as_str());
        std::fs::write(dir.path().join(name), text).expect("the scratch is writable");
        let temporary = dir.path().join("new");
        std::os::unix::fs::symlink(name, &temporary).expect("the scratch is writable");
        std::fs::rename(&temporary, &link).expect("the scratch is writable");
        let wanted = |it: &Option<std::sync::Arc<certrotate::identity::Identity>>| {
            it.as_ref().is_some_and(|it| it.generation() == Generation(generation))
        };
        let waiting = tokio::time::timeout(PATIENCE, shown.wait_for(wanted));
        waiting.await.expect("it is seen").expect("it is followed");
    }
    plane.shutdown().await;
}
