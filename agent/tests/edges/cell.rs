//! A cell of the matrix: a place, a fault, how the fault is made, and what is expected.

use std::any::Any;
use std::ops::Deref;
use std::time::Duration;

use rustix::process::Signal;

use crate::agent::Agent;
use crate::bench::{Bench, Launch};
use crate::gate::Mode;

/// The kinds of fault: the columns of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Error,
    Hang,
    Slow,
    Flood,
    Garbage,
    Disappears,
    Changed,
}

pub(crate) use Fault::{Changed, Disappears, Error, Flood, Garbage, Hang, Slow};

impl Fault {
    pub(crate) const ALL: [Self; 7] = [Error, Hang, Slow, Flood, Garbage, Disappears, Changed];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Error => "error",
            Hang => "hang",
            Slow => "slow",
            Flood => "flood",
            Garbage => "garbage",
            Disappears => "disappears",
            Changed => "comes back changed",
        }
    }
}

/// The state of the agent when the fault is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The fault is there before the first start.
    Start,
    /// A restart with a valid certificate; the fault is there before it.
    Restart,
    /// The agent runs, has no certificate, and repeats its first call: the server refuses connections. After the fault is made,
    /// the server is reachable.
    Waiting,
    /// The agent runs, and its request waits for approval.
    Pending,
    /// The agent runs with a valid certificate. After the fault is made, USR1 requests a renewal.
    Live,
    /// The agent runs with a valid certificate, and nothing requests a renewal.
    Idle,
}

impl State {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Start => "first start",
            Self::Restart => "restart",
            Self::Waiting => "no certificate",
            Self::Pending => "pending",
            Self::Live => "renewal",
            Self::Idle => "at rest",
        }
    }

    pub(crate) fn has_certificate(self) -> bool {
        matches!(self, Self::Restart | Self::Live | Self::Idle)
    }

    /// The line that a working agent logs sooner or later.
    pub(crate) fn well(self) -> &'static str {
        match self {
            Self::Start | Self::Waiting | Self::Pending | Self::Restart => "certificate 1 is live",
            Self::Live | Self::Idle => "certificate 2 is live",
        }
    }
}

/// What the agent does while the fault is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Under {
    /// It gets, renews or keeps its certificate in spite of the fault.
    Works,
    /// It continues to run, and tries again.
    Waits,
    /// It exits with this status.
    Exits(i32),
}

/// A bench, the agent on it, and what a fault holds open.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) agent: Option<Agent>,
    pub(crate) held: Vec<Box<dyn Any + Send>>,
}

impl Deref for World {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl World {
    /// Keeps a socket, a process or a lock until the fault ends.
    pub(crate) fn hold(&mut self, held: impl Any + Send) {
        self.held.push(Box::new(held));
    }

    pub(crate) fn running(&self) -> &Agent {
        self.agent.as_ref().expect("the agent was started")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running().signal(signal);
    }

    /// Runs a shell command in the namespaces of the agent, with capabilities.
    pub(crate) fn shell(&self, script: &str) {
        let status = self.inside(self.running(), &["sh", "-c", script]).status();
        assert!(status.is_ok_and(|status| status.success()), "{script}");
    }
}

pub(crate) type Step = fn(&mut World);

/// A cell.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) place: &'static str,
    pub(crate) fault: Fault,
    /// How the fault is made; or why the cell cannot exist.
    pub(crate) how: &'static str,
    /// `None` if the cell cannot exist.
    pub(crate) case: Option<Case>,
}

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) state: State,
    pub(crate) launch: Launch,
    /// Variables of the environment; a value of `None` removes one.
    pub(crate) environment: &'static [(&'static str, Option<&'static str>)],
    /// Whether the kubeconfigs have the server's name instead of its address.
    pub(crate) by_name: bool,
    pub(crate) make: Step,
    /// A text of the line that shows the fault; empty if the agent logs none.
    pub(crate) sign: &'static str,
    pub(crate) under: Under,
    pub(crate) mend: Step,
    /// The line after the fault; by default that of a certificate.
    pub(crate) well: Option<&'static str>,
    /// The longest time from the end of the fault to that line.
    pub(crate) bound: Duration,
    /// The log cannot be read: `certrotate status` shows this reason; an empty one if no line is lost.
    pub(crate) blind: Option<&'static str>,
    /// What the operator does for the recovery; empty if nothing.
    pub(crate) remedy: &'static str,
}

/// A cell whose fault is made by `make`, on a running agent without a certificate.
pub(crate) fn cell(place: &'static str, fault: Fault, how: &'static str, make: Step) -> Cell {
    let case = Case {
        state: State::Waiting,
        launch: Launch::USUAL,
        environment: &[],
        by_name: false,
        make,
        sign: "",
        under: Under::Works,
        mend: |world| {
            world.restore();
            world.gate.set(Mode::Open);
        },
        well: None,
        bound: Duration::from_secs(10),
        blind: None,
        remedy: "",
    };
    Cell { place, fault, how, case: Some(case) }
}

/// A cell that cannot exist.
pub(crate) fn none(place: &'static str, fault: Fault, why: &'static str) -> Cell {
    Cell { place, fault, how: why, case: None }
}

impl Cell {
    /// The case of a cell that can exist.
    pub(crate) fn case(&self) -> &Case {
        self.case.as_ref().expect("it can exist")
    }

    fn with(mut self, change: impl FnOnce(&mut Case)) -> Self {
        change(self.case.as_mut().expect("it can exist"));
        self
    }

    pub(crate) fn at(self, state: State) -> Self {
        self.with(|case| case.state = state)
    }

    /// Makes the fault before the first start, unless the state was chosen.
    pub(crate) fn before_the_start(mut self) -> Self {
        if let Some(case) = self.case.as_mut().filter(|case| case.state == State::Waiting) {
            case.state = State::Start;
        }
        self
    }

    pub(crate) fn launch(self, launch: Launch) -> Self {
        self.with(|case| case.launch = launch)
    }

    pub(crate) fn environment(self, environment: &'static [(&'static str, Option<&'static str>)]) -> Self {
        self.with(|case| case.environment = environment)
    }

    pub(crate) fn by_name(self) -> Self {
        self.with(|case| case.by_name = true)
    }

    /// The agent logs a line with this text.
    pub(crate) fn says(self, sign: &'static str) -> Self {
        assert!(sign.len() > 5, "{sign:?} may be in any time or name");
        self.with(|case| case.sign = sign)
    }

    /// The agent continues, and recovers within so many seconds after the end of the fault.
    pub(crate) fn waits(self, seconds: u64) -> Self {
        self.with(|case| (case.under, case.bound) = (Under::Waits, Duration::from_secs(seconds)))
    }

    pub(crate) fn exits(self, status: i32) -> Self {
        self.with(|case| case.under = Under::Exits(status))
    }

    /// Ends the fault in another way than by making all files good and the server reachable.
    pub(crate) fn mend(self, mend: Step) -> Self {
        self.with(|case| case.mend = mend)
    }

    /// After the end of the fault, the operator sends USR1.
    pub(crate) fn rotated(self) -> Self {
        self.remedy(" after USR1").with(|case| {
            case.mend = |world| {
                world.restore();
                world.signal(Signal::USR1);
            };
        })
    }

    /// The log cannot be read, and `certrotate status` shows this reason.
    pub(crate) fn blind(self, reason: &'static str) -> Self {
        self.with(|case| case.blind = Some(reason))
    }

    /// What the operator does for the recovery.
    pub(crate) fn remedy(self, remedy: &'static str) -> Self {
        self.with(|case| case.remedy = remedy)
    }

    /// The line by which the agent has recovered, or by which it works.
    pub(crate) fn well(self, well: &'static str) -> Self {
        self.with(|case| case.well = Some(well))
    }
}
