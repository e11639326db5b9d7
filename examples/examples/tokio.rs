//! A driver on tokio's single-threaded runtime: disk commands on the blocking pool, each call in a task that core can cancel.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::time::Duration;

use certrotate_core::{Action, Config, ExitReason, Input, OpId, Rotator, Template};
use certrotate_examples::{
    Answer, Cluster, Exchange, Live, Node, Outgoing, Parts, Sleep, conformance, quick_config,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, spawn_blocking};

/// A socket of tokio as an exchange wants it: it never blocks.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn carry(mut exchange: Box<Exchange>) -> Answer {
    let ended = move_bytes(&mut exchange).await;
    exchange.finish(ended)
}

async fn move_bytes(exchange: &mut Exchange) -> io::Result<()> {
    let socket = TcpStream::connect(exchange.server()).await?;
    loop {
        if let Some(ended) = exchange.pump(&mut Ready(&socket)) {
            return ended;
        }
        if exchange.is_writing() {
            socket.writable().await?;
        } else {
            socket.readable().await?;
        }
    }
}

/// The ends of the channel of answers, and of requests of the operator.
pub(crate) type Channel = (UnboundedSender<Answer>, UnboundedReceiver<Answer>);

/// Drives one rotator. Returns `None` where the kit killed it.
pub(crate) async fn drive<P: Parts>(
    config: Config,
    parts: P,
    (answers, mut inbox): Channel,
) -> Option<ExitReason> {
    let (work, mut actions) = unbounded_channel::<Action>();
    // One task, so that disk commands are carried out in their order.
    let worker = tokio::spawn({
        let (parts, answers) = (parts.clone(), answers.clone());
        async move {
            while let Some(action) = actions.recv().await {
                let parts = parts.clone();
                let done = spawn_blocking(move || parts.finish(&action)).await;
                if done.is_ok_and(|answer| answers.send(answer).is_err()) {
                    return;
                }
            }
        }
    });
    let mut rotator = Rotator::new(config, parts.run_id());
    let mut calls = BTreeMap::<OpId, AbortHandle>::new();
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
                Action::Disk { .. } | Action::MakeKey { .. } => drop(work.send(action)),
                Action::Call { op, call, credential } => match parts.call(op, call, credential) {
                    Outgoing::Exchange(exchange) => {
                        let answers = answers.clone();
                        let task = tokio::spawn(async move { drop(answers.send(carry(exchange).await)) });
                        calls.insert(op, task.abort_handle());
                    }
                    Outgoing::Answered(answer) => drop(answers.send(answer)),
                    Outgoing::Simulated => {}
                },
                Action::Cancel { op } => {
                    calls.remove(&op).inspect(AbortHandle::abort);
                    parts.apply(&action);
                }
                Action::Exit(reason) => exit = Some(reason),
                Action::GoLive { .. } | Action::Withdraw { .. } | Action::Report(_) => parts.apply(&action),
            }
        }
        parts.erase(&step.erase);
        let Some(longest) = rotator.sleep(parts.now()).filter(|_| exit.is_none()) else { break exit };
        answer = match parts.sleep(longest) {
            Sleep::Until(longest) => match tokio::time::timeout(longest, inbox.recv()).await {
                Ok(Some(answer)) => answer,
                Ok(None) | Err(_) => Input::Tick.into(),
            },
            Sleep::Woken(answer) => answer,
            Sleep::Killed => break None,
        };
    };
    calls.into_values().for_each(|call| call.abort());
    drop(work);
    // The store is no longer used when this returns. An error is a panic of the worker, which was reported.
    let _ = worker.await;
    reason
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    conformance(|config, kit| runtime.block_on(drive(config, kit, unbounded_channel())))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let template = Template::kubelet_client("node-1");
    let node = Node::new("kubelet-client", home.path(), template.clone(), cluster.api(&live), live.clone())?;
    let (answers, inbox) = unbounded_channel();
    let config = quick_config(template)?;
    let reason = runtime.block_on(async {
        let running = tokio::spawn(drive(config, node, (answers.clone(), inbox)));
        let third = spawn_blocking(move || live.wait(3, Duration::from_secs(30))).await;
        drop(answers.send(Input::Shutdown.into()));
        third.map_err(|error| error.to_string())??;
        running.await.map_err(|error| error.to_string())
    })?;
    assert_eq!(reason, Some(ExitReason::Shutdown));
    println!("tokio: three certificates in turn, and a clean stop");
    Ok(())
}
