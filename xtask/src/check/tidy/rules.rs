//! The rules, one function each.

use super::Finding;
use super::source::SourceFile;

/// Looks at one file.
pub(super) type Rule = fn(&SourceFile) -> Vec<Finding>;

/// Every rule there is.
pub(super) const ALL: &[Rule] = &[
    length,
    name,
    module_doc,
    unfinished,
    ignored_test,
    sleeping_test,
    unsafe_module,
    whitespace,
    private_path,
    foreign_source,
];

/// A file is split before it reaches this.
const LINE_COUNT_MAX: usize = 600;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "mod", "util", "utils", "common", "helper", "helpers", "manager", "misc",
];

/// What unfinished code looks like. Spelled apart, so that this file passes.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
];

/// What only one person's machine has.
const PRIVATE_PATHS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
    concat!("/wo", "rk/"),
];

/// The only place that crates come from.
const CRATE_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Settings that take packages from somewhere else.
const SOURCE_SETTINGS: &[&str] = &[
    concat!("--index", "-url"),
    concat!("--extra-index", "-url"),
    concat!("--reg", "istry"),
    concat!("replace", "-with"),
];

fn length(file: &SourceFile) -> Vec<Finding> {
    let count = file.text.lines().count();
    if !file.is_rust() || count <= LINE_COUNT_MAX {
        return Vec::new();
    }
    whole(format!(
        "{count} lines; split it, {LINE_COUNT_MAX} is the limit"
    ))
}

fn name(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() || !EMPTY_NAMES.contains(&file.stem()) {
        return Vec::new();
    }
    whole(format!(
        "name it after what it holds, not `{}`",
        file.stem()
    ))
}

fn module_doc(file: &SourceFile) -> Vec<Finding> {
    let is_module = file.is_rust() && file.is_below("src") && file.first_test_line() != Some(1);
    let opens = |line: &str| line.starts_with("//!");
    if !is_module || file.text.lines().next().is_some_and(opens) {
        return Vec::new();
    }
    whole("open it with `//!`: what it is, what it never does".to_owned())
}

fn unfinished(file: &SourceFile) -> Vec<Finding> {
    code_with_any(file, UNFINISHED, "finish it or leave it out")
}

fn ignored_test(file: &SourceFile) -> Vec<Finding> {
    code_with_any(
        file,
        &[concat!("#[ig", "nore]")],
        "say why: #[ignore = \"…\"]",
    )
}

fn sleeping_test(file: &SourceFile) -> Vec<Finding> {
    let Some(first) = file.first_test_line() else {
        return Vec::new();
    };
    let mut reason_given = false;
    let mut findings = Vec::new();
    for (number, line) in file.lines().skip(first - 1) {
        let sleeps = file.is_rust() && line.contains("sleep(") && !is_comment(line);
        if sleeps && !reason_given && !line.contains("// sleep:") {
            let message = "wait for a condition, or say why not in `// sleep: …` above";
            findings.push(Finding {
                line: number,
                message: message.to_owned(),
            });
        }
        reason_given = is_comment(line) && (reason_given || line.contains("// sleep:"));
    }
    findings
}

fn unsafe_module(file: &SourceFile) -> Vec<Finding> {
    let is_excused = file.text.contains("#![expect(unsafe_code, reason")
        || file.text.contains("#![expect(\n    unsafe_code,");
    if !file.is_rust() || is_excused {
        return Vec::new();
    }
    let words = [
        concat!("unsa", "fe {"),
        concat!("unsa", "fe fn"),
        concat!("unsa", "fe impl"),
    ];
    code_with_any(
        file,
        &words,
        "say why in #![expect(unsafe_code, reason = \"…\")]",
    )
}

fn whitespace(file: &SourceFile) -> Vec<Finding> {
    if file.is_below("testdata") {
        return Vec::new();
    }
    let trails = |line: &str| line.ends_with([' ', '\t', '\r']);
    let found = file.lines().filter(|(_, line)| trails(line));
    found
        .map(|(line, _)| Finding {
            line,
            message: "trailing whitespace".to_owned(),
        })
        .collect()
}

fn private_path(file: &SourceFile) -> Vec<Finding> {
    lines_with_any(file, PRIVATE_PATHS, "a path that only one machine has")
}

fn foreign_source(file: &SourceFile) -> Vec<Finding> {
    let mut findings = lines_with_any(file, SOURCE_SETTINGS, "packages come from the usual places");
    if file
        .path
        .file_name()
        .is_some_and(|name| name == "Cargo.lock")
    {
        let foreign = |line: &str| line.starts_with("source = ") && !line.contains(CRATE_SOURCE);
        let found = file.lines().filter(|(_, line)| foreign(line));
        let message = || "crates come from crates.io only".to_owned();
        findings.extend(found.map(|(line, _)| Finding {
            line,
            message: message(),
        }));
    }
    findings
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn whole(message: String) -> Vec<Finding> {
    vec![Finding { line: 0, message }]
}

fn code_with_any(file: &SourceFile, needles: &[&str], advice: &str) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    findings_with_any(file.code_lines(), needles, advice)
}

fn lines_with_any(file: &SourceFile, needles: &[&str], advice: &str) -> Vec<Finding> {
    findings_with_any(file.lines(), needles, advice)
}

fn findings_with_any<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    needles: &[&str],
    advice: &str,
) -> Vec<Finding> {
    let hit = |line: &str| {
        needles
            .iter()
            .find(|needle| line.contains(**needle))
            .copied()
    };
    let finding = |line, needle| Finding {
        line,
        message: format!("`{needle}`: {advice}"),
    };
    lines
        .filter_map(|(line, text)| hit(text).map(|needle| finding(line, needle)))
        .collect()
}

#[cfg(test)]
mod tests;
