//! A node as its operator sees it: the live identity, its generation, and the number of open
//! requests. The reference model has no phases, files or calls, and counts time in minutes. The
//! system under test is core in its simulated world.

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::DiskFault;
use certrotate_core::id::Generation;
use certrotate_core::input::Input;
use certrotate_core::time::Span;
use certrotate_model::World;
use certrotate_model::disk::{Fault, Kind};
use certrotate_model::renewal_range::LATEST;
use certrotate_model::server::Approver;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

/// The lifetime of certificates, in minutes.
const LIFETIME: u32 = 60;

/// The number of minutes without a fault after which the node has a fresh identity. The longest
/// wait is the one after denials, with its jitter.
const RECOVERED: u32 = 5 * 60 + 10;

/// The number of minutes for which an identity is valid at least: the rest of the lifetime at the
/// latest renewal point, less the expiry margin.
const GOOD_FOR: u32 = LIFETIME * (1000 - LATEST as u32) / 1000 - 1;

/// An action of the operator, or a fault.
#[derive(Clone, Debug)]
enum Transition {
    /// Minutes pass.
    Pass(u32),
    /// The process starts, or stops by a shutdown.
    Start,
    Stop,
    /// The process is killed and started again, or the power fails and comes back.
    Kill,
    PowerCut(u8),
    /// The operator requests a rotation.
    Rotate,
    /// The server stops or comes back.
    Server(bool),
    /// The disk becomes full or gets room.
    Disk(bool),
    /// The approver changes.
    Approver(Approver),
    /// Every fault is repaired, and hours pass.
    Heal,
}

/// The operator's knowledge.
#[derive(Clone, Debug)]
struct Operator {
    runs: bool,
    server: bool,
    disk: bool,
    approves: bool,
    /// The minutes that the process has run without a fault.
    well: u32,
    /// The minutes for which the live identity stays valid, whatever fails.
    good: u32,
    /// Whether the disk refused while this process ran.
    refused: bool,
    /// The number of requests that may have no owner, because their keys were only in memory.
    forgotten: usize,
}

impl Operator {
    fn is_well(&self) -> bool {
        self.runs && self.server && self.disk && self.approves
    }

    /// Returns whether an identity must be live.
    fn is_served(&self) -> bool {
        self.runs && self.good > 0
    }

    /// The process ends. If the disk refused during its run, it may have made one request with a
    /// key in memory, which no later run resumes.
    fn forgets(&mut self) {
        self.forgotten += usize::from(self.refused);
        self.refused = !self.disk;
    }

    fn pass(mut self, minutes: u32) -> Self {
        self.well = if self.is_well() { self.well + minutes } else { 0 };
        self.good = self.good.saturating_sub(minutes);
        if self.well >= RECOVERED {
            self.good = GOOD_FOR;
        }
        self
    }
}

impl ReferenceStateMachine for Operator {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            runs: true,
            server: true,
            disk: true,
            approves: true,
            well: 0,
            good: 0,
            refused: false,
            forgotten: 0,
        })
        .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        let approver = prop::sample::select(vec![Approver::Auto, Approver::Absent, Approver::Denies]);
        let common = prop_oneof![
            5 => (1..90_u32).prop_map(Transition::Pass),
            1 => Just(Transition::Heal),
            1 => Just(Transition::Server(!state.server)),
            1 => Just(Transition::Disk(!state.disk)),
            2 => approver.prop_map(Transition::Approver),
        ];
        if !state.runs {
            return prop_oneof![1 => common, 2 => Just(Transition::Start)].boxed();
        }
        let running = prop_oneof![
            Just(Transition::Stop),
            Just(Transition::Kill),
            any::<u8>().prop_map(Transition::PowerCut),
            Just(Transition::Rotate),
        ];
        prop_oneof![2 => common, 1 => running].boxed()
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        match transition {
            Transition::Start => !state.runs,
            Transition::Stop | Transition::Kill | Transition::PowerCut(_) | Transition::Rotate => state.runs,
            Transition::Server(up) => *up != state.server,
            Transition::Disk(room) => *room != state.disk,
            Transition::Pass(_) | Transition::Approver(_) | Transition::Heal => true,
        }
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        match transition {
            Transition::Pass(minutes) => return state.pass(*minutes),
            Transition::Start => (state.runs, state.well) = (true, 0),
            Transition::Stop => {
                state.forgets();
                state.runs = false;
            }
            // A minute is enough to restore the live identity.
            Transition::Kill | Transition::PowerCut(_) => {
                state.forgets();
                state.well = 0;
                return state.pass(1);
            }
            Transition::Rotate => {}
            Transition::Server(up) => state.server = *up,
            Transition::Disk(room) => {
                state.disk = *room;
                state.refused |= !room;
            }
            Transition::Approver(approver) => state.approves = *approver == Approver::Auto,
            Transition::Heal => {
                (state.runs, state.server, state.disk, state.approves, state.well) =
                    (true, true, true, true, 0);
                return state.pass(RECOVERED);
            }
        }
        if !state.is_well() {
            state.well = 0;
        }
        // After a start the node needs a minute to find the live identity.
        if matches!(transition, Transition::Start) { state.pass(1) } else { state }
    }
}

/// The node, and the highest generation that was live.
#[derive(Debug)]
struct Node {
    world: World,
    highest: Option<Generation>,
}

impl Node {
    fn pass(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.world.run_for(Span::from_mins(1));
            self.look();
        }
    }

    /// Checks that the live identity is valid, and no older than an earlier one that is still
    /// valid.
    fn look(&mut self) {
        let served = self.world.served();
        if let Some(facts) = self.world.served_facts() {
            assert!(facts.not_before <= self.world.now.wall && self.world.now.wall < facts.not_after);
        }
        if served.is_some() {
            assert!(served >= self.highest, "generation {served:?} after {:?}", self.highest);
            self.highest = served;
        }
    }

    /// The process has stopped; an in-memory identity is lost.
    fn forgets(&mut self) {
        self.highest = self.highest.min(self.world.announced());
    }

    fn has_room(&mut self, room: bool) {
        self.world.disk.faults.clear();
        if !room {
            let (after, times, kind, fault) = (0, u16::MAX, Kind::Write, DiskFault::NoSpace);
            self.world.disk.faults.push(Fault { after, times, kind, fault });
        }
    }
}

impl StateMachineTest for Node {
    type SystemUnderTest = Self;
    type Reference = Operator;

    fn init_test(_: &Operator) -> Self {
        let spec = ConfigSpec::new(Template::kubelet_client("node-1"));
        let mut world = World::quiet(Config::new(spec).expect("the template is complete"));
        world.server.lifetime = Span::from_mins(LIFETIME.into());
        world.start();
        Self { world, highest: None }
    }

    fn apply(mut node: Self, _: &Operator, transition: Transition) -> Self {
        match transition {
            Transition::Pass(minutes) => node.pass(minutes),
            Transition::Start => {
                node.world.start();
                node.pass(1);
            }
            Transition::Stop => {
                node.world.give(Input::Shutdown);
                for _ in 0..64 {
                    if node.world.node.is_some() {
                        node.world.advance();
                    }
                }
                assert!(node.world.node.is_none(), "a shutdown ends within 64 inputs");
                node.forgets();
            }
            Transition::Kill => {
                node.world.restart();
                node.forgets();
                node.pass(1);
            }
            Transition::PowerCut(image) => {
                node.world.power_cut(image.into());
                node.forgets();
                node.pass(1);
            }
            Transition::Rotate => drop(node.world.give(Input::RotateNow)),
            Transition::Server(up) => node.world.server.silent = !up,
            Transition::Disk(room) => node.has_room(room),
            Transition::Approver(approver) => node.world.server.approver = approver,
            Transition::Heal => {
                node.world.server.silent = false;
                node.world.server.approver = Approver::Auto;
                node.has_room(true);
                if node.world.node.is_none() {
                    node.world.start();
                }
                node.pass(RECOVERED);
            }
        }
        node.look();
        node
    }

    fn check_invariants(node: &Self, operator: &Operator) {
        assert_eq!(node.world.violation, None, "{}", node.world.summary());
        assert_eq!(node.world.node.is_some(), operator.runs, "it runs when it was started");
        let forgotten = operator.forgotten;
        assert!(node.world.server.open() <= 1 + forgotten, "the server shows two requests of one node");
        let served = node.world.served().is_some();
        assert!(served || !operator.is_served(), "it serves: {operator:?}\n{}", node.world.summary());
        assert!(operator.runs || !served, "no identity is live without a process");
    }
}

fn config() -> ProptestConfig {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: 4096,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed.unwrap_or(1)),
        ..ProptestConfig::default()
    }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn operator_view_agrees_with_the_reference(sequential 1..40 => Node);
}
