//! The agent as a process of its own: `certrotate run`, killed and started again.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::rehearsal::Orders;

/// What an agent is started with.
#[derive(Clone, Debug)]
pub(super) struct Flags {
    pub(super) cert_dir: PathBuf,
    pub(super) bootstrap_kubeconfig: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) client_ca_file: PathBuf,
    pub(super) node_name: &'static str,
    /// Where its log goes.
    pub(super) log: PathBuf,
}

/// The process, and how its clock and disk are.
#[derive(Debug)]
pub(super) struct Agent {
    flags: Flags,
    child: Child,
    orders: Orders,
    /// How often it was killed.
    pub(super) kills: u32,
}

impl Agent {
    pub(super) fn start(flags: Flags) -> io::Result<Self> {
        let orders = Orders::default();
        let child = spawn(&flags, orders)?;
        Ok(Self { flags, child, orders, kills: 0 })
    }

    /// What becomes of clock and disk from now on, over its restarts, too.
    pub(super) fn order(&mut self, change: impl FnOnce(&mut Orders)) -> io::Result<()> {
        change(&mut self.orders);
        tell(&mut self.child, self.orders)
    }

    /// SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.still_runs()?;
        self.child.kill()?;
        self.child.wait()?;
        self.kills += 1;
        Ok(())
    }

    pub(super) fn start_again(&mut self) -> io::Result<()> {
        self.child = spawn(&self.flags, self.orders)?;
        Ok(())
    }

    /// SIGUSR1: rotate now.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.still_runs()?;
        Ok(kill_process(Pid::from_child(&self.child), Signal::USR1)?)
    }

    /// It never ends by itself.
    pub(super) fn still_runs(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "the agent ended by itself: {status}; its log is {}",
                self.flags.log.display()
            ))),
        }
    }

    /// SIGTERM, and its exit status.
    pub(super) fn end(mut self) -> io::Result<Option<i32>> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // After `end` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(flags: &Flags, orders: Orders) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&flags.log)?;
    let flag = |command: &mut Command, name: &str, value: &Path| {
        command.arg(name).arg(value);
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", "--rehearsal", "--node-name", flags.node_name]);
    flag(&mut command, "--cert-dir", &flags.cert_dir);
    flag(&mut command, "--bootstrap-kubeconfig", &flags.bootstrap_kubeconfig);
    flag(&mut command, "--kubeconfig", &flags.kubeconfig);
    flag(&mut command, "--client-ca-file", &flags.client_ca_file);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
    tell(&mut child, orders)?;
    Ok(child)
}

fn tell(child: &mut Child, orders: Orders) -> io::Result<()> {
    let stdin = child.stdin.as_mut().ok_or_else(|| io::Error::other("the agent has no standard input"))?;
    writeln!(stdin, "{orders}")?;
    stdin.flush()
}
