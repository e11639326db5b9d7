use std::sync::Arc;

use tokio::sync::watch;

use super::{Owner, Pending, Share};
use crate::base::budgets::{
    CONNECTION_PENDING_BYTES, MASTERS_PENDING_BYTES, PENDING_BYTES, USER_PENDING_BYTES,
};
use crate::base::sync::lock;

/// A connection of a user.
struct Client {
    pending: Arc<Pending>,
    owner: Owner,
}

impl Client {
    fn new(pending: &Arc<Pending>, user: &str, connection: u64) -> Self {
        let close = Arc::new(watch::Sender::new(false));
        let is_master = user.starts_with("master");
        Self {
            pending: Arc::clone(pending),
            owner: Owner { user: user.into(), is_master, connection, close },
        }
    }

    fn share(&self) -> Share {
        self.pending.share(self.owner.clone())
    }

    fn take(&self, bytes: usize) -> Share {
        let mut share = self.share();
        share.set(bytes).unwrap();
        share
    }

    fn is_closed(&self) -> bool {
        *self.owner.close.borrow()
    }
}

fn sums(pending: &Pending) -> (usize, usize, usize) {
    let state = lock(&pending.0);
    (state.total, state.by_user.len(), state.closed.len())
}

#[test]
fn share_of_a_connection_is_bounded_and_comes_back() {
    let pending = Arc::new(Pending::default());
    let client = Client::new(&pending, "a", 1);
    let mut first = client.take(CONNECTION_PENDING_BYTES);
    assert_eq!(client.share().set(1).unwrap_err().code, 429);
    assert_eq!(first.grow(1).unwrap_err().code, 429);
    first.set(1).unwrap();
    drop(client.take(1));
    drop(first);
    assert_eq!(sums(&pending), (0, 0, 0));
    assert!(!client.is_closed());
}

#[test]
fn largest_connection_of_a_user_makes_room_for_its_small_ones() {
    let pending = Arc::new(Pending::default());
    let greedy: Vec<_> = (0..4).map(|n| Client::new(&pending, "token", n)).collect();
    let mut shares: Vec<_> = greedy.iter().map(|client| client.take(USER_PENDING_BYTES / 4)).collect();
    let node = Client::new(&pending, "token", 9);
    let share = node.take(1);
    assert_eq!(greedy.iter().filter(|client| client.is_closed()).count(), 1);
    let closed = greedy.iter().position(Client::is_closed).unwrap();
    assert_eq!(shares[closed].grow(1).unwrap_err().code, 429);
    assert_eq!(greedy[closed].share().set(1).unwrap_err().code, 429);
    drop((share, shares));
    pending.forget(closed as u64);
    assert_eq!(sums(&pending), (0, 0, 0));
}

#[test]
fn equal_connections_of_a_user_do_not_close_each_other() {
    let pending = Arc::new(Pending::default());
    let count = USER_PENDING_BYTES >> 20;
    let clients: Vec<_> = (0..=count).map(|n| Client::new(&pending, "token", n as u64)).collect();
    let _shares: Vec<_> = clients[..count].iter().map(|client| client.take(1 << 20)).collect();
    assert_eq!(clients[count].share().set(1 << 20).unwrap_err().code, 429);
    assert!(!clients.iter().any(Client::is_closed));
}

#[test]
fn greedy_users_leave_room_for_others_and_for_masters() {
    for count in [3, 4, 16, 256] {
        let pending = Arc::new(Pending::default());
        let mut shares = Vec::new();
        for user in 0..count {
            for number in 0..64 {
                let mut share = Client::new(&pending, &user.to_string(), user * 1_000 + number).share();
                if share.set(1 << 20).is_ok() {
                    shares.push(share);
                }
            }
        }
        let total = sums(&pending).0;
        assert!(total <= PENDING_BYTES && total > PENDING_BYTES / 2, "{count} users take {total}");
        let next = Client::new(&pending, "next", 1_000_000);
        let _small: Vec<_> = (0..10).map(|_| next.take(1)).collect();
        let _master = Client::new(&pending, "master", 1_000_001).take(MASTERS_PENDING_BYTES);
        assert!(sums(&pending).0 <= PENDING_BYTES + MASTERS_PENDING_BYTES);
        assert!(!next.is_closed());
    }
}

/// Each node has a watch before and after it has its certificate, and all have the same token first.
#[test]
fn five_thousand_nodes_at_once_are_not_refused() {
    let pending = Arc::new(Pending::default());
    let mut watches = Vec::new();
    for n in 0..5_000 {
        let before = Client::new(&pending, "system:bootstrap:0123456", n);
        let after = Client::new(&pending, &format!("system:node:{n}"), 5_000 + n);
        watches.push((before.take(6_000), after.take(6_000), before, after));
    }
    let _list = Client::new(&pending, "system:bootstrap:0123456", 20_000).take(64 << 10);
    assert!(!watches.iter().any(|(_, _, before, after)| before.is_closed() || after.is_closed()));
}
