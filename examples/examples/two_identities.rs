//! Two identities in one process and one loop: a client certificate and a serving certificate, each with its own directory,
//! keys, `RunId` and seed. One reading of the clocks serves both. The serving request goes out with the client identity.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use certrotate_core::{Action, Config, Input, Rotator, Template};
use certrotate_examples::{
    Answer, Cluster, Kubernetes, Live, Node, Outgoing, Parts, Sleep, conformance, quick_config,
};

/// An answer, and the number of its machine.
type Message = (usize, Answer);

/// One identity: its state, its parts, and the thread of its directory.
struct Machine<P> {
    rotator: Rotator,
    parts: P,
    work: Sender<Action>,
    has_exited: bool,
}

impl<P: Parts> Machine<P> {
    fn start((number, (config, parts)): (usize, (Config, P)), answers: &Sender<Message>) -> Self {
        let (work, actions) = channel::<Action>();
        let (worker, answers) = (parts.clone(), answers.clone());
        thread::spawn(move || {
            actions.iter().all(|action| answers.send((number, worker.finish(&action))).is_ok())
        });
        Self { rotator: Rotator::new(config, parts.run_id()), parts, work, has_exited: false }
    }

    fn step(&mut self, number: usize, answer: Answer, answers: &Sender<Message>) {
        self.parts.accept(answer.staged, &answer.input);
        let now = self.parts.now();
        let step = self.rotator.step(now, answer.input.clone());
        self.parts.stepped(now, &answer.input, &step);
        for action in step.actions {
            match action {
                Action::Disk { .. } | Action::MakeKey { .. } => drop(self.work.send(action)),
                Action::Call { op, call, credential } => match self.parts.call(op, call, credential) {
                    Outgoing::Exchange(exchange) => {
                        let answers = answers.clone();
                        thread::spawn(move || drop(answers.send((number, exchange.run()))));
                    }
                    Outgoing::Answered(answer) => drop(answers.send((number, answer))),
                    Outgoing::Simulated => {}
                },
                Action::Exit(_) => self.has_exited = true,
                Action::GoLive { .. }
                | Action::Withdraw { .. }
                | Action::Report(_)
                | Action::Cancel { .. } => {
                    self.parts.apply(&action);
                }
            }
        }
        self.parts.erase(&step.erase);
    }
}

/// Drives these machines until all have exited, or the kit kills the process.
fn drive<P: Parts>(identities: Vec<(Config, P)>, (answers, inbox): (Sender<Message>, Receiver<Message>)) {
    let identities = identities.into_iter().enumerate();
    let mut machines: Vec<_> = identities.map(|identity| Machine::start(identity, &answers)).collect();
    let mut queue: VecDeque<Message> =
        (0..machines.len()).map(|number| (number, Input::Tick.into())).collect();
    while !machines.iter().all(|machine| machine.has_exited) {
        if let Some((number, answer)) = queue.pop_front() {
            machines[number].step(number, answer, &answers);
            continue;
        }
        // One clock check for all: the shortest of their sleeps.
        let now = machines[0].parts.now();
        let Some(longest) = machines.iter().filter_map(|machine| machine.rotator.sleep(now)).min() else {
            return;
        };
        match machines[0].parts.sleep(longest) {
            Sleep::Until(longest) => queue.extend(inbox.recv_timeout(longest)),
            Sleep::Woken(answer) => queue.push_back((0, answer)),
            Sleep::Killed => return,
        }
        let now = machines[0].parts.now();
        let is_due = |machine: &Machine<P>| machine.rotator.sleep(now).is_some_and(|left| left.is_zero());
        if queue.is_empty() {
            let due = machines.iter().enumerate().filter(|(_, machine)| is_due(machine));
            queue.extend(due.map(|(number, _)| (number, Input::Tick.into())));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(vec![(config, kit)], channel()))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, client, server) = (tempfile::tempdir()?, Live::default(), Live::default());
    let api = cluster.api(&client);
    // The serving identity never logs in itself: its calls carry the client certificate.
    let behind = Kubernetes { bootstrap: api.live.clone(), ..api.clone() };
    let templates =
        (Template::kubelet_client("node-1"), Template::kubelet_serving("node-1", &["localhost"], &[]));
    let (clients, servers) = (home.path().join("client"), home.path().join("serving"));
    let first = Node::new("kubelet-client", &clients, templates.0.clone(), api, client.clone())?;
    let second = Node::new("kubelet-server", &servers, templates.1.clone(), behind, server.clone())?;
    let (answers, inbox) = channel();
    let machines = vec![(quick_config(templates.0)?, first), (quick_config(templates.1)?, second)];
    let running = thread::spawn({
        let answers = answers.clone();
        move || drive(machines, (answers, inbox))
    });
    let deadline = Duration::from_secs(30);
    client.wait(2, deadline)?;
    server.wait(2, deadline)?;
    answers.send((0, Input::Shutdown.into()))?;
    answers.send((1, Input::Shutdown.into()))?;
    running.join().map_err(|_| "the loop panicked")?;
    let requests = cluster.stats().csrs;
    let serving: Vec<_> = requests.iter().filter(|csr| csr.signer_name.ends_with("serving")).collect();
    assert!(serving.len() >= 2, "one request for each serving certificate");
    for request in serving {
        assert_eq!(request.requestor, "system:node:node-1", "the client identity made the serving request");
    }
    println!(
        "two identities: both renewed, one loop, one clock check; a node requested its serving certificate"
    );
    Ok(())
}
