//! A driver on smol: disk commands on the blocking pool, and each call in a task. To drop the task is to cancel the call.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use certrotate_core::{Action, Config, ExitReason, Input, OpId, Rotator, Template};
use certrotate_examples::{
    Answer, Cluster, Exchange, Live, Node, Outgoing, Parts, Sleep, conformance, quick_config,
};
use smol::channel::{Receiver, Sender, unbounded};
use smol::{Async, Task, Timer, unblock};

async fn carry(mut exchange: Box<Exchange>) -> Answer {
    let ended = move_bytes(&mut exchange).await;
    exchange.finish(ended)
}

async fn move_bytes(exchange: &mut Exchange) -> io::Result<()> {
    let socket = Async::<TcpStream>::connect(exchange.server()).await?;
    loop {
        if let Some(ended) = exchange.pump(&mut socket.get_ref()) {
            return ended;
        }
        if exchange.is_writing() {
            socket.writable().await?;
        } else {
            socket.readable().await?;
        }
    }
}

/// Drives one rotator. Answers, and requests of the operator, come through the channel. Returns `None` where the kit killed it.
async fn drive<P: Parts>(
    config: Config,
    parts: P,
    (answers, inbox): (Sender<Answer>, Receiver<Answer>),
) -> Option<ExitReason> {
    let (work, actions) = unbounded::<Action>();
    // One task, so that disk commands are carried out in their order.
    let worker = smol::spawn({
        let (parts, answers) = (parts.clone(), answers.clone());
        async move {
            while let Ok(action) = actions.recv().await {
                let parts = parts.clone();
                if answers.send(unblock(move || parts.finish(&action)).await).await.is_err() {
                    return;
                }
            }
        }
    });
    let mut rotator = Rotator::new(config, parts.run_id());
    let mut calls = BTreeMap::<OpId, Task<()>>::new();
    let mut answer = Answer::from(Input::Tick);
    let reason = loop {
        if let Input::CallAnswered { op, .. } = &answer.input {
            calls.remove(op);
        }
        parts.accept(answer.staged, &answer.input);
        let now = parts.now();
        let step = rotator.step(now, answer.input.clone());
        parts.stepped(now, &answer.input, &step);
        let mut exit = None;
        for action in step.actions {
            match action {
                // Both channels have no bound, and live as long as this loop: sending cannot fail.
                Action::Disk { .. } | Action::MakeKey { .. } => drop(work.try_send(action)),
                Action::Call { op, call, credential } => match parts.call(op, call, credential) {
                    Outgoing::Exchange(exchange) => {
                        let answers = answers.clone();
                        let task = async move { drop(answers.send(carry(exchange).await).await) };
                        calls.insert(op, smol::spawn(task));
                    }
                    Outgoing::Answered(answer) => drop(answers.try_send(answer)),
                    Outgoing::Simulated => {}
                },
                Action::Cancel { op } => {
                    calls.remove(&op);
                    parts.apply(&action);
                }
                Action::Exit(reason) => exit = Some(reason),
                Action::GoLive { .. } | Action::Withdraw { .. } | Action::Report(_) => parts.apply(&action),
            }
        }
        parts.erase(&step.erase);
        let Some(longest) = rotator.sleep(parts.now()).filter(|_| exit.is_none()) else { break exit };
        answer = match parts.sleep(longest) {
            Sleep::Until(longest) => {
                let tick = async {
                    Timer::after(longest).await;
                    Input::Tick.into()
                };
                let next = async { inbox.recv().await.unwrap_or_else(|_| Input::Tick.into()) };
                smol::future::or(next, tick).await
            }
            Sleep::Woken(answer) => answer,
            Sleep::Killed => break None,
        };
    };
    drop((work, calls));
    // The store is no longer used when this returns.
    worker.await;
    reason
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| smol::block_on(drive(config, kit, unbounded())))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let template = Template::kubelet_client("node-1");
    let node = Node::new("kubelet-client", home.path(), template.clone(), cluster.api(&live), live.clone())?;
    let (answers, inbox) = unbounded();
    let running = smol::spawn(drive(quick_config(template)?, node, (answers.clone(), inbox)));
    live.wait(3, Duration::from_secs(30))?;
    answers.try_send(Input::Shutdown.into())?;
    assert_eq!(smol::block_on(running), Some(ExitReason::Shutdown));
    println!("smol: three certificates in turn, and a clean stop");
    Ok(())
}
