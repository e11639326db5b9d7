//! The states that were reached: each one's fingerprint, how it was reached, and what comes next by itself.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::event::Event;
use crate::invariants::Violation;
use crate::world::SETTLE_INPUTS;

/// Fingerprints are hashed already.
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

/// How far it is from a state to a settled one.
const SETTLED: u32 = u32::MAX - 1;

/// All states.
#[derive(Debug, Default)]
pub struct States {
    numbers: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    /// The state before, and the event that led here, by its place in `events`.
    before: Vec<(u32, u16)>,
    /// The state that comes next by itself; [`SETTLED`] where a healed world settles, [`NOWHERE`] where it is not known.
    next: Vec<u32>,
    /// The events that ever happened.
    events: Vec<Event>,
}

impl States {
    /// The number of a state, and whether it is new.
    pub fn add(&mut self, fingerprint: u64, from: u32, event: Event) -> (u32, bool) {
        let number = self.before.len() as u32;
        let state = *self.numbers.entry(fingerprint).or_insert(number);
        if event == Event::Step(0)
            && let Some(next @ &mut NOWHERE) = self.next.get_mut(from as usize)
        {
            *next = state;
        }
        if state == number {
            let event = self.event(event);
            self.before.push((from, event));
            self.next.push(NOWHERE);
        }
        (state, state == number)
    }

    fn event(&mut self, event: Event) -> u16 {
        let known = self.events.iter().position(|it| *it == event);
        let place = known.unwrap_or_else(|| {
            self.events.push(event);
            self.events.len() - 1
        });
        place as u16
    }

    /// From this one a healed world settles.
    pub fn settle(&mut self, state: u32) {
        self.next[state as usize] = SETTLED;
    }

    /// The events that lead to a state, and one more.
    #[must_use]
    pub fn events(&self, mut state: u32, last: Option<Event>) -> Vec<Event> {
        let mut events: Vec<Event> = last.into_iter().collect();
        while let Some((before, event)) = self.before.get(state as usize) {
            if *before != NOWHERE {
                events.push(self.events[usize::from(*event)]);
            }
            state = *before;
        }
        events.reverse();
        events
    }

    /// The first state from which nothing is to be healed, and that is further than it may be from a settled one.
    #[must_use]
    pub fn unsettled(&self) -> Option<(Vec<Event>, Violation)> {
        const UNKNOWN: u8 = u8::MAX;
        let mut far = vec![UNKNOWN; self.next.len()];
        for start in 0..self.next.len() {
            let mut way = Vec::new();
            let (mut state, mut left) = (start, 0);
            while way.len() <= SETTLE_INPUTS as usize {
                if far[state] != UNKNOWN {
                    left = far[state];
                    break;
                }
                way.push(state);
                match self.next[state] {
                    SETTLED => break,
                    NOWHERE => return Some(self.too_far(start)),
                    next => state = next as usize,
                }
            }
            if way.len() + usize::from(left) > SETTLE_INPUTS as usize + 1 {
                return Some(self.too_far(start));
            }
            for (index, state) in way.iter().rev().enumerate() {
                far[*state] = left.saturating_add(index as u8 + u8::from(left > 0));
            }
        }
        None
    }

    fn too_far(&self, state: usize) -> (Vec<Event>, Violation) {
        let sentence = "when everything is well, the node settles within 64 inputs";
        (self.events(state as u32, None), Violation { id: "L2", sentence })
    }
}
