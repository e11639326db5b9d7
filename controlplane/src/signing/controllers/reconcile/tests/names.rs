//! The order of the two writes of an issue: first the Lease that holds the name, then the certificate.

use super::*;

/// Nothing watches the store here: the sign step is the last that these controllers see of the first request.
#[tokio::test]
async fn w43_name_is_denied_before_the_watch_shows_its_certificate() {
    let (_, clock) = clock();
    let controllers = Controllers { refuse_taken_names: true, ..controllers(&clock) };
    let store = Arc::new(Store::new(Vec::new(), 0, None));
    let leases = Arc::new(Store::new(Vec::new(), 0, None));
    let api = Embedded::new(Arc::clone(&store), leases, clock.clone());
    let (_keep, leading) = watch::channel(true);
    store.create(pending(&clock, "foo", BOOTSTRAP, &["system:bootstrappers"])).unwrap();
    for _ in ["approve", "sign"] {
        let first = store.get("csr-of-foo").unwrap();
        controllers.handle(&api, &first, &leading).await;
    }
    assert!(has_certificate(store.get("csr-of-foo").ok().as_deref()));

    let mut second = pending(&clock, "foo", BOOTSTRAP, &["system:bootstrappers"]);
    (second.metadata.name, second.metadata.uid) = (Some("second".to_owned()), Some("second".to_owned()));
    store.create(second).unwrap();
    // A replica that has just taken over remembers no request.
    let successor = Controllers { memory: Memory::default(), ..controllers };
    successor.handle(&api, &store.get("second").unwrap(), &leading).await;
    let second = store.get("second").unwrap();
    let reasons: Vec<_> = conditions(&second).iter().map(|c| c.reason.as_deref()).collect();
    assert_eq!(reasons, [Some(TAKEN)]);
}

#[tokio::test]
async fn w43_certificate_is_not_stored_unless_its_name_is_held() {
    let (seconds, clock) = clock();
    let controllers = Controllers { refuse_taken_names: true, ..controllers(&clock) };
    let csr = approved(&clock);
    let failed = || PortError::Failed("503".to_owned());
    let mut api = MockApi::new();
    api.expect_hold().times(1).returning(move |_, _| Box::pin(std::future::ready(Err(failed()))));
    assert!(matches!(look(&controllers, &api, &csr).await, Next::Again(_)));

    // The certificate made anew after a failed write expires later, and so does the name.
    let ends = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&ends);
    let mut api = MockApi::new();
    api.expect_hold().times(3).returning(move |_, until| {
        lock(&keep).push(until);
        Box::pin(std::future::ready(Ok(())))
    });
    let held = Arc::clone(&ends);
    api.expect_set_status()
        .times(3)
        .withf(move |csr| certificate(csr).and_then(holder).unwrap().1 == *lock(&held).last().unwrap())
        .returning(move |_| Box::pin(std::future::ready(Err(failed()))));
    for later in [0, 30, 60] {
        seconds.fetch_add(later, Ordering::Relaxed);
        look(&controllers, &api, &csr).await;
    }
    let ends = lock(&ends);
    assert!(ends[0] == ends[1] && ends[1] < ends[2], "{ends:?}");
}

#[tokio::test]
async fn w43_replica_that_loses_its_lease_while_it_holds_a_name_does_not_sign() {
    let (_, clock) = clock();
    let controllers = Controllers { refuse_taken_names: true, ..controllers(&clock) };
    let (lead, leading) = watch::channel(true);
    let mut api = MockApi::new();
    api.expect_hold().times(1).returning(move |_, _| {
        lead.send_replace(false);
        Box::pin(std::future::ready(Ok(())))
    });
    assert_eq!(controllers.handle(&api, &approved(&clock), &leading).await, Next::Rest);
}
