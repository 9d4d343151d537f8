//! Starts clusters of real nodes on free ports, and talks to them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a condition may take to hold. Far more than it ever needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at `condition` until it has something.
#[expect(clippy::disallowed_methods, reason = "a test that hangs has to end")]
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} does not happen");
        // sleep: other processes do not tell when the condition holds; it is looked at again.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ports that nobody has at the moment.
fn free_ports(count: usize) -> Vec<u16> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").unwrap();
    let taken: Vec<TcpListener> = (0..count).map(bind).collect();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    taken.iter().map(port).collect()
}

/// A cluster of processes, which are killed when it is dropped.
pub(crate) struct Cluster {
    dir: TempDir,
    members: Vec<(u16, u16)>,
    args: Vec<Vec<String>>,
    nodes: Vec<Option<Node>>,
}

/// A process.
struct Node {
    child: Child,
    admin: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    /// `count` nodes; another process may take a port before they do, then with others.
    pub(crate) fn start(count: usize) -> Cluster {
        Cluster::start_with(count, |_, _| Vec::new())
    }

    /// The same, each with arguments of its own. These are given a directory, and the node's number.
    pub(crate) fn start_with(
        count: usize,
        args: impl Fn(&TempDir, usize) -> Vec<String>,
    ) -> Cluster {
        for _ in 0..10 {
            let ports = free_ports(2 * count);
            let dir = TempDir::new().unwrap();
            let mut cluster = Cluster {
                members: ports.chunks(2).map(|pair| (pair[0], pair[1])).collect(),
                args: (0..count).map(|id| args(&dir, id)).collect(),
                dir,
                nodes: Vec::new(),
            };
            let spawn = |id| cluster.spawn(id);
            let children: Vec<Child> = (0..count).map(spawn).collect();
            let nodes = children.into_iter().enumerate();
            cluster.nodes = nodes.map(|(id, child)| ready(id, child)).collect();
            if cluster.nodes.iter().all(Option::is_some) {
                return cluster;
            }
        }
        panic!("no free ports")
    }

    fn spawn(&self, id: usize) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-cluster"));
        command.env_clear().args(["--admin", "127.0.0.1:0"]);
        command.args(["--node-id", &id.to_string()]);
        command.args(&self.args[id]);
        command
            .arg("--data-dir")
            .arg(self.dir.path().join(format!("n{id}")));
        for (id, (client, peer)) in self.members.iter().enumerate() {
            let member = format!("{id}=127.0.0.1:{client}@127.0.0.1:{peer}");
            command.args(["--member", &member]);
        }
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log_path(id))
            .unwrap();
        let piped = command.stdout(Stdio::piped()).stderr(log);
        piped.spawn().unwrap()
    }

    fn log_path(&self, id: usize) -> PathBuf {
        self.dir.path().join(format!("log{id}"))
    }

    /// What a node has logged.
    pub(crate) fn log(&self, id: usize) -> String {
        std::fs::read_to_string(self.log_path(id)).unwrap()
    }

    /// Starts a node again that was killed or stopped.
    pub(crate) fn restart(&mut self, id: usize) {
        self.nodes[id] = Some(ready(id, self.spawn(id)).expect("its ports are still free"));
    }

    /// Starts a node that the others do not know yet; its number.
    pub(crate) fn start_joining(&mut self) -> usize {
        let id = self.members.len();
        let ports = free_ports(2);
        self.members.push((ports[0], ports[1]));
        self.args.push(vec!["--join".to_owned()]);
        let node = ready(id, self.spawn(id));
        self.nodes
            .push(Some(node.expect("its ports were free just now")));
        id
    }

    /// The directory that nodes' arguments were made with.
    pub(crate) fn dir(&self) -> &TempDir {
        &self.dir
    }

    pub(crate) fn kill(&mut self, id: usize) {
        self.nodes[id] = None;
    }

    /// Asks a node to stop; what it exits with.
    pub(crate) fn stop(&mut self, id: usize) -> Option<i32> {
        let mut node = self.nodes[id].take().unwrap();
        let pid = i32::try_from(node.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        node.child.wait().unwrap().code()
    }

    pub(crate) fn client_address(&self, id: usize) -> String {
        format!("127.0.0.1:{}", self.members[id].0)
    }

    pub(crate) fn peer_address(&self, id: usize) -> String {
        format!("127.0.0.1:{}", self.members[id].1)
    }

    /// A connection to a node.
    pub(crate) fn connect(&self, id: usize) -> Resp {
        Resp::connect(&self.client_address(id))
    }

    /// What an admin address answers: status line and all.
    pub(crate) fn http(&self, id: usize, path: &str) -> String {
        let node = self.nodes[id].as_ref().unwrap();
        let mut stream = TcpStream::connect(&node.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn is_ready(&self, id: usize) -> bool {
        self.http(id, "/readyz").starts_with("HTTP/1.1 200")
    }

    /// The node's state.
    pub(crate) fn status(&self, id: usize) -> serde_json::Value {
        let answer = self.http(id, "/status");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|id| self.nodes[*id].is_some())
    }

    /// Waits until all running nodes are ready and follow one leader; who that is.
    pub(crate) fn leader(&self) -> usize {
        wait_for("a leader that all agree on", || {
            if !self.running().all(|id| self.is_ready(id)) {
                return None;
            }
            let leader_of = |id| self.status(id)["cluster"]["leader_id"].as_u64();
            let mut leaders: Vec<_> = self.running().map(leader_of).collect();
            leaders.dedup();
            match leaders[..] {
                [Some(leader)] => {
                    let leader = usize::try_from(leader).unwrap();
                    self.nodes[leader].is_some().then_some(leader)
                }
                _ => None,
            }
        })
    }

    /// A running node other than `not`.
    pub(crate) fn other_than(&self, not: usize) -> usize {
        self.running().find(|id| *id != not).unwrap()
    }
}

/// Waits until a node serves; `None` if it ends instead.
fn ready(id: usize, mut child: Child) -> Option<Node> {
    let stdout = child.stdout.take().unwrap();
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let Some(json) = line.strip_prefix("READY ") else {
        let _ = child.wait();
        return None;
    };
    let ready: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(ready["mode"], "raft");
    assert_eq!(ready["node_id"], id);
    let admin = ready["admin"].as_str().unwrap().to_owned();
    Some(Node { child, admin })
}

/// A RESP connection that asks one thing at a time.
pub(crate) struct Resp(BufReader<TcpStream>);

impl Resp {
    fn connect(address: &str) -> Resp {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Resp(BufReader::new(stream))
    }

    /// The reply to an inline command: a line, or the text behind one that announces it.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        write!(self.0.get_mut(), "{request}\r\n").unwrap();
        let line = self.line();
        match line.strip_prefix('$') {
            Some("-1") | None => line,
            Some(_) => self.line(),
        }
    }

    /// The reply to a SET of any value.
    pub(crate) fn set(&mut self, key: &str, value: &[u8]) -> String {
        let (key_len, value_len) = (key.len(), value.len());
        let stream = self.0.get_mut();
        write!(
            stream,
            "*3\r\n$3\r\nSET\r\n${key_len}\r\n{key}\r\n${value_len}\r\n"
        )
        .unwrap();
        stream.write_all(value).unwrap();
        write!(stream, "\r\n").unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
