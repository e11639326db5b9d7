//! The world heals, and then the node must converge: safety first, then liveness.

use certrotate_core::disk::{CurrentLink, Name};
use certrotate_core::input::Input;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Phase;

use crate::disk::File;
use crate::invariants::adoption::better_pair_on_disk;
use crate::invariants::best_on_disk;
use crate::invariants::exceptions::{
    broken_current_link, external_far_bundle, overdue_renewal, quarantined_file,
};
use crate::list::List;
use crate::server::{Approver, Server};
use crate::world::World;

/// The inputs within which a node converges when nothing fails (L2).
pub const SETTLE_INPUTS: u64 = 64;

/// The most names of ours at rest without faults (S12): the current link, the live bundle and the previous one.
pub(crate) const MOST_NAMES_AT_REST: usize = 3;

/// The most quarantined files at rest without faults (S12). Each external change adds one until recovery ends.
pub(crate) const MOST_QUARANTINED_AT_REST: usize = 1;

impl World {
    /// Ends every failure, and tells the node so by a tick.
    pub fn heal(&mut self) {
        self.end_failures();
        if self.node.is_none() {
            self.start();
        } else if self.disk.is_changed_externally || !self.disk.strangers.is_empty() || self.is_blocked() {
            // What an external party did to the files of a running node is found at the next start, when it was put right.
            self.put_right();
            self.restart();
        } else {
            self.give(Input::Tick);
        }
    }

    /// Returns whether the current link is foreign.
    fn is_blocked(&self) -> bool {
        matches!(self.disk.current_link(), CurrentLink::Foreign | CurrentLink::Strange)
    }

    /// Ends every fault and repairs the directory, without an input to the node.
    pub fn mend(&mut self) {
        self.end_failures();
        self.put_right();
    }

    fn end_failures(&mut self) {
        self.disk.faults.clear();
        (self.lose_disk_answers, self.lose_call_answers) = (0, 0);
        self.lie = None;
        let server = &mut self.server;
        (server.outage, server.bad, server.bad_next, server.longest_lifetime) = (None, None, None, None);
        (server.silent, server.rarely, server.no_watch, server.watch_ends) = (false, (0, 0), false, false);
        (server.refuse_live, server.refuse_bootstrap) = (false, false);
        (server.approver, server.verdict, server.latency) = (Approver::Auto, None, Span::ZERO);
        server.lifetime = server.lifetime.max(Span::from_secs(60));
        server.answers = List::default();
        self.now.wall = self.server_wall();
        self.skew = 0;
        // A directory that was moved aside is a person's to remove: unlinking does not.
        while let Some(name) = self.directory_moved_aside() {
            self.disk.remove(name);
        }
    }

    fn directory_moved_aside(&self) -> Option<Name> {
        let aside = |name: &Name| matches!(name, Name::Quarantine { .. });
        self.disk.names().filter(aside).find(|name| self.disk.read(*name) == Some(File::Directory))
    }

    /// Returns whether there is no fault to heal.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let Server { outage, bad, bad_next, longest_lifetime, silent, rarely, no_watch, watch_ends, .. } =
            &self.server;
        let Server { refuse_live, refuse_bootstrap, approver, verdict, latency, answers, .. } = &self.server;
        let issues = bad.is_none() && bad_next.is_none() && longest_lifetime.is_none();
        let decides = *approver == Approver::Auto && verdict.is_none() && *latency == Span::ZERO;
        let answered =
            outage.is_none() && !silent && rarely.0 == 0 && !no_watch && !watch_ends && answers.is_empty();
        let told = self.lose_disk_answers == 0 && self.lose_call_answers == 0 && self.lie.is_none();
        let trusted = !refuse_live && !refuse_bootstrap && self.skew == 0;
        let left_alone =
            !self.disk.is_changed_externally && self.disk.strangers.is_empty() && self.disk.faults.is_empty();
        let left_alone = left_alone && self.directory_moved_aside().is_none();
        issues && decides && answered && told && trusted && left_alone && self.node.is_some()
    }

    /// Moves foreign files out of the way of the current link, as an operator would, so that no
    /// crash restores them.
    fn put_right(&mut self) {
        if self.is_blocked() {
            self.disk.remove(Name::Current);
        }
        // A directory that got one of our names cannot be unlinked.
        let directory = self.disk.names().find(|name| self.disk.read(*name) == Some(File::Directory));
        if let Some(name) = directory {
            self.disk.remove(name);
        }
        self.disk.forget_foreign_current_link();
    }

    /// L2: within [`SETTLE_INPUTS`] inputs of a world in which nothing fails, the node converges. `seen`
    /// gets the fingerprint before each input. It ends the check if it has seen such a world converge.
    pub fn settles(&mut self, mut seen: impl FnMut(u64) -> bool) -> bool {
        let end = self.steps + SETTLE_INPUTS;
        while self.violation.is_none() && !seen(self.fingerprint()) {
            if self.is_settled() {
                return true;
            }
            if self.steps >= end {
                self.hold("L2", "without faults, the node converges within 64 inputs", false);
                return false;
            }
            if self.node.is_none() {
                self.start();
            } else if !self.advance() {
                self.hold("L2", "a node that has not converged has a deadline", false);
            }
        }
        self.violation.is_none()
    }

    /// Returns the number of open requests. A request that was open when the template changed no longer
    /// counts: the node may not delete it.
    #[must_use]
    pub fn open(&self) -> usize {
        self.server.open()
    }

    /// Whether the node rests and serves an identity for the current template, at least as good as the
    /// best one on disk. It has no open request and no unneeded file.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let phase = self.node.as_ref().map(|node| node.view().phase);
        let passing = |name: Name| matches!(name, Name::Temporary { .. } | Name::Pending { .. });
        let kept =
            || self.disk.names().filter(|name| !quarantined_file(*name) && !external_far_bundle(*name));
        let has_stale_files = kept().count() > MOST_NAMES_AT_REST || kept().any(passing);
        let quarantined = self.disk.names().filter(|name| quarantined_file(*name)).count();
        phase == Some(Phase::Resting)
            && self.serves_what_is_wanted()
            && !self.is_unsaved()
            && self.open() == 0
            && !has_stale_files
            && quarantined <= MOST_QUARANTINED_AT_REST
            && best_on_disk(self) <= self.served()
    }

    /// S6, M3: starting again at rest changes nothing on disk, tries to change nothing, and serves the same identity.
    pub fn starts_again(&mut self) {
        let (served, before, mutating) = (self.served(), self.disk, self.operations.mutating);
        // A pair that was left since the last rescan is adopted: the next start may write.
        let adopts = better_pair_on_disk(self);
        self.restart();
        for _ in 0..SETTLE_INPUTS {
            if self.ghost.recovered || self.violation.is_some() {
                break;
            }
            self.advance();
        }
        let same = self.disk.names().eq(before.names()) && self.operations.mutating == mutating;
        let same = same || adopts;
        self.hold("S6", "a start at rest changes nothing on disk", same);
        // An identity with a broken file stays live in memory until the process ends.
        let same = self.served() == served || broken_current_link(&before) || adopts;
        self.hold("M3", "a restart at rest serves the same identity", same);
    }

    /// L1: in a world in which nothing fails, the next `rotations` each come before the margin of the last certificate begins,
    /// and nothing is ever withdrawn.
    pub fn renews(&mut self, rotations: u32) {
        for _ in 0..rotations {
            let (Some(before), Some((_, end))) =
                (self.served(), self.served.and_then(|(_, cert)| self.dates(cert)))
            else {
                return self.hold(
                    "L1",
                    "without faults, an identity is served until its successor is live",
                    false,
                );
            };
            let view = self.view();
            let lifetime = view.map_or(0, |view| view.lifetime.ms());
            let overdue = overdue_renewal(self);
            let margin = (lifetime / 20).min(60_000 * lifetime.min(3_600_000) / 3_600_000);
            let by = WallTime::from_unix_ms(end.unix_ms().saturating_sub_unsigned(margin));
            // A held certificate goes live at its notBefore, even if the last one expires first.
            let by = view.and_then(|view| view.held).map_or(by, |start| start.max(by));
            for _ in 0..SETTLE_INPUTS {
                if self.served() > Some(before) || self.violation.is_some() {
                    break;
                }
                self.advance();
            }
            let renewed = self.served() > Some(before) && (overdue || self.now.wall <= by);
            self.hold("L1", "a renewal is live before the expiry margin of the last identity", renewed);
        }
    }
}
