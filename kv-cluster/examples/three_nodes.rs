//! Three nodes in one process: a write on one of them, read on another.
//!
//! ```sh
//! cargo run -p kv-cluster --example three_nodes
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use kv_cluster::{Cluster, ClusterOptions, MemberAddress, MemberSettings, NodeId};
use kv_node::backend::Backend;
use kv_node::server::{RunningServer, Server, ServerSettings};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let dir = tempfile::tempdir()?;
    let members = members()?;
    let mut nodes = Vec::new();
    for member in &members {
        let data_dir = dir.path().join(member.id.to_string());
        let backend = Arc::new(Cluster::open(&options(member, &members, data_dir)?)?);
        let settings = ServerSettings {
            listen: member.client.parse()?,
            admin: "127.0.0.1:0".parse()?,
            ..ServerSettings::default()
        };
        let server: RunningServer<Cluster> =
            runtime.block_on(Server::start(settings, Arc::clone(&backend)))?;
        nodes.push((backend, server));
    }
    while !nodes.iter().all(|(backend, _)| backend.status().ready) {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{}", ask(&members[0], "SET greeting hello")?);
    println!("{}", ask(&members[2], "INCR visits")?);
    println!("{}", ask(&members[1], "GET greeting")?);
    for (_, server) in nodes {
        runtime.block_on(server.shutdown());
    }
    Ok(())
}

/// Three members on ports that nobody has at the moment.
fn members() -> Result<Vec<MemberAddress>, Failure> {
    let bind = |_| TcpListener::bind("127.0.0.1:0");
    let taken = (0..6).map(bind).collect::<Result<Vec<_>, _>>()?;
    let address = |place: usize| taken[place].local_addr().map(|found| found.to_string());
    let member = |place: usize| -> Result<MemberAddress, Failure> {
        Ok(MemberAddress {
            id: NodeId(place as u64),
            client: address(2 * place)?,
            peer: address(2 * place + 1)?,
        })
    };
    (0..3).map(member).collect()
}

fn options(
    own: &MemberAddress,
    members: &[MemberAddress],
    data_dir: std::path::PathBuf,
) -> Result<ClusterOptions, Failure> {
    Ok(ClusterOptions {
        data_dir,
        member: MemberSettings {
            // Any number will do that no other data directory has.
            incarnation: own.id.0 + 1,
            ..MemberSettings::new(own.id, members.to_vec())
        },
        wal: kv_wal::Options::default(),
        message_bytes_max: ClusterOptions::MESSAGE_BYTES_MIN,
        snapshot_bytes_per_second: 0,
        peer_listen: own.peer.parse()?,
        secret: None,
        detours: Vec::new(),
    })
}

/// What a node answers to a command, in so many words.
fn ask(member: &MemberAddress, command: &str) -> Result<String, Failure> {
    let mut stream = BufReader::new(TcpStream::connect(&member.client)?);
    write!(stream.get_mut(), "{command}\r\n")?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if line.starts_with('$') {
        line.clear();
        stream.read_line(&mut line)?;
    }
    Ok(format!(
        "node {}: {command} → {}",
        member.id,
        line.trim_end()
    ))
}
