//! The controllers' port to the store of the embedded control plane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;

use crate::apiserver::access::authorizer;
use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::kinds::csr::CSRS;
use crate::apiserver::kinds::csr::update::apply;
use crate::apiserver::kinds::lease::Lease;
use crate::apiserver::kinds::meta;
use crate::apiserver::object::{Object as _, key_of};
use crate::apiserver::resource::Subresource;
use crate::apiserver::store::objects::{Store, Written};
use crate::apiserver::wire::selector::Selector;
use crate::base::clock::Clock;
use crate::base::csr::{Csr, name};
use crate::base::time::api_time;
use crate::signing::controllers::port::{Change, Port, PortError, Review};
use crate::signing::criteria::KUBELET_CLIENT;
use crate::signing::lease::record::{LeaseRecord, name_lease};

/// Where the Leases are that hold node names.
const NAMESPACE: &str = "kube-system";

/// Writes by the same rules as every client: a field that a controller may not change stays as it is.
pub(crate) struct Embedded {
    store: Arc<Store>,
    leases: Arc<Store<Lease>>,
    clock: Clock,
}

impl Port for Embedded {
    fn changes(&self) -> BoxStream<'static, Change> {
        let feed = Feed {
            changed: self.store.subscribe(),
            store: Arc::clone(&self.store),
            seen: None,
            ready: VecDeque::new(),
        };
        stream::unfold(feed, |mut feed| async move { Some((feed.next().await?, feed)) }).boxed()
    }

    async fn decide(&self, csr: Csr) -> Result<(), PortError> {
        self.write(csr, Subresource::Approval).await
    }

    async fn set_status(&self, csr: Csr) -> Result<(), PortError> {
        self.write(csr, Subresource::Status).await
    }

    async fn delete(&self, csr: &Csr) -> Result<(), PortError> {
        let (seen, now) = (&csr.metadata, api_time(self.clock.now()));
        let deleted = self.store.remove(name(csr), (now, false), |stored| {
            let same =
                stored.metadata.uid == seen.uid && stored.metadata.resource_version == seen.resource_version;
            if same { Ok(()) } else { Err(ApiError::modified(&CSRS, name(csr))) }
        });
        answer(deleted).await
    }

    async fn hold(&self, common_name: &str, until: SystemTime) -> Result<(), PortError> {
        let (key, now) = (Self::name_key(common_name), self.clock.now());
        let current = self.leases.get(&key).ok();
        let record = current.as_deref().map(LeaseRecord::of);
        let Some(new) = LeaseRecord::hold(record.as_ref(), common_name, until, now) else { return Ok(()) };
        let new = new.into_lease(NAMESPACE, &name_lease(KUBELET_CLIENT, common_name));
        if current.is_some() {
            let held = self.leases.update(&key, |stored| Lease::change(new, stored, None, api_time(now)));
            return answer(held).await;
        }
        let uid = meta::new_uid().map_err(|error| PortError::Failed(error.message))?;
        let mut new = new;
        new.metadata.uid = Some(uid);
        new.metadata.creation_timestamp = Some(api_time(now));
        answer(self.leases.create_unless_dry(new, false)).await
    }

    async fn held_until(&self, common_name: &str) -> Result<Option<SystemTime>, PortError> {
        let lease = self.leases.get(&Self::name_key(common_name)).ok();
        Ok(lease.and_then(|lease| LeaseRecord::of(&lease).held_until(common_name)))
    }

    async fn allows(&self, review: Review) -> Result<bool, PortError> {
        Ok(authorizer::may_create_subresource(&review.groups, review.recognizer.subresource()))
    }
}

impl Embedded {
    pub(crate) fn new(store: Arc<Store>, leases: Arc<Store<Lease>>, clock: Clock) -> Self {
        Self { store, leases, clock }
    }

    fn name_key(common_name: &str) -> String {
        key_of(Some(NAMESPACE), &name_lease(KUBELET_CLIENT, common_name))
    }

    async fn write(&self, csr: Csr, subresource: Subresource) -> Result<(), PortError> {
        let (key, now) = (name(&csr).to_owned(), api_time(self.clock.now()));
        answer(self.store.update(&key, |stored| apply(csr, stored, Some(subresource), now))).await
    }
}

async fn answer<T>(result: Result<Written<T>, ApiError>) -> Result<(), PortError> {
    let kept = match result {
        Ok(written) => written.durable.wait().await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.code, StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
            Err(PortError::Stale)
        }
        Err(error) => Err(PortError::Failed(error.message)),
    }
}

struct Feed {
    store: Arc<Store>,
    changed: tokio::sync::watch::Receiver<u64>,
    /// Every change up to this version was sent.
    seen: Option<u64>,
    ready: VecDeque<Change>,
}

impl Feed {
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(change);
            }
            self.changed.borrow_and_update();
            let Some(events) = self.seen.and_then(|version| self.store.since(version).ok()) else {
                // Just begun, or too far behind.
                let (all, version) = self.store.list(&Selector::default());
                self.seen = Some(version);
                return Some(Change::All(all));
            };
            if events.is_empty() {
                self.changed.changed().await.ok()?;
                continue;
            }
            for event in events {
                self.seen = Some(event.version);
                self.ready.push_back(match event.kind {
                    ChangeKind::Deleted => Change::Gone(name(&event.object).to_owned()),
                    ChangeKind::Added | ChangeKind::Modified => Change::Now(event.object),
                });
            }
        }
    }
}
