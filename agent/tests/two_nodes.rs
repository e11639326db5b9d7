//! Two nodes in one process, with real files, real TLS and the embedded control plane.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certrotate::node::{Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::input::ExitReason;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

fn options(plane: &Handle, directory: &Path, node: &str) -> NodeOptions {
    let mut options = NodeOptions::new(node, directory);
    options.bootstrap_kubeconfig = plane.bootstrap_kubeconfig_path();
    options
}

#[tokio::test]
async fn two_nodes_of_one_process_get_certificates_and_end_alone() {
    let home = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(Options { dir: Some(home.path().join("plane")), ..Options::default() });
    let plane = plane.await.unwrap();
    let directories = ["one", "two"].map(|name| home.path().join(name));
    let nodes = [("node-1", &directories[0]), ("node-2", &directories[1])]
        .map(|(node, directory)| Node::new(&options(&plane, directory, node), Box::new(|_| {})).unwrap());
    let (lives, controls) = (nodes.each_ref().map(Node::live), nodes.each_ref().map(Node::control));
    let [one, two] = nodes.map(|node| tokio::spawn(node.run()));

    for live in &lives {
        timeout(LONG, live.subscribe().wait_for(Option::is_some)).await.unwrap().unwrap();
    }
    assert!(directories.iter().all(|directory| directory.join("kubelet-client-current.pem").exists()));
    let names =
        lives.each_ref().map(|live| live.current_now().unwrap().summary().subject.common_name.clone());
    assert_eq!(names, ["system:node:node-1", "system:node:node-2"]);

    controls[0].shutdown();
    assert_eq!(timeout(LONG, one).await.unwrap().unwrap(), ExitReason::Shutdown);
    assert!(lives[1].current_now().is_some(), "the other node goes on");
    // The first directory is free again, in the same process.
    let again = Node::new(&options(&plane, &directories[0], "node-1"), Box::new(|_| {})).unwrap();
    let (live, control) = (again.live(), again.control());
    let again = tokio::spawn(again.run());
    timeout(LONG, live.subscribe().wait_for(Option::is_some)).await.unwrap().unwrap();
    for control in [&control, &controls[1]] {
        control.shutdown();
    }
    for ended in [again, two] {
        assert_eq!(timeout(LONG, ended).await.unwrap().unwrap(), ExitReason::Shutdown);
    }
    plane.shutdown().await;
}

/// Keeps the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn second_node_in_the_same_directory_is_refused_by_its_reason() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let home = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(Options { dir: Some(home.path().join("plane")), ..Options::default() });
    let plane = plane.await.unwrap();
    let directory = home.path().join("pki");
    let first = Node::new(&options(&plane, &directory, "node-1"), Box::new(|_| {})).unwrap();
    let (live, control) = (first.live(), first.control());
    let first = tokio::spawn(first.run());
    timeout(LONG, live.subscribe().wait_for(Option::is_some)).await.unwrap().unwrap();

    let second = Node::new(&options(&plane, &directory, "node-1"), Box::new(|_| {})).unwrap();
    assert_eq!(timeout(LONG, second.run()).await.unwrap(), ExitReason::Locked);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let reason = "this process holds its lock already, for another node or store; give each node a directory of its own";
    assert!(text.contains(reason) && !text.contains("another process"), "{text}");
    assert!(live.current_now().is_some(), "the first node goes on");
    control.shutdown();
    assert_eq!(timeout(LONG, first).await.unwrap().unwrap(), ExitReason::Shutdown);
    plane.shutdown().await;
}
