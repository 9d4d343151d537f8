//! JSON for people: indented, in colour on a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style};
use serde_json::Value as Json;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pretty {
    pub(crate) colour: bool,
}

/// Containers whose text is at most this long stay on one line.
const INLINE_CHARS_MAX: usize = 72;

/// Writes `json`, without a line end behind it.
pub(crate) fn write_pretty(out: &mut impl Write, pretty: Pretty, json: &Json) -> io::Result<()> {
    write_at(out, pretty, json, 0)
}

fn write_at(out: &mut impl Write, pretty: Pretty, json: &Json, depth: usize) -> io::Result<()> {
    let inline = json.to_string().chars().count() + 2 * depth <= INLINE_CHARS_MAX;
    match json {
        Json::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            write_items(out, pretty, ('[', ']'), items, inline, depth)
        }
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, item)| (Some(name), item));
            write_items(out, pretty, ('{', '}'), fields, inline, depth)
        }
        scalar => pretty.write(out, scalar_style(scalar), &scalar.to_string()),
    }
}

fn write_items<'a>(
    out: &mut impl Write,
    pretty: Pretty,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'a String>, &'a Json)>,
    inline: bool,
    depth: usize,
) -> io::Result<()> {
    write!(out, "{open}")?;
    let mut is_empty = true;
    for (name, item) in items {
        match (is_empty, inline) {
            (true, true) => {}
            (true, false) => break_line(out, depth + 1)?,
            (false, true) => write!(out, ", ")?,
            (false, false) => {
                write!(out, ",")?;
                break_line(out, depth + 1)?;
            }
        }
        is_empty = false;
        if let Some(name) = name {
            let name = Json::from(name.as_str()).to_string();
            pretty.write(out, NAME, &name)?;
            write!(out, ": ")?;
        }
        write_at(out, pretty, item, depth + 1)?;
    }
    if !inline && !is_empty {
        break_line(out, depth)?;
    }
    write!(out, "{close}")
}

fn break_line(out: &mut impl Write, depth: usize) -> io::Result<()> {
    write!(out, "\n{:width$}", "", width = 2 * depth)
}

const NAME: Style = coloured(AnsiColor::Blue);

const fn coloured(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

fn scalar_style(json: &Json) -> Style {
    match json {
        Json::String(_) => coloured(AnsiColor::Green),
        Json::Number(_) => coloured(AnsiColor::Cyan),
        Json::Bool(_) => coloured(AnsiColor::Yellow),
        _ => Style::new().dimmed(),
    }
}

impl Pretty {
    fn write(self, out: &mut impl Write, style: Style, text: &str) -> io::Result<()> {
        match self.colour {
            true => write!(out, "{style}{text}{style:#}"),
            false => write!(out, "{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, colour: bool) -> String {
        let mut out = Vec::new();
        let json = serde_json::from_str(text).unwrap();
        write_pretty(&mut out, Pretty { colour }, &json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_fits_stays_on_a_line() {
        assert_eq!(
            shown(r#"{"a":[1,null],"b":{}}"#, false),
            r#"{"a": [1, null], "b": {}}"#
        );
        assert_eq!(shown("\"a\\n\"", false), r#""a\n""#);
    }

    #[test]
    fn what_does_not_fit_is_indented() {
        let long = "x".repeat(80);
        let text = shown(&format!(r#"{{"a":["{long}",2]}}"#), false);
        assert_eq!(
            text,
            format!("{{\n  \"a\": [\n    \"{long}\",\n    2\n  ]\n}}")
        );
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let text = r#"{"a":[1,true,null,"s"]}"#;
        let coloured = shown(text, true);
        assert_ne!(coloured, shown(text, false));
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, shown(text, false));
    }
}
