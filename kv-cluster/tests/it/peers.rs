//! Who may take part.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Cluster, wait_for};

/// Writes a secret to a node's file of it; the file.
fn write_secret(dir: &TempDir, id: usize, secret: &str) -> String {
    let path = dir.path().join(format!("secret{id}"));
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_node_with_another_secret_stays_outside_and_both_sides_say_why() {
    let mut cluster = Cluster::start_with(3, |dir, id| {
        let file = write_secret(dir, id, "right");
        vec!["--cluster-secret-file".to_owned(), file]
    });
    cluster.leader();
    cluster.kill(2);
    write_secret(cluster.dir(), 2, "wrong");
    cluster.restart(2);
    for id in 0..3 {
        wait_for("that it says why", || {
            cluster.log(id).contains("secrets differ").then_some(())
        });
    }
    wait_for("a leader of two", || {
        (cluster.is_ready(0) && cluster.is_ready(1)).then_some(())
    });
    assert_eq!(cluster.connect(0).ask("SET k v"), "+OK");
    assert!(!cluster.is_ready(2));
}

#[test]
fn a_node_that_is_not_among_the_members_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_kv-cluster"))
        .env_clear()
        .args(["--node-id=7", "--data-dir=unused"])
        .args(["--member", "0=127.0.0.1:1@127.0.0.1:2"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("--member 7="), "{stderr}");
}

#[test]
fn peers_on_an_address_that_others_can_reach_need_a_secret() {
    let dir = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kv-cluster"))
        .env_clear()
        .args(["--node-id=0", "--admin=127.0.0.1:0", "--listen=127.0.0.1:0"])
        .args(["--member", "0=127.0.0.1:1@0.0.0.0:0", "--data-dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("--cluster-secret-file"), "{stderr}");
}
