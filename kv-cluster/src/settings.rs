//! The settings of a node of a cluster, as flags, environment and file give them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use kv_node::config::{ByteSize, Period};
use kv_node::program::{StoreSettings, Sync};
use kv_node::report::{ExitCode, Report};
use kv_node::secret::Secret;
use kv_node::server::ServerSettings;

use crate::{ClusterOptions, MemberAddress, MemberSettings, NodeId};

/// Length of a tick. An election's and a heartbeat's time are counted in them.
const TICK_MS: u64 = 50;

/// What a message to a peer holds besides its largest entry.
const MESSAGE_BYTES_MORE: usize = 4 << 20;

/// Settings of a node's place in the cluster.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterSettings {
    /// This node's number, one of those in --member. Never give a number to another node again
    #[arg(long, env = "KV_NODE_ID", value_name = "N")]
    pub node_id: Option<u64>,

    /// A member of the cluster: its number, where clients connect to it, and where the other nodes
    /// do. Once for each member, this one included; the same on all of them. Counts for the first
    /// start only: from then on the members are part of the data
    #[arg(
        long,
        env = "KV_MEMBER",
        value_name = "N=CLIENT-ADDR@PEER-ADDR",
        value_delimiter = ','
    )]
    pub member: Vec<MemberAddress>,

    /// The cluster exists already, and `kv cluster add` adds this node to it
    #[arg(long, env = "KV_JOIN", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub join: bool,

    /// A number that all nodes of this cluster have, and no other cluster of yours: nodes of
    /// different clusters never talk to each other
    #[arg(long, env = "KV_CLUSTER_ID", value_name = "N", default_value_t = 0)]
    pub cluster_id: u64,

    /// File with the secret that nodes prove to each other to know; only its owner may read it.
    /// Without one, the node listens for its peers on loopback addresses only
    #[arg(long, env = "KV_CLUSTER_SECRET_FILE", value_name = "FILE")]
    pub cluster_secret_file: Option<PathBuf>,

    /// Where to listen for the other nodes, if that is not this node's own address in --member
    #[arg(long, env = "KV_PEER_LISTEN", value_name = "ADDR")]
    pub peer_listen: Option<SocketAddr>,

    /// Where to reach a node, if that is not its address in --member: through a proxy or a tunnel
    #[arg(
        long,
        env = "KV_PEER_VIA",
        value_name = "N=ADDR",
        value_delimiter = ','
    )]
    pub peer_via: Vec<Detour>,

    /// Time without a leader after which a node stands for election, up to twice as long; 300ms to
    /// 1m
    #[arg(long, env = "KV_ELECTION_TIMEOUT", value_name = "TIME", default_value = "500ms",
          value_parser = election_timeout)]
    pub election_timeout: Period,

    /// Whether the leader answers reads by itself while it can be sure that it leads, or asks a
    /// majority each time. It is sure for an election timeout minus --clock-drift-max
    #[arg(long, env = "KV_LEASE", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub lease: bool,

    /// How much faster one node's clock may run than another's, in percent, 0 to 50
    #[arg(long, env = "KV_CLOCK_DRIFT_MAX", value_name = "PERCENT", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(0..=50))]
    pub clock_drift_max: u64,

    /// How long a request waits for a leader or a majority, 100ms to 1m
    #[arg(long, env = "KV_REQUEST_TIMEOUT", value_name = "TIME", default_value = "5s",
          value_parser = request_timeout)]
    pub request_timeout: Period,

    /// Memory for entries of the log that a node that lags may still need; further back, it gets
    /// all data. 1MiB to 1TiB
    #[arg(long, env = "KV_LOG_MEMORY", value_name = "BYTES", default_value = "64MiB",
          value_parser = log_memory)]
    pub log_memory: ByteSize,

    /// A snapshot is due when the log has grown by this, or by the last one's size if that is
    /// more; 0: on demand only
    #[arg(
        long,
        env = "KV_SNAPSHOT_LOG",
        value_name = "BYTES",
        default_value = "256MiB"
    )]
    pub snapshot_log: ByteSize,
}

/// Where a peer is reached otherwise than at its own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// Which peer.
    pub id: NodeId,
    /// Where to dial it.
    pub address: String,
}

impl FromStr for Detour {
    type Err = String;

    fn from_str(text: &str) -> Result<Detour, String> {
        let (id, address) = text
            .split_once('=')
            .ok_or("write N=ADDR, as 1=127.0.0.1:9100")?;
        let id = id.trim().parse().map_err(|_| "the id is not a number")?;
        match address.is_empty() {
            true => Err("the address is empty".to_owned()),
            false => Ok(Detour {
                id: NodeId(id),
                address: address.to_owned(),
            }),
        }
    }
}

fn election_timeout(text: &str) -> Result<Period, String> {
    period_between(text, 300, 60_000)
}

fn request_timeout(text: &str) -> Result<Period, String> {
    period_between(text, 100, 60_000)
}

fn period_between(text: &str, min_ms: u64, max_ms: u64) -> Result<Period, String> {
    let period = text.parse::<Period>().map_err(|error| error.to_string())?;
    match (min_ms..=max_ms).contains(&period.as_ms()) {
        true => Ok(period),
        false => Err(format!("must be between {min_ms}ms and {max_ms}ms")),
    }
}

fn log_memory(text: &str) -> Result<ByteSize, String> {
    let size = text
        .parse::<ByteSize>()
        .map_err(|error| error.to_string())?;
    match (1 << 20..=1 << 40).contains(&size.0) {
        true => Ok(size),
        false => Err("must be between 1MiB and 1TiB".to_owned()),
    }
}

impl ClusterSettings {
    /// This node among the members.
    ///
    /// # Errors
    /// If it is not there.
    pub fn own(&self) -> Result<&MemberAddress, Report> {
        let usage = |what: String| Report::new(ExitCode::Usage, what);
        let Some(id) = self.node_id else {
            return Err(usage("no number is given for this node".to_owned())
                .cause("a node must know which of the members it is")
                .hint("use --node-id N"));
        };
        let mut members = self.member.iter();
        members.find(|member| member.id.0 == id).ok_or_else(|| {
            usage(format!("node {id} is not among the members"))
                .cause(format!("--member was given {} times", self.member.len()))
                .hint(format!(
                    "use --member {id}=127.0.0.1:6000@127.0.0.1:6100, and one for each other node"
                ))
        })
    }

    /// What these settings, those of the store and those of the server come to.
    ///
    /// # Errors
    /// If they contradict each other, or a file cannot be read.
    pub fn options(
        &self,
        store: &StoreSettings,
        server: &ServerSettings,
    ) -> Result<ClusterOptions, Report> {
        if store.sync != Sync::Always {
            return Err(Report::new(ExitCode::Usage, "--sync must be `always`")
                .cause("a node of a cluster must not forget what it told the others")
                .hint("leave --sync out"));
        }
        let own = self.own()?;
        let store = store.options(server)?;
        let secret = self.cluster_secret_file.as_deref().map(Secret::from_file);
        Ok(ClusterOptions {
            member: self.member_settings(own.id, &store)?,
            message_bytes_max: (store.wal.record_bytes_max + MESSAGE_BYTES_MORE)
                .max(ClusterOptions::MESSAGE_BYTES_MIN),
            data_dir: store.data_dir,
            wal: store.wal,
            snapshot_bytes_per_second: store.snapshot.bytes_per_second,
            peer_listen: match self.peer_listen {
                Some(address) => address,
                None => resolve(&own.peer)?,
            },
            secret: secret.transpose().map_err(|error| secret_report(&error))?,
            detours: self.detours(),
        })
    }

    fn member_settings(
        &self,
        own: NodeId,
        store: &kv_node::StoreOptions,
    ) -> Result<MemberSettings, Report> {
        let election_ticks = self.election_timeout.as_ms() / TICK_MS;
        Ok(MemberSettings {
            cluster_id: self.cluster_id,
            joining: self.join,
            incarnation: random()?,
            tick_ms: TICK_MS,
            election_ticks: usize::try_from(election_ticks).unwrap_or(usize::MAX),
            lease: self.lease,
            drift_percent_max: self.clock_drift_max,
            request_timeout_ms: self.request_timeout.as_ms(),
            log_memory_bytes_max: self.log_memory.0,
            snapshot_wal_bytes: self.snapshot_log.0,
            limits: store.limits.clone(),
            indexes: store.indexes.clone(),
            ..MemberSettings::new(own, self.member.clone())
        })
    }

    fn detours(&self) -> Vec<(u64, String)> {
        let detours = self.peer_via.iter();
        detours
            .map(|detour| (detour.id.0, detour.address.clone()))
            .collect()
    }

    /// The server's settings with this node's own address for clients, unless another was given.
    ///
    /// # Errors
    /// If the address cannot be resolved.
    pub fn server(&self, server: ServerSettings) -> Result<ServerSettings, Report> {
        let is_given = server.listen != ServerSettings::default().listen;
        Ok(ServerSettings {
            listen: match is_given {
                true => server.listen,
                false => resolve(&self.own()?.client)?,
            },
            ..server
        })
    }
}

/// An address to listen on.
fn resolve(address: &str) -> Result<SocketAddr, Report> {
    let report = || {
        Report::new(ExitCode::Usage, format!("cannot listen on {address}"))
            .hint("an address is HOST:PORT, as 127.0.0.1:6000")
    };
    let mut found = address
        .to_socket_addrs()
        .map_err(|error| report().cause(error))?;
    found
        .next()
        .ok_or_else(|| report().cause("the name has no address"))
}

fn secret_report(error: &kv_node::secret::SecretError) -> Report {
    Report::new(ExitCode::Usage, "cannot use the cluster's secret file")
        .cause(error)
        .hint("it must be readable by its owner only: `chmod 600`; the same on all nodes")
}

fn random() -> Result<u64, Report> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Report::new(ExitCode::Failure, "the system has no random numbers").cause(error)
    })?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct All {
        #[command(flatten)]
        cluster: ClusterSettings,
        #[command(flatten)]
        store: StoreSettings,
        #[command(flatten)]
        server: ServerSettings,
    }

    const MEMBERS: &str = "0=127.0.0.1:6000@127.0.0.1:6100,1=127.0.0.1:6001@127.0.0.1:6101";

    fn parse(args: &[&str]) -> All {
        let all = [&["kv-cluster", "--data-dir", "d"], args].concat();
        All::try_parse_from(all).unwrap()
    }

    fn options(args: &[&str]) -> Result<ClusterOptions, Report> {
        let all = parse(args);
        all.cluster.options(&all.store, &all.server)
    }

    #[test]
    fn a_node_listens_on_its_own_addresses() {
        let all = parse(&["--node-id", "1", "--member", MEMBERS]);
        let options = all.cluster.options(&all.store, &all.server).unwrap();
        assert_eq!(options.peer_listen, "127.0.0.1:6101".parse().unwrap());
        assert_eq!(options.member.id, NodeId(1));
        assert_eq!(options.member.members.len(), 2);
        let server = all.cluster.server(all.server).unwrap();
        assert_eq!(server.listen, "127.0.0.1:6001".parse().unwrap());
    }

    #[test]
    fn an_address_that_is_given_counts() {
        let all = parse(&[
            "--node-id=1",
            "--member",
            MEMBERS,
            "--listen=127.0.0.1:7",
            "--peer-listen=127.0.0.1:8",
            "--peer-via=0=127.0.0.1:9",
        ]);
        let options = all.cluster.options(&all.store, &all.server).unwrap();
        assert_eq!(options.peer_listen, "127.0.0.1:8".parse().unwrap());
        assert_eq!(options.detours, [(0, "127.0.0.1:9".to_owned())]);
        let server = all.cluster.server(all.server).unwrap();
        assert_eq!(server.listen, "127.0.0.1:7".parse().unwrap());
    }

    #[test]
    fn the_largest_request_fits_into_a_message_to_a_peer() {
        let large = [
            "--node-id=1",
            "--member",
            MEMBERS,
            "--frame-bytes-max=512MiB",
        ];
        let options = options(&large).unwrap();
        assert!(options.message_bytes_max > 512 << 20);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = options(&["--member", MEMBERS]).unwrap_err().to_string();
        assert!(error.contains("--node-id"), "{error}");
        let error = options(&["--node-id=5", "--member", MEMBERS]).unwrap_err();
        assert!(error.to_string().contains("--member 5="), "{error}");
    }

    #[test]
    fn a_log_that_does_not_sync_is_refused() {
        let never = ["--node-id=1", "--member", MEMBERS, "--sync=never"];
        let error = options(&never).unwrap_err().to_string();
        assert!(error.contains("--sync"), "{error}");
    }
}
