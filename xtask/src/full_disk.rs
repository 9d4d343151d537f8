//! `cargo xtask fulldisk`: a node on a disk that fills up.
//!
//! The disk is a small tmpfs, which takes root to mount. Once it is full, writes must be refused as
//! `STORAGEFULL`, reads go on; once there is space again, writes must work without a restart; and
//! everything acknowledged must survive one.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::node::Options;
use crate::resp::{Connection, Reply, command};
use crate::scratch;
use crate::step;
use crate::workspace::{Profile, Workspace};

/// Arguments of `cargo xtask fulldisk`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Size of the disk in MiB.
    #[arg(long, default_value_t = 96)]
    mib: usize,
    /// Try the optimised build.
    #[arg(long)]
    release: bool,
    /// Passed on to the server.
    #[arg(last = true, value_name = "SERVER FLAGS")]
    server_args: Vec<String>,
}

const REPLY_MAX: Duration = Duration::from_secs(30);

/// How often and how long we look for the disk to heal.
const HEAL_TRIES: usize = 600;
const HEAL_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a value.
const VALUE_LEN: usize = 4096;

/// A small disk; unmounted when dropped.
pub(crate) struct Disk {
    dir: PathBuf,
}

/// Fills a disk and frees it again.
///
/// # Errors
///
/// When the node does not do what it must.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("fulldisk: SKIPPED: mounting a tmpfs takes root");
        return Ok(());
    }
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(args.release);
    let program = workspace.build(&["kv-node"], profile)?.join("kv-node");
    let home = scratch::empty_dir(&workspace, "fulldisk")?;
    let Some(disk) = Disk::mount(&home.join("disk"), args.mib)? else {
        println!("fulldisk: SKIPPED: this system does not let us mount a tmpfs");
        return Ok(());
    };
    let mut options = Options::on_free_ports(program, disk.dir.join("data"));
    options.log = Some(home.join("node.log"));
    options.args = args.server_args.iter().map(Into::into).collect();
    let acknowledged = fill_and_heal(&options, &disk)?;
    println!("fulldisk: refused, healed, and {acknowledged} acknowledged writes found again");
    Ok(())
}

fn fill_and_heal(options: &Options, disk: &Disk) -> Result<usize> {
    let node = options.start()?;
    let mut connection = Connection::open(node.client_addr(), REPLY_MAX)?;
    expect_ok(&set(&mut connection, 0)?)?;
    let filler = disk.fill()?;
    let mut count = write_until_refused(&mut connection, disk)?;
    check_refusal(&mut connection)?;
    fs::remove_file(filler)?;
    wait_healed(&mut connection, count)?;
    count += 1;
    check_all(&mut connection, count)?;
    node.stop()?;
    let node = options.start()?;
    check_all(&mut Connection::open(node.client_addr(), REPLY_MAX)?, count)?;
    node.stop()?;
    Ok(count)
}

/// Writes until one is refused; returns how many were not.
fn write_until_refused(connection: &mut Connection, disk: &Disk) -> Result<usize> {
    let most = disk.size()? / VALUE_LEN;
    for number in 1..most {
        let reply = set(connection, number)?;
        if is_refusal(&reply) {
            return Ok(number);
        }
        expect_ok(&reply)?;
    }
    bail!("{most} writes of {VALUE_LEN} bytes fit on a disk that was full")
}

/// While the disk is full: reads go on, writes stay refused, the node says so.
fn check_refusal(connection: &mut Connection) -> Result<()> {
    let stored = connection.call(&command(&["GET", "key:0"]))?;
    ensure!(
        stored.bytes() == Some(value(0).as_bytes()),
        "a read on a full disk gives {stored:?}"
    );
    let refused = connection.call(&command(&["DEL", "key:0"]))?;
    ensure!(
        is_refusal(&refused),
        "a second write on a full disk gives {refused:?}"
    );
    let ping = connection.call(&command(&["PING"]))?;
    ensure!(ping.is_status("PONG"), "PING on a full disk gives {ping:?}");
    Ok(())
}

fn wait_healed(connection: &mut Connection, number: usize) -> Result<()> {
    for _ in 0..HEAL_TRIES {
        let reply = set(connection, number)?;
        if !is_refusal(&reply) {
            return expect_ok(&reply);
        }
        thread::sleep(HEAL_PAUSE);
    }
    bail!("writes are still refused long after there is space again")
}

fn check_all(connection: &mut Connection, count: usize) -> Result<()> {
    for number in 0..count {
        let stored = connection.call(&command(&["GET", &format!("key:{number}")]))?;
        ensure!(
            stored.bytes() == Some(value(number).as_bytes()),
            "key:{number} is {stored:?}"
        );
    }
    let size = connection.call(&command(&["DBSIZE"]))?.integer();
    ensure!(
        size == i64::try_from(count).ok(),
        "{size:?} keys, {count} were acknowledged"
    );
    Ok(())
}

fn set(connection: &mut Connection, number: usize) -> Result<Reply> {
    let key = format!("key:{number}");
    Ok(connection.call(&command(&["SET", &key, &value(number)]))?)
}

fn value(number: usize) -> String {
    format!("{number:08}").repeat(VALUE_LEN / 8)
}

fn is_refusal(reply: &Reply) -> bool {
    reply
        .error()
        .is_some_and(|error| error.starts_with("STORAGEFULL "))
}

fn expect_ok(reply: &Reply) -> Result<()> {
    ensure!(reply.is_status("OK"), "a write gives {reply:?}");
    Ok(())
}

impl Disk {
    /// Mounts a tmpfs; `None` if the system forbids it.
    pub(crate) fn mount(dir: &Path, mib: usize) -> Result<Option<Disk>> {
        fs::create_dir_all(dir)?;
        let size = format!("size={mib}m,mode=0700");
        let mount = step::output(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(dir),
        );
        if let Err(error) = mount {
            eprintln!("{error:#}");
            return Ok(None);
        }
        Ok(Some(Disk {
            dir: dir.to_path_buf(),
        }))
    }

    /// Takes all the space that is left; returns the file that holds it.
    pub(crate) fn fill(&self) -> Result<PathBuf> {
        let path = self.filler();
        let mut file = File::create(&path)?;
        let chunk = vec![1; 64 * 1024];
        loop {
            match file.write(&chunk) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(path),
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }

    /// The file that takes the space.
    pub(crate) fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }

    /// Bytes.
    fn size(&self) -> Result<usize> {
        let stat = rustix::fs::statvfs(&self.dir)?;
        Ok(usize::try_from(stat.f_blocks * stat.f_frsize)?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = step::output(Command::new("umount").arg(&self.dir)) {
            eprintln!("cannot unmount {}: {error:#}", self.dir.display());
        }
    }
}
