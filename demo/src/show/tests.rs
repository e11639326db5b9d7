use super::*;

fn good() -> Summary {
    Summary {
        rotations: 1,
        requests_ok: 9,
        requests_failed: 0,
        open_csrs_max: 1,
        files_max: 4,
        files_end: 3,
        expired_uses: 0,
        requests_per_serial: BTreeMap::from([("4A".to_owned(), 5), ("4B".to_owned(), 4)]),
        lapses: 0,
        first_failure: None,
    }
}

#[test]
fn demo_is_good_only_without_failures_and_expired_uses() {
    assert!(good().is_good());
    let spoils: [fn(&mut Summary); 4] = [
        |summary| summary.requests_failed = 1,
        |summary| summary.expired_uses = 1,
        |summary| summary.lapses = 1,
        |summary| {
            summary.requests_per_serial.insert("4C".into(), 0);
        },
    ];
    for spoil in spoils {
        let mut summary = good();
        spoil(&mut summary);
        assert!(!summary.is_good(), "{summary}");
    }
}

#[test]
fn summary_is_one_json_object_with_stable_names() {
    let json = serde_json::to_string(&good()).expect("plain numbers");
    assert_eq!(
        json,
        "{\"rotations\":1,\"requests_ok\":9,\"requests_failed\":0,\"open_csrs_max\":1,\"files_max\":4,\"files_end\":3,\
         \"expired_uses\":0,\"requests_per_serial\":{\"4A\":5,\"4B\":4}}"
    );
}

#[test]
fn directory_that_is_not_empty_is_refused_and_untouched() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    std::fs::write(dir.path().join("mine"), "mine").expect("it is writable");
    let error = Scratch::new(Some(dir.path())).expect_err("it is not empty");
    assert!(error.to_string().contains("not empty; give another --keep DIR"), "{error}");
    assert!(dir.path().join("mine").exists());
}
