//! The controllers' port to the store of the embedded control plane.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::StatusCode;

use super::port::{Change, Port, PortError, Review};
use crate::api::csr::CSRS;
use crate::api::selector::Selector;
use crate::api::status::ApiError;
use crate::api::update::apply;
use crate::api::{self, Csr, name};
use crate::authz::{self, Permission};
use crate::options::Clock;
use crate::store::{Kind, Store};
use crate::sync::lock;

/// Writes by the same rules as everybody else's: what a controller may not change stays as it is.
pub(crate) struct Embedded {
    store: Arc<Store>,
    clock: Clock,
    held: Mutex<HashMap<String, SystemTime>>,
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
        self.write(csr, "approval")
    }

    async fn set_status(&self, csr: Csr) -> Result<(), PortError> {
        self.write(csr, "status")
    }

    async fn delete(&self, csr: &Csr) -> Result<(), PortError> {
        let seen = &csr.metadata;
        let deleted = self.store.delete(name(csr), |stored| {
            let same =
                stored.metadata.uid == seen.uid && stored.metadata.resource_version == seen.resource_version;
            if same { Ok(()) } else { Err(ApiError::modified(&CSRS, name(csr))) }
        });
        answer(deleted)
    }

    async fn hold(&self, common_name: &str, until: SystemTime) -> Result<(), PortError> {
        let mut held = lock(&self.held);
        let known = held.entry(common_name.to_owned()).or_insert(until);
        *known = until.max(*known);
        Ok(())
    }

    async fn held_until(&self, common_name: &str) -> Result<Option<SystemTime>, PortError> {
        Ok(lock(&self.held).get(common_name).copied())
    }

    async fn allows(&self, review: Review) -> Result<bool, PortError> {
        let permission = match review.subresource {
            "selfnodeclient" => Permission::SelfNodeClient,
            "nodeclient" => Permission::NodeClient,
            _ => return Ok(false),
        };
        Ok(authz::holds(&review.groups, permission))
    }
}

impl Embedded {
    pub(crate) fn new(store: Arc<Store>, clock: Clock) -> Self {
        Self { store, clock, held: Mutex::default() }
    }

    fn write(&self, csr: Csr, subresource: &str) -> Result<(), PortError> {
        let (key, now) = (name(&csr).to_owned(), api::time(self.clock.now()));
        answer(self.store.update(&key, |stored| apply(csr, stored, subresource, now)))
    }
}

fn answer<T>(result: Result<T, ApiError>) -> Result<(), PortError> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code, StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
            Err(PortError::Stale)
        }
        Err(error) => Err(PortError::Failed(error.message)),
    }
}

struct Feed {
    store: Arc<Store>,
    changed: tokio::sync::watch::Receiver<u64>,
    /// Everything up to here has been told.
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
                    Kind::Deleted => Change::Gone(name(&event.object).to_owned()),
                    Kind::Added | Kind::Modified => Change::Now(event.object),
                });
            }
        }
    }
}
