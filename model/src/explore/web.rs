//! The explorer's search as a model of [stateright]: an independent search over the same worlds,
//! and its web page to walk through them.
//!
//! The explorer's own search is faster and checks more: it heals the world in every state, and
//! finds cycles. Both searches share the transitions and the bound, so both must count the same
//! states.

use std::fmt;
use std::hash::{Hash, Hasher};

use certrotate_core::time::Now;
use stateright::{Checker, Model, Property};

use crate::disk::image::Profile;
use crate::explore::{Bound, alphabet, fingerprint};
use crate::show;
use crate::transition::Transition;
use crate::world::World;

/// A world, and the number of faults left.
#[derive(Clone)]
pub struct State {
    world: Box<World>,
    left: u8,
    began: Now,
}

/// Prints the world as `certrotate-model replay` shows it.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(violation) = self.world.violation {
            writeln!(f, "{violation}\n")?;
        }
        write!(f, "{}\nfaults left: {}", show::world(&self.world, self.began), self.left)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(fingerprint(&self.world, self.left));
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        fingerprint(&self.world, self.left) == fingerprint(&other.world, other.left)
    }
}

impl Model for Bound {
    type State = State;
    type Action = Transition;

    fn init_states(&self) -> Vec<State> {
        let world = Box::new(self.setup.begin(|_, _| {}));
        vec![State { began: world.now, world, left: self.faults }]
    }

    fn actions(&self, State { world, left, .. }: &State, actions: &mut Vec<Transition>) {
        if world.violation.is_some() || !self.goes_on(world) {
            return;
        }
        if *left > 0 {
            actions.extend(alphabet::faults(world));
            let images = world.disk.count_images(Profile::Alice).min(usize::from(u8::MAX));
            actions.extend((0..images).map(|image| Transition::PowerCut(image as u8)));
        }
        if world.in_flight.len() > 1 {
            actions.push(Transition::Answer(1));
        }
        actions.push(Transition::Step(0));
    }

    fn next_state(&self, before: &State, transition: Transition) -> Option<State> {
        let mut after = before.clone();
        let happened = after.world.happen(transition) || after.world.violation.is_some();
        after.left -= u8::from(!alphabet::NATURAL.contains(&transition));
        happened.then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("no invariant is violated", |_, state: &State| state.world.violation.is_none())]
    }
}

/// Returns the number of states that stateright finds within the bound, and whether the invariants
/// hold in all of them.
#[must_use]
pub fn count(bound: Bound) -> (u64, bool) {
    let checker = bound.checker().spawn_bfs().join();
    (checker.unique_state_count() as u64, checker.discoveries().is_empty())
}

/// Serves stateright's web page at this address, until the process ends.
///
/// # Panics
///
/// stateright cannot listen on the address; it has no other way to report that.
pub fn serve(bound: Bound, address: std::net::SocketAddr) {
    bound.checker().serve(address);
}
