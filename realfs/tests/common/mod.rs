//! A world that damages the disk, and repairs it after enough complaints.

use std::fmt;

use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::WallTime;
use certrotate_realfs::plane::Shown;
use certrotate_realfs::world::{Report, Session, World};

/// The number of failures before the operator repairs the disk.
const PATIENCE: u32 = 4;

type Deed<'a> = Box<dyn FnOnce() + 'a>;

pub(crate) struct DamagedDisk<'a> {
    pub(crate) session: Session,
    damage: Option<Deed<'a>>,
    undo: Option<Deed<'a>>,
    faults: u32,
    off_after: Option<u32>,
}

#[allow(dead_code, reason = "every test binary uses a part of it")]
impl<'a> DamagedDisk<'a> {
    /// Damages the disk at the second request.
    pub(crate) fn at_second_request(session: Session, damage: impl FnOnce() + 'a) -> Self {
        Self { session, damage: Some(Box::new(damage)), undo: None, faults: 0, off_after: None }
    }

    /// Makes a world whose disk was damaged before.
    pub(crate) fn before(session: Session) -> Self {
        Self { session, damage: None, undo: None, faults: 0, off_after: None }
    }

    /// Adds the repair.
    pub(crate) fn undone(mut self, undo: impl FnOnce() + 'a) -> Self {
        self.undo = Some(Box::new(undo));
        self
    }

    /// Switches the machine off after this number of failures.
    pub(crate) fn off_after(mut self, faults: u32) -> Self {
        self.off_after = Some(faults);
        self
    }

    pub(crate) fn is_undone(&self) -> bool {
        self.damage.is_none() && self.undo.is_none()
    }
}

impl World for DamagedDisk<'_> {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        if self.session.plane.requests() > 0
            && let Some(damage) = self.damage.take()
        {
            damage();
        }
        self.session.create(name, csr_pem, now)
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.session.get(name, now)
    }

    fn report(&mut self, report: Report, now: WallTime) {
        if matches!(report, Report::Fault(_)) {
            self.faults += 1;
            if self.faults >= PATIENCE
                && let Some(undo) = self.undo.take()
            {
                undo();
            }
        }
        self.session.report(report, now);
    }

    fn is_off(&self) -> bool {
        self.off_after.is_some_and(|faults| self.faults >= faults)
    }

    fn rested(&mut self, now: WallTime) -> bool {
        self.session.rested(now)
    }
}

impl fmt::Debug for DamagedDisk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DamagedDisk").field("session", &self.session).finish_non_exhaustive()
    }
}
