//! A driver in one thread around poll(2): non-blocking sockets for the calls, and a timer that counts suspended time.
//!
//! Disk commands block the loop. On a disk that may hang, give them to a thread, as the example `threads` does.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use certrotate_core::{Action, Config, ExitReason, Generation, Input, OpId, Rotator, Template};
use certrotate_examples::{
    Answer, Cluster, Exchange, Live, Node, Outgoing, Parts, Sleep, conformance, quick_config,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use rustix::time::{timerfd_create, timerfd_settime};

/// A call on its way.
type Call = (OpId, Box<Exchange>, TcpStream);

/// Moves the bytes of every call until its socket blocks, and returns the answers of the calls that ended.
fn advance(calls: &mut Vec<Call>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (op, mut exchange, mut socket) in std::mem::take(calls) {
        match exchange.pump(&mut socket) {
            Some(ended) => answers.push(exchange.finish(ended)),
            None => calls.push((op, exchange, socket)),
        }
    }
    answers
}

/// Sleeps until a socket is ready, or for this time.
fn sleep(calls: &[Call], timer: &OwnedFd, longest: Duration) -> io::Result<()> {
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    // A timer of zero is off, so the shortest sleep is a nanosecond.
    let it_value = Timespec::try_from(longest.max(Duration::from_nanos(1))).map_err(io::Error::other)?;
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value })?;
    let mut waits = vec![PollFd::new(timer, PollFlags::IN)];
    waits.extend(calls.iter().map(|(_, exchange, socket)| {
        PollFd::new(socket, if exchange.is_writing() { PollFlags::OUT } else { PollFlags::IN })
    }));
    match poll(&mut waits, None) {
        // A signal woke it: the loop gives a tick, which does no harm.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Begins a connection without waiting for it.
fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    match connect(&socket, &server) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// Drives one rotator, until core exits after `is_enough`. Returns `None` where the kit killed it.
fn drive<P: Parts>(
    config: Config,
    parts: &P,
    mut is_enough: impl FnMut() -> bool,
) -> io::Result<Option<ExitReason>> {
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let (mut rotator, mut calls) = (Rotator::new(config, parts.run_id()), Vec::<Call>::new());
    let mut answers = VecDeque::from([Answer::from(Input::Tick)]);
    loop {
        answers.extend(advance(&mut calls));
        let Some(Answer { input, staged }) = answers.pop_front() else {
            let Some(longest) = rotator.sleep(parts.now()) else { return Ok(None) };
            match parts.sleep(longest) {
                Sleep::Until(longest) => sleep(&calls, &timer, longest)?,
                Sleep::Woken(answer) => answers.push_back(answer),
                Sleep::Killed => return Ok(None),
            }
            // Nothing was ready: the time is over.
            let input = if is_enough() { Input::Shutdown } else { Input::Tick };
            if answers.is_empty() {
                answers.push_back(input.into())
            }
            continue;
        };
        parts.accept(staged, &input);
        let now = parts.now();
        let step = rotator.step(now, input.clone());
        parts.stepped(now, &input, &step);
        let mut exit = None;
        for action in step.actions {
            match action {
                Action::Disk { .. } | Action::MakeKey { .. } => answers.push_back(parts.finish(&action)),
                Action::Call { op, call, credential } => match parts.call(op, call, credential) {
                    Outgoing::Exchange(exchange) => match open(exchange.server()) {
                        Ok(socket) => calls.push((op, exchange, socket)),
                        Err(error) => answers.push_back(exchange.finish(Err(error))),
                    },
                    Outgoing::Answered(answer) => answers.push_back(answer),
                    Outgoing::Simulated => {}
                },
                Action::Cancel { op } => {
                    calls.retain(|(calling, ..)| *calling != op);
                    parts.apply(&action);
                }
                Action::Exit(reason) => exit = Some(reason),
                Action::GoLive { .. } | Action::Withdraw { .. } | Action::Report(_) => parts.apply(&action),
            }
        }
        parts.erase(&step.erase);
        if exit.is_some() {
            return Ok(exit);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(config, &kit, || false))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let template = Template::kubelet_client("node-1");
    let node = Node::new("kubelet-client", home.path(), template.clone(), cluster.api(&live), live.clone())?;
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_third = || live.current().is_some_and(|identity| identity.generation >= Generation(3));
    let reason = drive(quick_config(template)?, &node, || is_third() || Instant::now() > deadline)?;
    assert!(is_third(), "the third certificate is live");
    assert_eq!(reason, Some(ExitReason::Shutdown));
    println!("poll: three certificates in turn in one thread, and a clean stop");
    Ok(())
}
