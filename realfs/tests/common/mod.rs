//! A world that damages the disk, and repairs it after enough complaints.

use std::fmt;

use certrotate_core::api::ApiFault;
use certrotate_core::time::WallTime;
use certrotate_realfs::plane::Shown;
use certrotate_realfs::world::{Session, Told, World};

/// How many failures are seen before a person mends what is wrong.
const PATIENCE: u32 = 4;

type Deed<'a> = Box<dyn FnOnce() + 'a>;

pub(crate) struct Meddled<'a> {
    pub(crate) session: Session,
    meddle: Option<Deed<'a>>,
    undo: Option<Deed<'a>>,
    faults: u32,
    off_after: Option<u32>,
}

#[allow(dead_code, reason = "every test binary uses a part of it")]
impl<'a> Meddled<'a> {
    /// Does it when a second request is made.
    pub(crate) fn at_second_request(session: Session, meddle: impl FnOnce() + 'a) -> Self {
        Self { session, meddle: Some(Box::new(meddle)), undo: None, faults: 0, off_after: None }
    }

    /// It was done before.
    pub(crate) fn before(session: Session) -> Self {
        Self { session, meddle: None, undo: None, faults: 0, off_after: None }
    }

    /// And mends it like this.
    pub(crate) fn undone(mut self, undo: impl FnOnce() + 'a) -> Self {
        self.undo = Some(Box::new(undo));
        self
    }

    /// And switches the machine off after so many failures.
    pub(crate) fn off_after(mut self, faults: u32) -> Self {
        self.off_after = Some(faults);
        self
    }

    pub(crate) fn is_undone(&self) -> bool {
        self.meddle.is_none() && self.undo.is_none()
    }
}

impl World for Meddled<'_> {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, ApiFault> {
        if self.session.plane.requests() > 0
            && let Some(meddle) = self.meddle.take()
        {
            meddle();
        }
        self.session.create(name, csr_pem, now)
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, ApiFault> {
        self.session.get(name, now)
    }

    fn told(&mut self, told: Told, now: WallTime) {
        if matches!(told, Told::Fault(_)) {
            self.faults += 1;
            if self.faults >= PATIENCE
                && let Some(undo) = self.undo.take()
            {
                undo();
            }
        }
        self.session.told(told, now);
    }

    fn is_off(&self) -> bool {
        self.off_after.is_some_and(|faults| self.faults >= faults)
    }

    fn rested(&mut self, now: WallTime) -> bool {
        self.session.rested(now)
    }
}

impl fmt::Debug for Meddled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddled").field("session", &self.session).finish_non_exhaustive()
    }
}
