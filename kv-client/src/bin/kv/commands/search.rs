//! Searches: by value, by words, by meaning.

use kv_client::command::SimilarTo;
use kv_client::{Command, Reply, SearchOptions, SimilarOptions};
use serde_json::json;

use crate::app::App;
use crate::args::{FindArgs, SearchArgs, SimilarArgs};
use crate::failure::Failure;
use crate::hits;
use crate::output::{json_key, show_key};
use crate::value_arg::parse_value;

pub(super) async fn find(app: &mut App, args: FindArgs) -> Result<(), Failure> {
    let command = Command::Find {
        value: parse_value(&args.value, args.text)?,
        path: args.at,
        limit: args.limit,
    };
    let keys = match app.client.execute(command).await? {
        Reply::Array(keys) => keys,
        other => return Err(unexpected(&other)),
    };
    for key in keys {
        let Reply::Bytes(key) = key else {
            return Err(unexpected(&key));
        };
        app.output
            .answer(&json!({ "key": json_key(&key) }), show_key(&key))?;
    }
    Ok(())
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::Usage(format!("unexpected answer {reply:?}"))
}

pub(super) async fn search(app: &mut App, args: SearchArgs) -> Result<(), Failure> {
    let query = args.query.join(" ");
    let hits = app.client.search(query, options(args)).await?;
    hits::print(&mut app.output, &hits)
}

fn options(args: SearchArgs) -> SearchOptions {
    let options = SearchOptions {
        limit: args.limit,
        prefix: args.prefix.map(Into::into),
        explain: args.explain,
        snippets: args.snippets,
        hybrid: None,
    };
    match (args.hybrid, args.weights) {
        (_, Some((words, meaning))) => options.weights(words, meaning),
        (true, None) => options.hybrid(),
        (false, None) => options,
    }
}

pub(super) async fn train(app: &mut App) -> Result<(), Failure> {
    let model = app.client.train().await?;
    let text = format!("OK, model {model} is being learnt: `kv status` says when it is in use");
    app.output.confirm(&json!({ "model": model }), text)
}

pub(super) async fn similar(app: &mut App, args: SimilarArgs) -> Result<(), Failure> {
    let query = match (args.key, args.vector) {
        (Some(key), _) => SimilarTo::Key(key.into()),
        (None, Some(vector)) => SimilarTo::Vector(vector.0),
        (None, None) => SimilarTo::Text(args.text.join(" ")),
    };
    let mut options = SimilarOptions::new().k(args.top_k);
    if let Some(prefix) = args.prefix {
        options = options.prefix(prefix);
    }
    if args.explain {
        options = options.explain();
    }
    let hits = app.client.similar(query, options).await?;
    hits::print(&mut app.output, &hits)
}
