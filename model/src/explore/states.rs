//! The reached states: the fingerprint of each, the transition that led to it, and its successors
//! without faults.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::invariants::Violation;
use crate::transition::Transition;
use crate::world::SETTLE_INPUTS;

/// A hasher that keeps fingerprints as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A set of fingerprints.
pub type Seen = HashSet<u64, BuildHasherDefault<AsIs>>;

/// The state before the first.
pub const NOWHERE: u32 = u32::MAX;

/// All states.
#[derive(Debug, Default)]
pub struct States {
    numbers: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    all: Vec<State>,
    /// Every transition that led to a state.
    transitions: Vec<Transition>,
}

/// The predecessor of a state, and its successors without faults.
#[derive(Clone, Copy, Debug)]
struct State {
    before: u32,
    /// The transition from the predecessor, as an index into `transitions`.
    transition: u16,
    /// Whether there is no fault to heal.
    well: bool,
    /// Whether the state has converged, or is known to converge when healed.
    settles: bool,
    /// The successor in the natural course, and the one if the second answer comes first.
    next: [u32; 2],
}

impl States {
    /// Returns the number of a state, and whether it is new.
    pub fn add(&mut self, fingerprint: u64, from: u32, transition: Transition) -> (u32, bool) {
        let number = self.all.len() as u32;
        let state = *self.numbers.entry(fingerprint).or_insert(number);
        let way = match transition {
            Transition::Step(0) => Some(0),
            Transition::Answer(1) => Some(1),
            _ => None,
        };
        if let (Some(way), Some(from)) = (way, self.all.get_mut(from as usize)) {
            from.next[way] = state;
        }
        if state == number {
            let transition = self.transition(transition);
            self.all.push(State {
                before: from,
                transition,
                well: false,
                settles: false,
                next: [NOWHERE; 2],
            });
        }
        (state, state == number)
    }

    fn transition(&mut self, transition: Transition) -> u16 {
        let known = self.transitions.iter().position(|it| *it == transition);
        let place = known.unwrap_or_else(|| {
            self.transitions.push(transition);
            self.transitions.len() - 1
        });
        place as u16
    }

    /// Records that the state converges when healed.
    pub fn settles(&mut self, state: u32) {
        self.all[state as usize].settles = true;
    }

    /// Records that the state has no fault to heal.
    pub fn is_well(&mut self, state: u32) {
        self.all[state as usize].well = true;
    }

    /// Returns the transitions that lead to a state, and one more.
    #[must_use]
    pub fn transitions(&self, mut number: u32, last: Option<Transition>) -> Vec<Transition> {
        let mut transitions: Vec<Transition> = last.into_iter().collect();
        while let Some(state) = self.all.get(number as usize) {
            if state.before != NOWHERE {
                transitions.push(self.transitions[usize::from(state.transition)]);
            }
            number = state.before;
        }
        transitions.reverse();
        transitions
    }

    /// Returns the first state that is too far from a converged one in the natural course (L2).
    #[must_use]
    pub fn unsettled(&self) -> Option<(Vec<Transition>, Violation)> {
        let mut far = vec![u8::MAX; self.all.len()];
        for start in 0..self.all.len() {
            let mut way = Vec::new();
            let mut number = start;
            let known = loop {
                match (far[number], self.all[number]) {
                    (known @ 0..=254, _) => break Some(known),
                    (_, State { settles: true, .. }) => {
                        far[number] = 0;
                        break Some(0);
                    }
                    (_, State { next: [NOWHERE, _], .. }) => break None,
                    (_, State { next: [next, _], .. }) => {
                        way.push(number);
                        number = next as usize;
                    }
                }
                if way.len() > SETTLE_INPUTS as usize {
                    break None;
                }
            };
            let left = known.map_or(usize::MAX, usize::from).saturating_add(way.len());
            if left > SETTLE_INPUTS as usize {
                return Some(self.violated(start, "without faults, the node converges within 64 inputs"));
            }
            for (steps, state) in way.iter().rev().enumerate() {
                far[*state] = (left - way.len() + steps + 1) as u8;
            }
        }
        None
    }

    /// Returns a cycle of states without a fault to heal, in the natural course, with any order of
    /// answers. Each new live identity makes new states, so a cycle makes no progress. The oldest
    /// operation in flight is answered in it, so it is fair.
    #[must_use]
    pub fn fair_cycle(&self) -> Option<(Vec<Transition>, Violation)> {
        #[derive(Clone, Copy, PartialEq)]
        enum Visit {
            Never,
            Under,
            Done,
        }
        let mut visits = vec![Visit::Never; self.all.len()];
        for start in 0..self.all.len() {
            if visits[start] != Visit::Never || !self.all[start].well {
                continue;
            }
            let mut stack = vec![(start, 0)];
            visits[start] = Visit::Under;
            while let Some((number, way)) = stack.pop() {
                let Some(next) = self.all[number].next.get(way) else {
                    visits[number] = Visit::Done;
                    continue;
                };
                stack.push((number, way + 1));
                match visits.get(*next as usize) {
                    Some(Visit::Under) if way == 0 => {
                        return Some(self.violated(number, "no fair cycle makes no progress"));
                    }
                    Some(Visit::Never) => {
                        visits[*next as usize] = Visit::Under;
                        stack.push((*next as usize, 0));
                    }
                    Some(Visit::Under | Visit::Done) | None => {}
                }
            }
        }
        None
    }

    fn violated(&self, state: usize, sentence: &'static str) -> (Vec<Transition>, Violation) {
        (self.transitions(state as u32, None), Violation { id: "L2", sentence })
    }
}
