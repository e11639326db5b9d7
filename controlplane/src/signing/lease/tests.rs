use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::base::sync::lock;
use crate::signing::lease::record::name_lease;

const TIMES: LeaseTimes = LeaseTimes {
    lease_duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(2),
};

/// The fate of a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Good,
    /// It arrives after so many seconds.
    Slow(u8),
    /// Its answer comes after so many seconds.
    Late(u8),
    /// It never arrives.
    Lost,
    /// It is carried out and the answer is lost.
    Unanswered,
    /// It is refused.
    Refused,
}

/// One Lease, as a server keeps it.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<(u64, Option<LeaseRecord>)>>);

impl Server {
    fn put(&self, mut record: LeaseRecord) -> Result<LeaseRecord, PortError> {
        let mut state = lock(&self.0);
        if state.1.as_ref().and_then(|lease| lease.version.clone()) != record.version {
            return Err(PortError::Stale);
        }
        state.0 += 1;
        record.version = Some(state.0.to_string());
        state.1 = Some(record.clone());
        Ok(record)
    }

    fn get(&self) -> Option<LeaseRecord> {
        lock(&self.0).1.clone()
    }
}

/// A replica's way to it, over a network with a will of its own.
struct Wire {
    server: Server,
    fates: Mutex<std::vec::IntoIter<Fate>>,
}

impl Wire {
    fn new(server: &Server, fates: Vec<Fate>) -> Self {
        Self { server: server.clone(), fates: Mutex::new(fates.into_iter()) }
    }

    async fn call<T>(&self, call: impl FnOnce(&Server) -> Result<T, PortError>) -> Result<T, PortError> {
        let fate = lock(&self.fates).next().unwrap_or(Fate::Good);
        match fate {
            Fate::Good => call(&self.server),
            Fate::Slow(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                call(&self.server)
            }
            Fate::Late(seconds) => {
                let answer = call(&self.server);
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                answer
            }
            Fate::Lost => std::future::pending().await,
            Fate::Unanswered => {
                let _unheard = call(&self.server);
                std::future::pending().await
            }
            Fate::Refused => Err(PortError::Failed("503".to_owned())),
        }
    }
}

impl LeasePort for Wire {
    async fn get(&self) -> Result<Option<LeaseRecord>, PortError> {
        self.call(|server| Ok(server.get())).await
    }

    async fn put(&self, record: LeaseRecord) -> Result<LeaseRecord, PortError> {
        self.call(|server| server.put(record)).await
    }
}

struct Replica {
    leading: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn replica(server: &Server, me: &str, fates: Vec<Fate>) -> Replica {
    let mut elector = Elector::new(Wire::new(server, fates), me, TIMES, Clock::system()).unwrap();
    let (say, leading) = watch::channel(false);
    let task = tokio::spawn(async move { elector.run(&say).await });
    Replica { leading, task }
}

async fn leads(replica: &mut Replica, wanted: bool) {
    replica.leading.wait_for(|leads| *leads == wanted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_first_holds_the_lease_and_renews_it() {
    let server = Server::default();
    let mut a = replica(&server, "a", vec![]);
    leads(&mut a, true).await;
    let mut b = replica(&server, "b", vec![]);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(*a.leading.borrow_and_update() && !*b.leading.borrow_and_update());
    let lease = server.get().unwrap();
    assert_eq!((lease.holder.as_str(), lease.transitions), ("a", 0));
    assert!(lock(&server.0).0 >= 1800, "a renewal every two seconds");
}

#[tokio::test(start_paused = true)]
async fn a_silent_holder_is_succeeded_after_the_leases_duration() {
    let server = Server::default();
    let mut a = replica(&server, "a", vec![]);
    leads(&mut a, true).await;
    let mut b = replica(&server, "b", vec![]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(a);
    let died = Instant::now();
    leads(&mut b, true).await;
    let waited = died.elapsed();
    assert!(waited > Duration::from_secs(10) && waited <= Duration::from_secs(17), "{waited:?}");
    assert_eq!(server.get().unwrap().transitions, 1);
}

#[tokio::test(start_paused = true)]
async fn holder_without_renewal_stops_before_another_begins() {
    let server = Server::default();
    // The first call looks, the second claims; from then on nothing arrives.
    let fates = [vec![Fate::Good, Fate::Good], vec![Fate::Lost; 1000]].concat();
    let start = Instant::now();
    let mut a = replica(&server, "a", fates);
    leads(&mut a, true).await;
    let mut b = replica(&server, "b", vec![]);
    leads(&mut a, false).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    assert!(!*b.leading.borrow());
    leads(&mut b, true).await;
    assert!(start.elapsed() >= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_free_at_once() {
    let server = Server::default();
    let mut elector = Elector::new(Wire::new(&server, vec![]), "a", TIMES, Clock::system()).unwrap();
    let (say, leading) = watch::channel(false);
    let _timed_out = tokio::time::timeout(Duration::from_secs(5), elector.run(&say)).await;
    assert!(*leading.borrow());
    elector.release(&say).await;
    assert!(!*leading.borrow());
    assert_eq!(server.get().unwrap().holder, "");
    let start = Instant::now();
    leads(&mut replica(&server, "b", vec![]), true).await;
    assert_eq!(start.elapsed().as_secs(), 0);
}

#[test]
fn a_record_survives_the_way_through_a_lease() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    let record = LeaseRecord {
        holder: "a".to_owned(),
        duration: Duration::from_secs(15),
        acquired: Some(at),
        renewed: Some(at + Duration::from_secs(2)),
        transitions: 3,
        version: Some("7".to_owned()),
    };
    assert_eq!(LeaseRecord::of(&record.clone().into_lease("ns", "l")), record);
    let free = LeaseRecord { holder: String::new(), ..record }.into_lease("ns", "l");
    assert_eq!(free.spec.unwrap().holder_identity, None);
    assert_eq!(LeaseRecord::of(&Default::default()), LeaseRecord::default());
}

#[test]
fn w43_a_name_is_held_to_the_latest_end_and_by_its_holder_only() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let first = LeaseRecord::hold(None, "n", at(2000), at(1000)).unwrap();
    assert_eq!(first.held_until("n"), Some(at(2001)), "never shorter than the certificate");
    assert_eq!(first.held_until("m"), None);
    assert_eq!(LeaseRecord::hold(Some(&first), "n", at(2000), at(1500)), None);
    let stored = LeaseRecord { version: Some("1".to_owned()), ..first };
    let second = LeaseRecord::hold(Some(&stored), "n", at(3000), at(1500)).unwrap();
    assert_eq!((second.held_until("n"), second.version.as_deref()), (Some(at(3001)), Some("1")));
    assert_eq!(second.acquired, Some(at(1000)));
    assert_ne!(name_lease("a/b", "n"), name_lease("a/c", "n"));
    assert!(name_lease("a/b", "system:node:N_1").bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
}

#[test]
fn times_that_would_let_two_act_are_refused() {
    let seconds = Duration::from_secs;
    let times = |lease, renew, retry| LeaseTimes {
        lease_duration: seconds(lease),
        renew_deadline: seconds(renew),
        retry_period: seconds(retry),
    };
    assert!(LeaseTimes::default().validate().is_ok());
    for bad in [times(10, 10, 2), times(15, 10, 0), times(15, 10, 6), times(7200, 10, 2)] {
        assert!(bad.validate().is_err(), "{bad:?}");
    }
    let odd = LeaseTimes { lease_duration: Duration::from_millis(15_500), ..TIMES };
    assert!(odd.validate().is_err(), "a Lease counts whole seconds");
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Good),
        1 => (1_u8..30).prop_map(Fate::Slow),
        2 => (1_u8..12).prop_map(Fate::Late),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Unanswered),
        1 => Just(Fate::Refused),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever becomes of the calls, two replicas never act at once, and once the network is well one acts.
    #[test]
    fn two_replicas_never_act_at_once(
        fates in proptest::collection::vec(proptest::collection::vec(fate(), 0..60), 3)
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = Server::default();
            let mut replicas = Vec::new();
            for (me, fates) in ["a", "b", "c"].into_iter().zip(fates) {
                replicas.push(replica(&server, me, fates));
            }
            for _ in 0..2000 {
                tokio::time::sleep(Duration::from_millis(250)).await;
                let leaders = replicas.iter().filter(|replica| *replica.leading.borrow()).count();
                prop_assert!(leaders <= 1, "{leaders} act at once");
            }
            prop_assert_eq!(replicas.iter().filter(|replica| *replica.leading.borrow()).count(), 1);
            Ok(())
        })?;
    }
}
