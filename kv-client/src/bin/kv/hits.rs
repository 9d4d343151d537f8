//! Hits of a search, as people and as programs see them.
//!
//! - on a terminal a table, with the matches of a snippet in bold and the explanation below;
//! - elsewhere a line each, its parts separated by tabs, which no part contains;
//! - with `--json` an object each.

use anstyle::Style;
use kv_client::{Hit, MATCH_END, MATCH_START, Value};
use serde_json::{Value as Json, json};

use crate::failure::Failure;
use crate::output::{Output, json_key, show_key};
use crate::pretty::{Pretty, write_pretty};
use crate::table::Table;

/// Prints all hits.
///
/// # Errors
/// If they cannot be printed.
pub(crate) fn print(output: &mut Output, hits: &[Hit]) -> Result<(), Failure> {
    let lines = match (output.is_json(), output.is_terminal()) {
        (true, _) => hits.iter().map(|hit| json_of(hit).to_string()).collect(),
        (false, true) => table(hits, output.pretty())?,
        (false, false) => hits.iter().map(plain).collect(),
    };
    lines.iter().try_for_each(|line| output.line(line))
}

fn json_of(hit: &Hit) -> Json {
    let mut object = json!({ "key": json_key(&hit.key), "score": hit.score });
    if let Some(snippet) = &hit.snippet {
        object["snippet"] = Json::from(snippet.as_str());
    }
    if let Some(explanation) = &hit.explanation {
        object["explain"] = explanation.to_json_value();
    }
    object
}

fn plain(hit: &Hit) -> String {
    let mut parts = vec![show_key(&hit.key), score(hit)];
    parts.extend(hit.snippet.as_deref().map(on_one_line));
    parts.extend(hit.explanation.as_ref().map(Value::to_json));
    parts.join("\t")
}

fn score(hit: &Hit) -> String {
    format!("{:.4}", hit.score)
}

/// A snippet is somebody's text: nothing in it may move the cursor.
fn on_one_line(snippet: &str) -> String {
    snippet.replace(char::is_control, " ")
}

fn table(hits: &[Hit], pretty: Pretty) -> Result<Vec<String>, Failure> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Table::default();
    rows.row(header(hits));
    for hit in hits {
        let mut cells = vec![show_key(&hit.key), score(hit)];
        cells.extend(hit.snippet.as_deref().map(|text| marked(text, pretty)));
        rows.row(cells);
    }
    let mut lines = rows.lines().into_iter();
    let mut shown: Vec<String> = lines.next().into_iter().collect();
    for (line, hit) in lines.zip(hits) {
        shown.push(line);
        shown.extend(explained(hit, pretty)?);
    }
    Ok(shown)
}

fn header(hits: &[Hit]) -> Vec<&'static str> {
    let mut header = vec!["KEY", "SCORE"];
    if hits.iter().any(|hit| hit.snippet.is_some()) {
        header.push("SNIPPET");
    }
    header
}

/// Without colour the marks stay as they are.
fn marked(snippet: &str, pretty: Pretty) -> String {
    const MATCH: Style = Style::new().bold();
    let line = on_one_line(snippet);
    match pretty.colour {
        true => line
            .replace(MATCH_START, &MATCH.to_string())
            .replace(MATCH_END, &format!("{MATCH:#}")),
        false => line,
    }
}

/// The explanation in indented lines.
fn explained(hit: &Hit, pretty: Pretty) -> Result<Option<String>, Failure> {
    let Some(explanation) = &hit.explanation else {
        return Ok(None);
    };
    let mut text = Vec::new();
    write_pretty(&mut text, pretty, &explanation.to_json_value())?;
    let text = String::from_utf8_lossy(&text).replace('\n', "\n    ");
    Ok(Some(format!("    {text}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn hits() -> Vec<Hit> {
        let full = Hit {
            snippet: Some("a <b>fast</b>\tstore\u{1b}[2J".to_owned()),
            explanation: Some(Value::Map(BTreeMap::from([(
                "words".to_owned(),
                Value::List(vec![Value::Str("fast".to_owned())]),
            )]))),
            ..Hit::new("doc:10".into(), 12.34567)
        };
        vec![full, Hit::new("a\tb".into(), 0.5)]
    }

    #[test]
    fn a_table_has_columns_and_explanations_below() {
        let lines = table(&hits(), Pretty { colour: false }).unwrap();
        assert_eq!(
            lines,
            [
                r"KEY     SCORE    SNIPPET",
                r"doc:10  12.3457  a <b>fast</b> store [2J",
                r#"    {"words": ["fast"]}"#,
                r#""a\tb"  0.5000"#,
            ]
        );
        let none = table(&[], Pretty { colour: false }).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn matches_are_bold_where_there_is_colour() {
        let line = marked("a <b>fast</b> one", Pretty { colour: true });
        assert_eq!(line, "a \u{1b}[1mfast\u{1b}[0m one");
    }

    #[test]
    fn a_plain_line_has_its_parts_between_tabs() {
        let lines: Vec<String> = hits().iter().map(plain).collect();
        assert_eq!(
            lines[0],
            "doc:10\t12.3457\ta <b>fast</b> store [2J\t{\"words\":[\"fast\"]}"
        );
        assert_eq!(lines[1], "\"a\\tb\"\t0.5000");
    }

    #[test]
    fn programs_get_exact_scores_and_what_was_asked_for() {
        let lines: Vec<String> = hits().iter().map(|hit| json_of(hit).to_string()).collect();
        assert!(lines[0].contains("\"score\":12.34567"), "{}", lines[0]);
        assert_eq!(lines[1], r#"{"key":"a\tb","score":0.5}"#);
    }
}
