use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{CurrentLink, DiskCommand, DiskDone, DiskFault, Inventory};
use certrotate_core::event::Event;
use certrotate_core::facts::{CertFacts, Chain};
use certrotate_core::id::{
    CertHandle, Generation, KeyDigest, KeyHandle, LeafDigest, OpId, RequestDigest, RunId,
};
use certrotate_core::input::{Action, Disposition, ExitReason, Input, KeyFault, MadeKey, Why};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Handle;
use futures_util::future::{BoxFuture, FutureExt as _};
use mockall::predicate::eq;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::{Driver, Ports, STEPS_WITHOUT_SLEEP};
use crate::clock::tests::ManualClock;
use crate::keystore::{Keys, Staged};
use crate::ports::{Answer, Directory, IdentitySink, Issuer};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(20);
const START: WallTime = WallTime::from_unix_secs(1_800_000_000);
const KEY: KeyHandle = KeyHandle(1);
const CERT: CertHandle = CertHandle(2);
const KEY_DIGEST: KeyDigest = KeyDigest([7; 32]);
const REQUEST: RequestDigest = RequestDigest([9; 32]);

type Called = (Result<RequestRecord, IssuerFault>, Staged);

mockall::mock! {
    Server {}
    impl Issuer for Server {
        fn call(&self, call: Call, credential: Credential) -> impl Future<Output = Called> + Send + 'static;
    }
}

mockall::mock! {
    Disk {}
    impl Directory for Disk {
        fn submit(&self, op: OpId, command: DiskCommand);
    }
}

mockall::mock! {
    Store {}
    impl Keys for Store {
        fn make(&self, duration: Option<Span>) -> (Result<MadeKey, KeyFault>, Staged);
        fn set_template(&self, template: &Template);
        fn accept(&self, staged: Staged, input: &Input);
        fn erase(&self, erase: &[Handle]);
    }
}

mockall::mock! {
    Sink {}
    impl IdentitySink for Sink {
        fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle);
        fn withdraw(&self);
        fn report(&self, event: &Event) -> String;
    }
}

fn object(certificate: bool) -> RequestRecord {
    let template = Template::kubelet_client("node-1");
    let facts = CertFacts {
        leaf: LeafDigest([1; 32]),
        key: KEY_DIGEST,
        subject: template.subject.clone(),
        sans: vec![],
        usages: template.usages,
        ca: false,
        not_before: START,
        not_after: START.plus(Span::from_hours(24)),
        chain: Chain::Unchecked,
    };
    RequestRecord {
        key: Some(KEY_DIGEST),
        signer: template.signer,
        usages: template.usages,
        requester: "system:bootstrap:abcdef".into(),
        state: if certificate { RequestState::Issued { cert: CERT, facts } } else { RequestState::Pending },
    }
}

fn answer(result: Result<RequestRecord, IssuerFault>) -> BoxFuture<'static, Called> {
    std::future::ready((result, Staged::default())).boxed()
}

/// What the test sees of the driver while it runs.
struct World {
    clock: ManualClock,
    sender: UnboundedSender<Answer>,
    /// Every input with what became of it, and the actions.
    seen: UnboundedReceiver<(Input, Disposition, Vec<Action>)>,
    running: JoinHandle<ExitReason>,
}

/// An empty directory in which every command succeeds, unless `odd` gives another answer (`None`: the usual one).
fn disk(
    sender: UnboundedSender<Answer>,
    odd: impl Fn(&DiskCommand) -> Option<Option<Result<DiskDone, DiskFault>>> + Send + 'static,
) -> MockDisk {
    let mut disk = MockDisk::new();
    disk.expect_submit().returning(move |op, command| {
        let usual = || match command {
            DiskCommand::Scan => {
                let inventory =
                    Inventory { current: CurrentLink::Absent, entries: vec![], more: false, outside: vec![] };
                Ok(DiskDone::Scanned(Box::new(inventory)))
            }
            _ => Ok(DiskDone::Done),
        };
        if let Some(result) = odd(&command).unwrap_or_else(|| Some(usual())) {
            sender.send(Answer::from(Input::DiskAnswered { op, result })).expect("the driver listens");
        }
    });
    disk
}

fn keys() -> MockStore {
    let mut keys = MockStore::new();
    let made = MadeKey { key: KEY, key_digest: KEY_DIGEST, request: REQUEST };
    keys.expect_make().with(eq(None)).times(1).returning(move |_| (Ok(made), Staged::default()));
    keys.expect_accept().return_const(());
    keys.expect_erase().return_const(());
    keys
}

/// Expects one call to go live, with the first certificate.
fn sink() -> MockSink {
    let mut sink = MockSink::new();
    sink.expect_go_live().with(eq(Generation(1)), eq(KEY), eq(CERT)).times(1).return_const(());
    sink.expect_withdraw().return_const(());
    sink.expect_report().return_const(String::new());
    sink
}

fn start(
    issuer: MockServer,
    keys: MockStore,
    sink: MockSink,
    odd: impl Fn(&DiskCommand) -> Option<Option<Result<DiskDone, DiskFault>>> + Send + 'static,
) -> World {
    let clock = ManualClock::at(START.plus(Span::from_secs(1)));
    let (sender, inbox) = unbounded_channel();
    let (show, seen) = unbounded_channel();
    let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid");
    let directory = disk(sender.clone(), odd);
    let ports = Ports { clock: clock.clone(), issuer, directory, keys, sink };
    let observer = Box::new(move |it: super::ObservedStep<'_>| {
        // The test may have seen enough.
        let _ = show.send((it.input.clone(), it.step.disposition, it.step.actions.clone()));
    });
    let driver = Driver::new(Rotator::new(config, RunId(1)), ports, (sender.clone(), inbox), observer);
    World { clock, sender, seen, running: tokio::spawn(driver.run()) }
}

impl World {
    /// Waits for a step of which this holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Input, Disposition, &[Action]) -> bool) {
        let waiting = async {
            while let Some((input, disposition, actions)) = self.seen.recv().await {
                if holds(&input, disposition, &actions) {
                    return true;
                }
            }
            false
        };
        let seen = tokio::time::timeout(LONG, waiting).await;
        assert_eq!(seen, Ok(true), "waited for: {what}");
    }

    async fn live(&mut self) {
        self.until("the first certificate", |_, _, actions| {
            actions.iter().any(|action| matches!(action, Action::GoLive { .. }))
        })
        .await;
    }

    /// Lets time pass whenever nothing else happens, until the first certificate is live.
    async fn live_in_time(&mut self) {
        let waiting = async {
            loop {
                match tokio::time::timeout(Duration::from_millis(20), self.seen.recv()).await {
                    Ok(Some((_, _, actions)))
                        if actions.iter().any(|it| matches!(it, Action::GoLive { .. })) =>
                    {
                        break;
                    }
                    Ok(step) => assert!(step.is_some(), "it runs"),
                    Err(_) => self.clock.pass(Span::from_secs(10)),
                }
            }
        };
        tokio::time::timeout(LONG, waiting).await.expect("it goes live");
    }

    async fn end(self) -> ExitReason {
        self.sender.send(Answer::from(Input::Shutdown)).expect("the driver listens");
        tokio::time::timeout(LONG, self.running).await.expect("it ends").expect("no panic")
    }
}

fn calls(wanted: fn(&Call) -> bool) -> impl Fn(&Input, Disposition, &[Action]) -> bool {
    move |_, _, actions| {
        actions.iter().any(|action| matches!(action, Action::Call { call, .. } if wanted(call)))
    }
}

#[tokio::test]
async fn mock_ports_get_a_first_certificate_and_a_clean_end() {
    let mut issuer = MockServer::new();
    let bootstrap = Credential::Bootstrap;
    issuer
        .expect_call()
        .with(eq(Call::Create { key: KEY }), eq(bootstrap))
        .times(1)
        .returning(|_, _| answer(Ok(object(false))));
    issuer
        .expect_call()
        .with(eq(Call::Watch { request: REQUEST }), eq(bootstrap))
        .times(1)
        .returning(|_, _| answer(Ok(object(true))));
    let mut keys = MockStore::new();
    let erased = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&erased);
    let made = MadeKey { key: KEY, key_digest: KEY_DIGEST, request: REQUEST };
    keys.expect_make().times(1).returning(move |_| (Ok(made), Staged::default()));
    keys.expect_accept().return_const(());
    keys.expect_erase().returning(move |erase| seen.lock().unwrap().extend_from_slice(erase));

    let mut world = start(issuer, keys, sink(), |_| None);
    world.live().await;
    assert_eq!(*erased.lock().unwrap(), [], "key and certificate are live");
    assert_eq!(world.end().await, ExitReason::Shutdown);
}

#[tokio::test]
async fn lost_answer_is_cancelled_and_the_request_resumed() {
    /// Notes when the call that it is part of is dropped.
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (dropped, created) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let held = Arc::clone(&dropped);
    let mut issuer = MockServer::new();
    issuer.expect_call().with(eq(Call::Create { key: KEY }), eq(Credential::Bootstrap)).times(2).returning(
        move |_, _| {
            if created.fetch_add(1, Ordering::SeqCst) > 0 {
                return answer(Err(IssuerFault::AlreadyExists));
            }
            let guard = Dropped(Arc::clone(&held));
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                unreachable!("nothing wakes it")
            }
            .boxed()
        },
    );
    issuer
        .expect_call()
        .with(eq(Call::Get { request: REQUEST }), eq(Credential::Bootstrap))
        .times(1)
        .returning(|_, _| answer(Ok(object(true))));

    let mut world = start(issuer, keys(), sink(), |_| None);
    world.until("the call", calls(|call| matches!(call, Call::Create { .. }))).await;
    world.clock.pass(Span::from_secs(31));
    world
        .until("the cancel", |_, _, actions| {
            actions.iter().any(|action| matches!(action, Action::Cancel { .. }))
        })
        .await;
    world.clock.pass(Span::from_mins(15));
    world.live().await;
    assert!(dropped.load(Ordering::SeqCst), "the lost call does not go on");
    assert_eq!(world.end().await, ExitReason::Shutdown);
}

#[tokio::test]
async fn f41_answer_after_its_deadline_changes_nothing() {
    let (late, first) = (Arc::new(Mutex::new(None)), AtomicBool::new(true));
    let mut issuer = MockServer::new();
    issuer.expect_call().returning(|_, _| answer(Ok(object(true))));
    let mut world = start(issuer, keys(), sink(), move |command| {
        // The first file that is created: no answer in time.
        let hangs = matches!(command, DiskCommand::Create { .. }) && first.swap(false, Ordering::SeqCst);
        hangs.then_some(None)
    });
    let found = Arc::clone(&late);
    world
        .until("the disk operation", move |_, _, actions| {
            actions.iter().any(|action| match action {
                Action::Disk { op, command: DiskCommand::Create { .. } } => {
                    found.lock().unwrap().replace(*op);
                    true
                }
                _ => false,
            })
        })
        .await;
    world.live_in_time().await;
    let op = late.lock().unwrap().expect("it was seen");
    let answer = Input::DiskAnswered { op, result: Ok(DiskDone::Done) };
    world.sender.send(Answer::from(answer.clone())).expect("the driver listens");
    world
        .until("the late answer", |input, disposition, actions| {
            *input == answer && disposition == Disposition::Ignored(Why::NotOutstanding) && actions.is_empty()
        })
        .await;
    assert_eq!(world.end().await, ExitReason::Shutdown);
}

#[tokio::test]
async fn unusable_directory_ends_the_driver_with_its_reason() {
    for (fault, reason) in [
        (DiskFault::Locked, ExitReason::Locked),
        (DiskFault::Unsafe, ExitReason::Unsafe),
        (DiskFault::NoDirectory, ExitReason::NoDirectory),
    ] {
        let (mut keys, mut sink) = (MockStore::new(), MockSink::new());
        keys.expect_accept().return_const(());
        keys.expect_erase().return_const(());
        sink.expect_withdraw().return_const(());
        sink.expect_report().return_const(String::new());
        let world = start(MockServer::new(), keys, sink, move |command| {
            matches!(command, DiskCommand::Lock).then_some(Some(Err(fault)))
        });
        let ended = tokio::time::timeout(LONG, world.running).await.expect("it ends");
        assert_eq!(ended.expect("no panic"), reason);
    }
}

#[tokio::test]
async fn f22_wall_clock_jump_past_expiry_withdraws_at_once() {
    let mut issuer = MockServer::new();
    issuer.expect_call().returning(|call, _| match call {
        Call::Watch { .. } => std::future::pending().boxed(),
        Call::Create { .. } | Call::Get { .. } => answer(Ok(object(true))),
    });
    let mut keys = MockStore::new();
    let made = MadeKey { key: KEY, key_digest: KEY_DIGEST, request: REQUEST };
    keys.expect_make().returning(move |_| (Ok(made), Staged::default()));
    keys.expect_accept().return_const(());
    keys.expect_erase().return_const(());
    let mut world = start(issuer, keys, sink(), |_| None);
    world.live().await;
    world.clock.set(START.plus(Span::from_hours(30)));
    world
        .until("the withdrawal", |input, _, actions| {
            *input == Input::Tick && actions.iter().any(|action| matches!(action, Action::Withdraw { .. }))
        })
        .await;
    world.running.abort();
}

#[tokio::test]
async fn loop_without_sleep_is_slowed_down() {
    let (mut keys, mut sink) = (MockStore::new(), MockSink::new());
    keys.expect_accept().return_const(());
    keys.expect_erase().return_const(());
    sink.expect_withdraw().return_const(());
    sink.expect_report().return_const(String::new());
    // A disk that never answers: nothing but the flood happens.
    let mut world = start(MockServer::new(), keys, sink, |_| Some(None));
    for _ in 0..2 * STEPS_WITHOUT_SLEEP {
        world.sender.send(Answer::from(Input::RotateNow)).expect("the driver listens");
    }
    for _ in 0..STEPS_WITHOUT_SLEEP {
        tokio::time::timeout(LONG, world.seen.recv()).await.expect("steps are taken").expect("it runs");
    }
    tokio::time::timeout(Duration::from_millis(50), async {
        for _ in 0..STEPS_WITHOUT_SLEEP / 2 {
            world.seen.recv().await.expect("it runs");
        }
    })
    .await
    .expect_err("it pauses");
    world.clock.pass(Span::from_secs(2));
    for _ in 0..STEPS_WITHOUT_SLEEP / 2 {
        tokio::time::timeout(LONG, world.seen.recv()).await.expect("it goes on").expect("it runs");
    }
    world.running.abort();
}
