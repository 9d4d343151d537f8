//! What servers say of themselves: one in all detail, several in a line each, once or again and
//! again.

use std::collections::BTreeSet;
use std::time::Duration;

use kv_client::{Client, Error, Status};
use serde_json::Value as Json;
use tokio::time::{MissedTickBehavior, interval};

mod detail;
mod overview;

use super::node::print;
use crate::app::App;
use crate::failure::Failure;
use detail::detailed;
use overview::{overview, what_matters};

/// While watching, a node has so long to answer.
const ANSWER_TIME_MIN: Duration = Duration::from_millis(500);

/// A server and what it said.
pub(super) struct Answer {
    addr: String,
    said: Result<Status, Error>,
}

/// Of one server everything; of several a line each. Fails only if none answers.
pub(super) async fn status(app: &mut App) -> Result<(), Failure> {
    let answers = ask_all(app, app.addrs(), app.global.timeout).await?;
    let answers = any_of(answers)?;
    match answers.as_slice() {
        _ if app.output.is_json() => print_json(app, &answers),
        [
            Answer {
                addr,
                said: Ok(status),
            },
        ] => print(app, &detailed(addr, status)),
        _ => print(app, &overview(&answers)),
    }
}

/// A line for each member of the cluster that the servers are of.
pub(super) async fn cluster_status(app: &mut App) -> Result<(), Failure> {
    let answers = any_of(ask_members(app, app.global.timeout).await?)?;
    show(app, &answers)
}

/// Until it is interrupted. On a terminal the latest state; elsewhere a block for each change of
/// something that matters.
pub(super) async fn watch_status(app: &mut App, every: Duration) -> Result<(), Failure> {
    let every = every.max(Duration::from_millis(100));
    let patience = app.global.timeout.min(every.max(ANSWER_TIME_MIN));
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = None;
    loop {
        clock.tick().await;
        let answers = ask_members(app, patience).await?;
        let answers = match shown {
            None => any_of(answers)?,
            Some(_) => answers,
        };
        let state = what_matters(&answers);
        let is_news = app.output.is_json() || shown.as_ref() != Some(&state);
        if app.output.colour() && !app.output.is_json() {
            app.output.raw(b"\x1b[H\x1b[2J")?;
            show(app, &answers)?;
        } else if is_news {
            if shown.is_some() && !app.output.is_json() {
                app.output.line("")?;
            }
            show(app, &answers)?;
        }
        shown = Some(state);
        app.output.flush()?;
    }
}

fn show(app: &mut App, answers: &[Answer]) -> Result<(), Failure> {
    match app.output.is_json() {
        true => print_json(app, answers),
        false => print(app, &overview(answers)),
    }
}

/// The servers that were named, and the members that any of them knows.
async fn ask_members(app: &App, patience: Duration) -> Result<Vec<Answer>, Failure> {
    let mut answers = ask_all(app, app.addrs(), patience).await?;
    let known: BTreeSet<String> = answers.iter().map(|answer| answer.addr.clone()).collect();
    let named: BTreeSet<String> = answers.iter().flat_map(members).collect();
    let others = named.difference(&known).cloned().collect();
    answers.extend(ask_all(app, others, patience).await?);
    Ok(answers)
}

/// Where clients of the members connect, as a server says.
fn members(answer: &Answer) -> Vec<String> {
    let Ok(status) = &answer.said else {
        return Vec::new();
    };
    let members = status
        .rest
        .get("cluster")
        .and_then(|c| c["members"].as_array());
    let addrs = members.into_iter().flatten().map(|m| m["client"].as_str());
    addrs.flatten().map(str::to_owned).collect()
}

/// Asks all at the same time.
async fn ask_all(
    app: &App,
    addrs: Vec<String>,
    patience: Duration,
) -> Result<Vec<Answer>, Failure> {
    let mut asked = Vec::new();
    for addr in addrs {
        let client: Client = app.client_of(&addr)?.with_request_timeout(patience);
        let saying = tokio::spawn(async move { client.status().await });
        asked.push((addr, saying));
    }
    let mut answers = Vec::new();
    for (addr, saying) in asked {
        let said = saying
            .await
            .unwrap_or_else(|error| Err(Error::Invalid(format!("the question was lost: {error}"))));
        answers.push(Answer { addr, said });
    }
    Ok(answers)
}

/// # Errors
/// If nobody answered: the last one's.
fn any_of(mut answers: Vec<Answer>) -> Result<Vec<Answer>, Failure> {
    match answers.iter().any(|answer| answer.said.is_ok()) {
        true => Ok(answers),
        false => match answers.pop().map(|answer| answer.said) {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(answers),
        },
    }
}

fn print_json(app: &mut App, answers: &[Answer]) -> Result<(), Failure> {
    let mut lines = answers.iter().map(|answer| as_json(answer).to_string());
    lines.try_for_each(|line| app.output.line(line))
}

fn as_json(answer: &Answer) -> Json {
    let addr = Json::from(answer.addr.as_str());
    let mut fields = serde_json::Map::from_iter([("addr".to_owned(), addr)]);
    match answer.said.as_ref().map(serde_json::to_value) {
        Ok(Ok(Json::Object(status))) => fields.extend(status),
        Ok(_) => {}
        Err(error) => {
            fields.insert("error".to_owned(), error.to_string().into());
        }
    }
    fields.into()
}
