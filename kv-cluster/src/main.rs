//! `kv-cluster`: one node of a Raft cluster.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use kv_cluster::settings::ClusterSettings;
use kv_cluster::{Cluster, ClusterError, ClusterOptions};
use kv_node::config::{self, ConfigArgs, ConfigError, Loaded};
use kv_node::program::{self, LogSettings, Ready, StopSignals, StoreSettings};
use kv_node::report::{ExitCode as FailureCode, Report};
use kv_node::server::{RunningServer, Server, ServerSettings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a leader that is to stop waits for another one to lead.
const HAND_OVER_MAX: Duration = Duration::from_secs(2);

/// One node of a cluster that survives the loss of any minority of its nodes. Speaks RESP (any Redis
/// client) and its own protocol.
///
/// Every setting can come from a flag, an environment variable, or a config file, in that order of
/// precedence.
#[derive(Debug, Parser)]
#[command(name = "kv-cluster", version, max_term_width = 100)]
struct Settings {
    #[command(flatten)]
    cluster: ClusterSettings,
    #[command(flatten)]
    store: StoreSettings,
    #[command(flatten)]
    server: ServerSettings,
    #[command(flatten)]
    log: LogSettings,
    #[command(flatten)]
    config: ConfigArgs,
}

fn main() -> ExitCode {
    let loaded: Loaded<Settings> = match config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(ConfigError::Usage(usage)) => usage.exit(),
        Err(error) => return program::fail(&error.into()),
    };
    if loaded.settings.config.print_config {
        let printed = std::io::stdout().write_all(loaded.printed.as_bytes());
        return match printed {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    program::run(serve(loaded.settings))
}

/// Serves until a signal comes.
async fn serve(settings: Settings) -> Result<(), Report> {
    settings.log.start()?;
    let mut signals = StopSignals::listen()?;
    let cluster = &settings.cluster;
    let options = cluster.options(&settings.store, &settings.server)?;
    let node_id = options.member.id.0;
    let server = cluster.server(settings.server)?;
    program::raise_descriptor_limit(server.connections_max);
    let server = Server::bind(server).await?;
    let backend = tokio::select! {
        backend = open(options) => Arc::new(backend?),
        () = signals.next() => return Ok(()),
    };
    let running = server.serve(Arc::clone(&backend)).await?;
    announce(&running, node_id);
    signals.next().await;
    tracing::info!("stopping");
    let stopped = async {
        backend.hand_over(HAND_OVER_MAX).await;
        running.shutdown().await;
    };
    tokio::select! {
        () = stopped => Ok(()),
        () = signals.next() => Err(Report::new(FailureCode::Failure, "stopped in haste")
            .cause("a second signal came before everything was finished")),
    }
}

/// Loads the data, which takes a while if there is much of it.
async fn open(options: ClusterOptions) -> Result<Cluster, Report> {
    let data_dir = options.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || Cluster::open(&options)).await;
    match opened {
        Ok(result) => result.map_err(|error: ClusterError| error.report(&data_dir)),
        Err(panic) => Err(Report::new(FailureCode::Failure, "cannot load the data")
            .cause(panic)
            .hint("this is a bug: keep the data dir and report it")),
    }
}

fn announce(running: &RunningServer<Cluster>, node_id: u64) {
    let ready = Ready {
        listen: running.listen_address(),
        admin: running.admin_address(),
        pid: std::process::id(),
        mode: "raft",
        node_id: Some(node_id),
    };
    tracing::info!(listen = %ready.listen, admin = %ready.admin, "serving");
    ready.say();
}
