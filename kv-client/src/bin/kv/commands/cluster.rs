//! Commands for who operates a cluster.

use serde_json::json;

use super::status;
use crate::app::App;
use crate::args::{ClusterCommand, MemberArg};
use crate::failure::Failure;

pub(super) async fn run(app: &mut App, command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Add { member } => add(app, member).await,
        ClusterCommand::Promote { id } => {
            app.client.promote_member(id).await?;
            done(app, "promoted", id)
        }
        ClusterCommand::Remove { id } => {
            app.client.remove_member(id).await?;
            done(app, "removed", id)
        }
        ClusterCommand::TransferLeader { to } => transfer(app, to).await,
        ClusterCommand::Status => status::cluster_status(app).await,
    }
}

async fn add(app: &mut App, member: MemberArg) -> Result<(), Failure> {
    let MemberArg { id, client, peer } = member;
    app.client.add_member(id, client, peer).await?;
    done(app, "added", id)
}

async fn transfer(app: &mut App, to: Option<u64>) -> Result<(), Failure> {
    app.client.transfer_leader(to).await?;
    let text = match to {
        Some(id) => format!("member {id} leads"),
        None => "another member leads".to_owned(),
    };
    app.output
        .confirm(&json!({ "transferred": true, "to": to }), text)
}

fn done(app: &mut App, what: &str, id: u64) -> Result<(), Failure> {
    let answer = json!({ "member": id, what: true });
    app.output.confirm(&answer, format!("member {id} {what}"))
}
