//! A driver with threads and channels of the standard library: one thread for disk and keys, one for each call.

use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use certrotate_core::{Action, Config, ExitReason, Input, Rotator, Template};
use certrotate_examples::{Answer, Cluster, Live, Node, Outgoing, Parts, Sleep, conformance, quick_config};

/// The longest wait of this example for a certificate.
const DEADLINE: Duration = Duration::from_secs(30);

/// Drives one rotator. Answers, and requests of the operator, come through the channel. Returns `None` where the kit killed it.
pub(crate) fn drive<P: Parts>(
    config: Config,
    parts: &P,
    ends: (Sender<Answer>, Receiver<Answer>),
) -> Option<ExitReason> {
    let (answers, inbox) = ends;
    let (work, actions) = channel::<Action>();
    thread::scope(|scope| {
        // One thread carries out disk commands in their order. A slow disk delays no expiry: the loop goes on meanwhile.
        // It ends before this function returns, so the store is no longer used then.
        let done = answers.clone();
        scope.spawn(move || actions.iter().all(|action| done.send(parts.finish(&action)).is_ok()));
        step_until_exit(config, parts, work, &answers, &inbox)
    })
}

fn step_until_exit<P: Parts>(
    config: Config,
    parts: &P,
    work: Sender<Action>,
    answers: &Sender<Answer>,
    inbox: &Receiver<Answer>,
) -> Option<ExitReason> {
    let mut rotator = Rotator::new(config, parts.run_id());
    let mut answer = Answer::from(Input::Tick);
    loop {
        parts.accept(answer.staged, &answer.input);
        let now = parts.now();
        let step = rotator.step(now, answer.input.clone());
        parts.stepped(now, &answer.input, &step);
        let mut exit = None;
        for action in step.actions {
            match action {
                // The worker and the inbox live as long as this loop: sending cannot fail.
                Action::Disk { .. } | Action::MakeKey { .. } => drop(work.send(action)),
                Action::Call { op, call, credential } => match parts.call(op, call, credential) {
                    Outgoing::Exchange(exchange) => {
                        let answers = answers.clone();
                        // The answer of a call that core gave up does no harm: core ignores it.
                        thread::spawn(move || drop(answers.send(exchange.run())));
                    }
                    Outgoing::Answered(answer) => drop(answers.send(answer)),
                    Outgoing::Simulated => {}
                },
                Action::Exit(reason) => exit = Some(reason),
                Action::GoLive { .. }
                | Action::Withdraw { .. }
                | Action::Report(_)
                | Action::Cancel { .. } => {
                    parts.apply(&action);
                }
            }
        }
        parts.erase(&step.erase);
        if exit.is_some() {
            return exit;
        }
        answer = match parts.sleep(rotator.sleep(parts.now())?) {
            Sleep::Until(longest) => inbox.recv_timeout(longest).unwrap_or_else(|_| Input::Tick.into()),
            Sleep::Woken(answer) => answer,
            Sleep::Killed => return None,
        };
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(config, &kit, channel()))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let template = Template::kubelet_client("node-1");
    let node = Node::new("kubelet-client", home.path(), template.clone(), cluster.api(&live), live)?;
    let (answers, inbox) = channel();
    let running = thread::spawn({
        let (config, node, answers) = (quick_config(template)?, node.clone(), answers.clone());
        move || drive(config, &node, (answers, inbox))
    });
    let first = node.live().wait(1, DEADLINE)?;
    let third = node.live().wait(3, DEADLINE)?;
    assert!(
        third.not_before <= first.not_after,
        "the third certificate is there before the first one expires"
    );
    answers.send(Input::Shutdown.into())?;
    let reason = running.join().map_err(|_| "the loop panicked")?;
    assert_eq!(reason, Some(ExitReason::Shutdown));
    println!("threads: three certificates in turn, and a clean stop");
    Ok(())
}
