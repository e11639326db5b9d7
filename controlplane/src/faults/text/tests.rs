use std::sync::Arc;

use super::*;
use crate::apiserver::store::objects::Store;

#[test]
fn every_fault_is_read_as_it_is_written() {
    for text in [
        "delay=200ms",
        "answer=503",
        "answer=429,retry-after=2s,times=3",
        "drop-answers=2",
        "refuse-connections=5s",
        "deny-all",
        "fail-all",
        "pause-approving",
        "close-watches",
        "forbid-watches",
        "drop-watches",
        "compact",
        "forget=node-csr-x",
        "wrong-key",
        "wrong-subject",
        "wrong-usage",
        "ca-true",
        "foreign-ca",
        "expired=3600s",
        "not-yet-valid=60s",
        "short-lived=10s",
    ] {
        assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        let name = text.split('=').next().unwrap();
        assert!(NAMES.iter().any(|known| known.split('=').next() == Some(name)), "{name}");
    }
}

#[test]
fn what_is_no_fault_is_refused_with_the_remedy() {
    for text in [
        "",
        "dance",
        "delay",
        "delay=soon",
        "answer",
        "answer=200",
        "answer=429,x=1",
        "answer=429,times=x",
        "deny-all=1",
        "drop-answers=x",
        "forget",
        "forget=",
    ] {
        let error = text.parse::<Fault>().unwrap_err().to_string();
        assert!(error.len() > text.len() + 10, "{text}: {error}");
    }
    assert!("dance".parse::<Fault>().unwrap_err().to_string().contains("deny-all"));
}

#[test]
fn what_is_set_is_told_until_it_is_taken_back() {
    let faults = Faults::new(Arc::new(Store::new(Vec::new(), 0, None)));
    let texts = ["delay=1s", "answer=500,times=2", "deny-all", "wrong-key", "short-lived=10s"];
    texts.iter().for_each(|text| {
        faults.set(&text.parse().unwrap());
    });
    faults.set(&Fault::DropWatches);
    assert_eq!(faults.active().iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
    faults.clear();
    assert_eq!((faults.active(), faults.watch_drops()), (Vec::new(), 1));
}
