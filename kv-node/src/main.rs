//! `kv-node`: one node that stands alone.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use kv_node::Standalone;
use kv_node::config::{self, ConfigArgs, ConfigError, Loaded};
use kv_node::program::{self, LogSettings, Ready, StopSignals, StoreSettings};
use kv_node::report::{ExitCode as FailureCode, Report};
use kv_node::server::{RunningServer, Server, ServerSettings};
use kv_node::store::StoreOptions;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A durable key-value store on one machine. Speaks RESP (any Redis client) and its own protocol.
///
/// Every setting can come from a flag, an environment variable, or a config file, in that order of
/// precedence.
#[derive(Debug, Parser)]
#[command(name = "kv-node", version, max_term_width = 100)]
struct Settings {
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
    let options = settings.store.options(&settings.server)?;
    program::raise_descriptor_limit(settings.server.connections_max);
    let server = Server::bind(settings.server).await?;
    let backend = tokio::select! {
        backend = open(options) => backend?,
        () = signals.next() => return Ok(()),
    };
    let running = server.serve(Arc::new(backend)).await?;
    announce(&running);
    signals.next().await;
    tracing::info!("stopping");
    tokio::select! {
        () = running.shutdown() => Ok(()),
        () = signals.next() => Err(Report::new(FailureCode::Failure, "stopped in haste")
            .cause("a second signal came before everything was finished")),
    }
}

/// Loads the data, which takes a while if there is much of it.
async fn open(options: StoreOptions) -> Result<Standalone, Report> {
    let opened = tokio::task::spawn_blocking(move || Standalone::open(&options)).await;
    match opened {
        Ok(result) => Ok(result?),
        Err(panic) => Err(Report::new(FailureCode::Failure, "cannot load the data")
            .cause(panic)
            .hint("this is a bug: keep the data dir and report it")),
    }
}

fn announce(running: &RunningServer<Standalone>) {
    let ready = Ready {
        listen: running.listen_address(),
        admin: running.admin_address(),
        pid: std::process::id(),
        mode: "standalone",
        node_id: None,
    };
    tracing::info!(listen = %ready.listen, admin = %ready.admin, "serving");
    ready.say();
}
