//! Scenarios as bytes: the form that all engines share.
//!
//! The first two bytes choose the setup, each pair after them is a [`Transition`]. The invariants
//! are checked after every step. At the end the world heals. Then the node must converge (L2),
//! renew in time (L1) and start again unchanged (S6, M3).

use std::fmt;
use std::fmt::Write as _;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::time::{Span, WallTime};

use crate::marks::{self, Marks};
use crate::transition::{Transition, lifetime, transitions};
use crate::world::{Driver, World};

mod failure;
pub mod text;

/// The most transitions of a scenario; the bytes after them are not read.
pub const MOST_TRANSITIONS: usize = 512;

/// The build time of every node: 2025-01-01T00:00:00Z.
pub const BUILT: WallTime = WallTime::from_unix_secs(1_735_689_600);

/// When a late world begins: 2029-12-31T18:00:00Z.
pub const LATE: WallTime = WallTime::from_unix_secs(1_893_434_400);

/// The initial world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// The lifetime of certificates.
    pub lifetime: Span,
    /// Whether a client CA is configured.
    pub chain: bool,
    /// Whether a lifetime is requested.
    pub wish: bool,
    /// Whether live identities are renewed.
    pub rotate: bool,
    /// Whether waits are jittered. Without, worlds that differ only in their past are equal more often.
    pub jitter: bool,
    /// Whether the first certificate is live when it begins.
    pub settled: bool,
    /// Whether it begins shortly before 2030, a date like any other.
    pub late: bool,
    /// The seed of the jitter.
    pub seed: u8,
}

/// A setup, and the transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The setup.
    pub setup: Setup,
    /// The transitions.
    pub transitions: Vec<Transition>,
}

/// The result of a scenario.
#[derive(Clone, Debug)]
pub struct Played {
    /// The world at the end.
    pub world: World,
    /// The number of transitions before a violation, or of all.
    pub transitions: usize,
    /// A digest of the machine's state after every transition.
    pub digest: u64,
}

impl Setup {
    /// Decodes a setup.
    #[must_use]
    pub fn decode(choice: u8, seed: u8) -> Self {
        Self {
            lifetime: lifetime(choice % 8 % 6),
            chain: choice & 8 != 0,
            wish: choice & 16 != 0,
            rotate: choice & 0x60 != 0x60,
            jitter: choice & 32 != 0,
            settled: choice & 128 != 0,
            late: choice & 0x60 == 0x40,
            seed,
        }
    }

    /// Two bytes that mean this setup.
    ///
    /// # Panics
    ///
    /// If there are none: the setup was not decoded from bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 2] {
        let choice = (0..=u8::MAX).find(|choice| Self::decode(*choice, self.seed) == self);
        [choice.unwrap_or_else(|| panic!("{self:?} is the meaning of no two bytes")), self.seed]
    }

    /// Returns the configuration of the node.
    #[must_use]
    pub fn spec(self) -> ConfigSpec {
        let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
        spec.seed = u64::from(self.seed).wrapping_mul(0x1234_5678_9abc_def1);
        spec.chain_required = self.chain;
        spec.rotate = self.rotate;
        spec.built = BUILT;
        spec.template.duration = self.wish.then_some(Span::from_hours(8760));
        if !self.jitter {
            spec.timing.jitter = 0;
        }
        spec
    }

    /// The world, begun, with what the node is configured with changed by `change`.
    #[must_use]
    pub fn begin(self, change: impl FnOnce(&mut ConfigSpec, &mut World)) -> World {
        let mut spec = self.spec();
        let plain = Config::new(spec.clone()).expect("the template is complete and the times are in order");
        let mut world = World::quiet(plain);
        world.server.lifetime = self.lifetime;
        if self.late {
            world.now.wall = LATE;
        }
        change(&mut spec, &mut world);
        world.config = Config::new(spec).expect("a change leaves the configuration valid");
        world.start();
        if self.settled {
            world.settles(|_| false);
        }
        world
    }
}

impl Scenario {
    /// Decodes a scenario.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let byte = |index: usize| bytes.get(index).copied().unwrap_or_default();
        let transitions = transitions(bytes.get(2..).unwrap_or_default()).take(MOST_TRANSITIONS).collect();
        Self { setup: Setup::decode(byte(0), byte(1)), transitions }
    }

    /// Encodes the scenario.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let transitions = self.transitions.iter().flat_map(|transition| transition.encode());
        self.setup.encode().into_iter().chain(transitions).collect()
    }

    /// Plays the scenario in an unaltered world.
    #[must_use]
    pub fn play(&self) -> Played {
        self.play_in(|_, _| {}, true)
    }

    /// Plays the scenario in a world that `change` alters. At the end the world heals, if `heals`
    /// is set.
    #[must_use]
    pub fn play_in(&self, change: impl FnOnce(&mut ConfigSpec, &mut World), heals: bool) -> Played {
        self.play_seen(change, heals, |_, _| {})
    }

    /// As [`Scenario::play_in`]; `before` sees the world before each transition, and, with `None`, before it heals.
    #[must_use]
    pub fn play_seen(
        &self,
        change: impl FnOnce(&mut ConfigSpec, &mut World),
        heals: bool,
        mut before: impl FnMut(&World, Option<Transition>),
    ) -> Played {
        let mut played = Played { world: self.setup.begin(change), transitions: 0, digest: 0 };
        let world = &mut played.world;
        for transition in &self.transitions {
            if world.violation.is_some() {
                break;
            }
            before(world, Some(*transition));
            if let Some(mut marks) = world.marks.take() {
                marks.before(world, *transition);
                world.marks = Some(marks);
            }
            let happened = world.happen(*transition);
            if let (Some(marks), true) = (&mut world.marks, happened) {
                marks.happened(*transition);
            }
            played.transitions += 1;
            let state = world.node.as_ref().map_or(0, |node| node.view().phase as u64);
            played.digest =
                (played.digest.rotate_left(5) ^ state ^ world.steps).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        marks::ended(world);
        if heals && world.violation.is_none() {
            before(world, None);
            live_on(world);
        }
        world.check_at_the_end();
        played.digest ^= world.fingerprint();
        played
    }
}

/// The world heals; the node converges, renews and starts again.
pub fn live_on(world: &mut World) {
    world.heal();
    if world.settles(|_| false) {
        if world.config.spec().rotate {
            world.renews(1);
        }
        if world.violation.is_none() && world.settles(|_| false) {
            world.starts_again();
        }
    }
}

/// Plays the scenario that bytes mean, for fuzzing.
///
/// # Panics
///
/// If something does not hold, with the scenario in words and the command that replays it.
pub fn run(bytes: &[u8]) {
    let scenario = Scenario::decode(bytes);
    if let Some(violation) = scenario.play().world.violation {
        panic!("{}", scenario.failure(&violation));
    }
}

impl Scenario {
    /// Its bytes in hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        self.encode().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Display for Setup {
    /// Renders the scenario on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |is: bool, word: &'static str| if is { word } else { "" };
        write!(f, "certificates live {}", self.lifetime)?;
        f.write_str(word(self.chain, ", client CA"))?;
        f.write_str(word(self.wish, ", a lifetime is requested"))?;
        f.write_str(word(!self.rotate, ", no renewal"))?;
        f.write_str(word(self.jitter, ", jitter"))?;
        f.write_str(word(self.settled, ", first certificate live"))?;
        write!(f, ", seed {}", self.seed)
    }
}

impl fmt::Display for Scenario {
    /// The setup and the transitions, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.setup)?;
        for (index, transition) in self.transitions.iter().enumerate() {
            writeln!(f, "  {:>3}  {transition:?}", index + 1)?;
        }
        Ok(())
    }
}

/// Makes a world whose driver has a seeded bug.
pub fn wrong(driver: Driver) -> impl Fn(&mut ConfigSpec, &mut World) {
    move |_, world| world.driver = driver
}

/// Makes a world that counts its coverage marks.
pub fn marked(_: &mut ConfigSpec, world: &mut World) {
    world.marks = Some(Box::new(Marks::default()));
}

#[cfg(test)]
mod tests;
