//! Rows for people: aligned text for a terminal, Markdown for a document.

use super::results::{Goal, Results, Row, Side, Unit};
use crate::statistics::Sample;
use crate::text::{bytes, count};

const HEAD: [&str; 9] = [
    "workload",
    "case",
    "durability",
    "kv-node",
    "redis-server",
    "ratio",
    "goal",
    "CPU s per M ops",
    "RSS",
];

/// The rows as aligned columns.
#[must_use]
pub fn text(results: &Results) -> String {
    let lines: Vec<Vec<String>> = std::iter::once(head())
        .chain(results.rows.iter().map(cells))
        .collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    lines.iter().map(|line| aligned(line, &widths)).collect()
}

/// Machine, command lines and rows as a Markdown document.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut out = String::from(
        "# Results\n\nWritten by `kv-bench compare`. Values are medians, ± half the distance \
         between the slowest and the fastest run. A ratio is kv-node over redis-server, taken \
         pair by pair from runs next to each other; its median is shown, and the least and the \
         most.\n\n",
    );
    for (name, value) in results.machine.facts() {
        out += &format!("- {name}: {value}\n");
    }
    out += "\n";
    for line in [head(), HEAD.map(|_| "---".to_owned()).to_vec()]
        .into_iter()
        .chain(results.rows.iter().map(cells))
    {
        out += &format!("| {} |\n", line.join(" | "));
    }
    out + "\n## Command lines\n\n" + &command_lines(results)
}

/// One line about a row.
#[must_use]
pub fn line(row: &Row) -> String {
    let [workload, case, _, ours, theirs, ratio, goal, ..] = &cells(row)[..] else {
        unreachable!("a row has all columns");
    };
    format!("{workload}, {case}: kv-node {ours}, redis-server {theirs}, {ratio} {goal}")
}

fn command_lines(results: &Results) -> String {
    let lines = results.machine.commands.join("\n");
    format!("```\n{lines}\n```\n")
}

fn head() -> Vec<String> {
    HEAD.map(str::to_owned).to_vec()
}

fn cells(row: &Row) -> Vec<String> {
    vec![
        row.workload.to_owned(),
        row.case.clone(),
        row.durability.to_string(),
        value(&row.ours.values, row.unit),
        value(&row.theirs.values, row.unit),
        ratio(&row.ratio),
        goal(row),
        both(row, |side| {
            side.cpu_seconds_per_mop
                .as_ref()
                .map(|sample| format!("{:.2}", sample.median))
        }),
        both(row, |side| {
            side.rss_bytes.as_ref().map(|sample| bytes(sample.median))
        }),
    ]
}

fn value(sample: &Sample, unit: Unit) -> String {
    let spread = sample.spread * 100.0;
    let median = match unit {
        Unit::OpsPerSecond => format!("{} ops/s", count(sample.median)),
        Unit::BytesPerKey => format!("{:.1} B/key", sample.median),
        Unit::Seconds => format!("{:.3} s", sample.median),
        Unit::Microseconds => crate::text::duration(sample.median),
        Unit::Factor => format!("{:.2} ×", sample.median),
    };
    format!("{median} ± {spread:.0} %")
}

fn ratio(sample: &Sample) -> String {
    let least = sample.values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = sample
        .values
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} × ({least:.2}–{most:.2})", sample.median)
}

fn goal(row: &Row) -> String {
    let Some(goal) = row.goal else {
        return String::new();
    };
    let wanted = match goal {
        Goal::RatioAtLeast(least) => format!("≥ {least:.1} ×"),
        Goal::RatioAtMost(most) => format!("≤ {most:.1} ×"),
        Goal::OursAtMost(most) => format!("kv-node ≤ {most:.1} ×"),
    };
    let verdict = if row.is_met() == Some(true) {
        "met"
    } else {
        "MISSED"
    };
    format!("{wanted}: {verdict}")
}

fn both(row: &Row, show: impl Fn(&Side) -> Option<String>) -> String {
    match (show(&row.ours), show(&row.theirs)) {
        (Some(ours), Some(theirs)) => format!("{ours} / {theirs}"),
        _ => String::new(),
    }
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in line.iter().zip(widths) {
        out += &format!("{cell:width$}  ");
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::durability::Durability;
    use crate::compare::machine::Machine;
    use crate::compare::results::{Reading, Subject};

    fn results() -> Results {
        let subject = |case: &str, goal| Subject {
            workload: "set-durable",
            case: case.to_owned(),
            durability: Durability::Always,
            unit: Unit::OpsPerSecond,
            goal,
        };
        let reading = |value| Reading {
            value,
            cpu_seconds_per_mop: Some(4.5),
            rss_bytes: Some(1024.0 * 1024.0),
        };
        let pairs = [
            (reading(60_000.0), reading(40_000.0)),
            (reading(66_000.0), reading(40_000.0)),
        ];
        let bare = [(Reading::of(1.0), Reading::of(2.0))];
        Results {
            machine: Machine {
                commands: vec!["kv-bench compare".to_owned()],
                ..Machine::default()
            },
            rows: vec![
                Row::new(subject("50 clients", Some(Goal::RatioAtLeast(1.5))), &pairs).unwrap(),
                Row::new(subject("1 client", Some(Goal::RatioAtLeast(1.2))), &bare).unwrap(),
            ],
        }
    }

    #[test]
    fn a_row_says_durability_values_ratio_goal_and_costs() {
        let text = text(&results());
        let line = text.lines().nth(1).unwrap();
        for part in [
            "set-durable",
            "each write synced",
            "63,000 ops/s ± 5 %",
            "40,000 ops/s ± 0 %",
            "1.57 × (1.50–1.65)",
            "≥ 1.5 ×: met",
            "4.50 / 4.50",
            "1.0 MiB / 1.0 MiB",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(text.lines().nth(2).unwrap().contains("≥ 1.2 ×: MISSED"));
    }

    #[test]
    fn columns_line_up() {
        let text = text(&results());
        let column = |line: &str, part: &str| {
            line.split_once(part)
                .map(|(before, _)| before.chars().count())
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            column(lines[0], "durability"),
            column(lines[1], "each write")
        );
        assert_eq!(
            column(lines[0], "durability"),
            column(lines[2], "each write")
        );
    }

    #[test]
    fn markdown_has_the_machine_the_rows_and_the_command_lines() {
        let text = markdown(&results());
        assert!(
            text.contains("\n| workload | case | durability |"),
            "{text}"
        );
        assert!(text.contains("\n| --- | --- |"), "{text}");
        assert!(
            text.contains("| set-durable | 50 clients | each write synced |"),
            "{text}"
        );
        assert!(text.ends_with("```\nkv-bench compare\n```\n"), "{text}");
    }
}
