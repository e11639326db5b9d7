use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};

use super::*;
use crate::apiserver::controller_port::Embedded;
use crate::apiserver::store::objects::Store;
use crate::base::csr::{certificate, has_condition};
use crate::signing::controllers::options::{SigningFiles, own_signers};
use crate::signing::controllers::port::Change;
use crate::signing::criteria::{API_CLIENT, KUBELET_CLIENT};
use crate::signing::pki::authority::Authority;
use crate::testing::node_csr;

mod names;

const HOUR: Duration = Duration::from_secs(3600);
const BOOTSTRAP: &str = "system:bootstrap:abcdef";

mockall::mock! {
    Api {}
    impl Port for Api {
        fn changes(&self) -> BoxStream<'static, Change>;
        fn decide(&self, csr: Csr) -> impl Future<Output = Result<(), PortError>> + Send;
        fn set_status(&self, csr: Csr) -> impl Future<Output = Result<(), PortError>> + Send;
        fn delete(&self, csr: &Csr) -> impl Future<Output = Result<(), PortError>> + Send;
        fn hold(&self, common_name: &str, until: SystemTime) -> impl Future<Output = Result<(), PortError>> + Send;
        fn held_until(&self, common_name: &str) -> impl Future<Output = Result<Option<SystemTime>, PortError>> + Send;
        fn allows(&self, review: Review) -> impl Future<Output = Result<bool, PortError>> + Send;
    }
}

/// A wall clock that a test moves, in seconds.
fn clock() -> (Arc<AtomicU64>, Clock) {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let seen = Arc::clone(&seconds);
    (seconds, Clock::new(move || UNIX_EPOCH + Duration::from_secs(seen.load(Ordering::Relaxed))))
}

fn controllers(clock: &Clock) -> Controllers {
    let authority = Authority::create(clock.now(), 24 * HOUR).unwrap();
    let made = Source::made(Arc::new(authority));
    let files = SigningFiles::default();
    Controllers {
        signers: own_signers(&files, &made, |_| panic!("no file is named")).unwrap(),
        approval: Approval::Auto,
        policy: Policy { longest: HOUR, backdate: Duration::ZERO, long: signer::LONG },
        ages: Some(Ages::default()),
        refuse_taken_names: false,
        clock: clock.clone(),
        faults: None,
        memory: Memory::default(),
    }
}

fn pending(clock: &Clock, node: &str, user: &str, groups: &[&str]) -> Csr {
    let mut csr = node_csr(node, user, groups);
    csr.metadata.creation_timestamp = Some(crate::base::time::api_time(clock.now()));
    csr
}

fn approved(clock: &Clock) -> Csr {
    let mut csr = pending(clock, "foo", BOOTSTRAP, &[]);
    push_condition(&mut csr, "Approved", "", "");
    csr
}

async fn look(controllers: &Controllers, api: &MockApi, csr: &Csr) -> Next {
    let (_keep, leading) = watch::channel(true);
    controllers.handle(api, csr, &leading).await
}

#[tokio::test]
async fn apr_002_what_is_not_recognised_is_not_even_asked_about() {
    let (_, clock) = clock();
    let mut csr = pending(&clock, "foo", BOOTSTRAP, &["system:bootstrappers"]);
    csr.spec.signer_name = API_CLIENT.to_owned();
    // Every call would be one too many.
    let next = look(&controllers(&clock), &MockApi::new(), &csr).await;
    assert_eq!(next, Next::At(clock.now() + 24 * HOUR));
}

#[tokio::test]
async fn apr_023_a_recognised_request_is_approved_by_one_write_to_the_approval() {
    let (_, clock) = clock();
    let mut csr = pending(&clock, "foo", "system:node:foo", &["system:nodes"]);
    csr.spec.uid = Some("user's".to_owned());
    csr.spec.extra = Some([("scope".to_owned(), vec!["a".to_owned()])].into());
    let mut api = MockApi::new();
    let asked = Review {
        user: "system:node:foo".to_owned(),
        uid: "user's".to_owned(),
        groups: vec!["system:nodes".to_owned()],
        extra: [("scope".to_owned(), vec!["a".to_owned()])].into(),
        recognizer: Recognizer::SelfNodeClient,
    };
    api.expect_allows()
        .times(1)
        .withf(move |review| *review == asked)
        .returning(|_| Box::pin(std::future::ready(Ok(true))));
    api.expect_decide()
        .times(1)
        .withf(|csr| conditions(csr)[0].reason.as_deref() == Some("AutoApproved"))
        .returning(|_| Box::pin(std::future::ready(Ok(()))));
    look(&controllers(&clock), &api, &csr).await;
}

#[tokio::test]
async fn a_requestor_who_may_not_is_asked_about_again_and_nothing_is_written() {
    let (_, clock) = clock();
    let mut api = MockApi::new();
    api.expect_allows().times(2).returning(|_| Box::pin(std::future::ready(Ok(false))));
    let csr = pending(&clock, "foo", "system:node:foo", &[]);
    let Next::Again(why) = look(&controllers(&clock), &api, &csr).await else { panic!() };
    assert!(why.contains("system:node:foo"), "{why}");
}

#[tokio::test]
async fn w43_a_bootstrapper_is_denied_a_name_that_is_held() {
    let (_, clock) = clock();
    let controllers = Controllers { refuse_taken_names: true, ..controllers(&clock) };
    let end = clock.now() + HOUR;
    let mut api = MockApi::new();
    api.expect_allows().returning(|_| Box::pin(std::future::ready(Ok(true))));
    // The node itself is not asked about.
    api.expect_held_until()
        .times(2)
        .returning(move |name| Box::pin(std::future::ready(Ok((name == "system:node:foo").then_some(end)))));
    let denied = |csr: &Csr| {
        let last = conditions(csr).last().unwrap();
        (last.type_.as_str(), last.reason.as_deref()) == ("Denied", Some(TAKEN))
    };
    api.expect_decide().times(1).withf(denied).returning(|_| Box::pin(std::future::ready(Ok(()))));
    api.expect_decide()
        .times(2)
        .withf(|csr| has_condition(csr, "Approved"))
        .returning(|_| Box::pin(std::future::ready(Ok(()))));
    look(&controllers, &api, &pending(&clock, "foo", BOOTSTRAP, &[])).await;
    look(&controllers, &api, &pending(&clock, "bar", BOOTSTRAP, &[])).await;
    look(&controllers, &api, &pending(&clock, "foo", "system:node:foo", &[])).await;
}

#[tokio::test]
async fn w43_whoever_is_issued_a_certificate_is_noted_before_the_object_may_go() {
    let (seconds, clock) = clock();
    let controllers = Controllers { refuse_taken_names: true, ..controllers(&clock) };
    let csr = approved(&clock);
    let signer::Decision::Sign(order) = signer::decide(&csr, Rules::KubeletClient, controllers.policy) else {
        panic!();
    };
    let pem = controllers.draft(&csr, &order, &controllers.signers[KUBELET_CLIENT]).unwrap();
    let csr = issued(&csr, pem);
    let end = clock.now() + HOUR;
    seconds.fetch_add(10 * 3600, Ordering::Relaxed);
    let mut api = MockApi::new();
    api.expect_hold()
        .times(1)
        .returning(|_, _| Box::pin(std::future::ready(Err(PortError::Failed("503".to_owned())))));
    assert!(matches!(look(&controllers, &api, &csr).await, Next::Again(_)));
    let mut api = MockApi::new();
    api.expect_hold()
        .times(1)
        .withf(move |name, until| (name, *until) == ("system:node:foo", end))
        .returning(|_, _| Box::pin(std::future::ready(Ok(()))));
    api.expect_delete().times(2).returning(|_| Box::pin(std::future::ready(Err(PortError::Stale))));
    look(&controllers, &api, &csr).await;
    look(&controllers, &api, &csr).await;
}

#[tokio::test]
async fn w44_a_signer_that_cannot_sign_says_so_once_and_signs_when_it_can() {
    let (seconds, clock) = clock();
    let controllers = controllers(&clock);
    let csr = approved(&clock);
    seconds.fetch_add(25 * 3600, Ordering::Relaxed);
    let told = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&told);
    let mut api = MockApi::new();
    api.expect_set_status().times(1).returning(move |csr| {
        *lock(&keep) = Some(csr);
        Box::pin(std::future::ready(Ok(())))
    });
    assert!(matches!(look(&controllers, &api, &csr).await, Next::Again(_)));
    let told = lock(&told).take().unwrap();
    let condition = conditions(&told).last().unwrap();
    assert_eq!((condition.type_.as_str(), condition.reason.as_deref()), (DELAYED, Some("SignerExpired")));
    assert!(condition.message.as_deref().unwrap().contains("replace it"));
    assert_eq!(certificate(&told), None);
    assert!(matches!(look(&controllers, &MockApi::new(), &told).await, Next::Again(_)), "and not again");

    seconds.fetch_sub(25 * 3600, Ordering::Relaxed);
    let mut api = MockApi::new();
    let good = |csr: &Csr| {
        let delayed = conditions(csr).iter().find(|c| c.type_ == DELAYED).unwrap();
        certificate(csr).is_some() && delayed.status == "False"
    };
    api.expect_set_status().times(1).withf(good).returning(|_| Box::pin(std::future::ready(Ok(()))));
    assert_eq!(look(&controllers, &api, &told).await, Next::Rest);
}

#[tokio::test]
async fn w46_a_write_that_fails_offers_the_same_certificate_again_for_a_while() {
    let (seconds, clock) = clock();
    let controllers = controllers(&clock);
    let csr = approved(&clock);
    let offered = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&offered);
    let mut api = MockApi::new();
    api.expect_set_status().times(3).returning(move |csr| {
        lock(&keep).push(certificate(&csr).unwrap().to_vec());
        Box::pin(std::future::ready(Err(PortError::Failed("no answer".to_owned()))))
    });
    for later in [0, 30, 60] {
        seconds.fetch_add(later, Ordering::Relaxed);
        assert_eq!(look(&controllers, &api, &csr).await, Next::Again("no answer".to_owned()));
    }
    let offered = lock(&offered);
    assert_eq!(offered[0], offered[1]);
    assert_ne!(offered[1], offered[2]);
}

#[tokio::test]
async fn w47_what_is_deleted_is_the_object_that_was_seen() {
    let (seconds, clock) = clock();
    let csr = pending(&clock, "foo", BOOTSTRAP, &[]);
    seconds.fetch_add(24 * 3600 + 1, Ordering::Relaxed);
    let mut api = MockApi::new();
    api.expect_allows().returning(|_| Box::pin(std::future::ready(Ok(false))));
    // A request that no rule approves is retried, and is deleted all the same.
    let seen = csr.clone();
    api.expect_delete()
        .times(1)
        .withf(move |csr| *csr == seen)
        .returning(|_| Box::pin(std::future::ready(Err(PortError::Stale))));
    assert!(matches!(look(&controllers(&clock), &api, &csr).await, Next::Again(_)));
}

#[tokio::test]
async fn a_replica_that_no_longer_leads_writes_nothing() {
    let (_, clock) = clock();
    let controllers = controllers(&clock);
    let (lead, leading) = watch::channel(true);
    let mut api = MockApi::new();
    api.expect_allows().returning(move |_| {
        lead.send_replace(false);
        Box::pin(std::future::ready(Ok(true)))
    });
    let csr = pending(&clock, "foo", BOOTSTRAP, &[]);
    controllers.handle(&api, &csr, &leading).await;
    controllers.handle(&MockApi::new(), &approved(&clock), &leading).await;
}

/// Runs controllers on a store; ends when it is dropped.
struct Running {
    store: Arc<Store>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(controllers: Controllers, clock: &Clock, leading: watch::Receiver<bool>) -> Self {
        let store = Arc::new(Store::new(Vec::new(), 0, None));
        let leases = Arc::new(Store::new(Vec::new(), 0, None));
        let port = Embedded::new(Arc::clone(&store), leases, clock.clone());
        Self { store, task: tokio::spawn(controllers.run(port, leading)) }
    }

    /// Returns once `done` holds of the object of this name, or of its absence.
    async fn until(&self, name: &str, done: impl Fn(Option<&Csr>) -> bool) {
        let mut changed = self.store.subscribe();
        while !done(self.store.get(name).ok().as_deref()) {
            changed.changed().await.unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn has_certificate(csr: Option<&Csr>) -> bool {
    csr.is_some_and(|csr| certificate(csr).is_some())
}

#[tokio::test(start_paused = true)]
async fn request_is_approved_signed_and_deleted_after_an_hour() {
    // The wall clock goes with tokio's.
    let start = Instant::now();
    let clock = Clock::new(move || UNIX_EPOCH + Duration::from_secs(1_700_000_000) + start.elapsed());
    let (_lead, leading) = watch::channel(true);
    let running = Running::start(controllers(&clock), &clock, leading);
    running.store.create(pending(&clock, "foo", BOOTSTRAP, &["system:bootstrappers"])).unwrap();
    running.until("csr-of-foo", has_certificate).await;
    running.until("csr-of-foo", |csr| csr.is_none()).await;
    let age = start.elapsed();
    assert!(age > HOUR && age < HOUR + Duration::from_secs(2), "{age:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_takes_over_does_what_had_gathered() {
    let (_, clock) = clock();
    let (lead, leading) = watch::channel(false);
    let running = Running::start(controllers(&clock), &clock, leading);
    running.store.create(pending(&clock, "foo", BOOTSTRAP, &["system:bootstrappers"])).unwrap();
    // All other tasks have nothing left to do when paused time goes on.
    tokio::time::sleep(HOUR).await;
    assert!(!has_condition(&running.store.get("csr-of-foo").unwrap(), "Approved"));
    lead.send_replace(true);
    running.until("csr-of-foo", has_certificate).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_asked_about_at_growing_intervals() {
    let (_, clock) = clock();
    let start = Instant::now();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    let csr = Arc::new(pending(&clock, "foo", BOOTSTRAP, &[]));
    let mut api = MockApi::new();
    api.expect_changes().return_once(move || {
        stream::once(std::future::ready(Change::All(vec![csr]))).chain(stream::pending()).boxed()
    });
    api.expect_allows().returning(move |_| {
        lock(&keep).push(start.elapsed().as_millis());
        Box::pin(std::future::ready(Ok(false)))
    });
    let (_lead, leading) = watch::channel(true);
    let task = tokio::spawn(controllers(&clock).run(api, leading));
    tokio::time::sleep(Duration::from_secs(3)).await;
    task.abort();
    assert_eq!(lock(&asked)[..4], [0, 200, 600, 1400]);
}
