//! Times as people write them: `500ms`, `10s`, `1.5h`, `1d`.

use std::time::Duration;

/// Reads a time; a plain number is seconds.
///
/// # Errors
/// Says what a time looks like.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds_per_unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(expected(text)),
    };
    let number: f64 = number.trim().parse().map_err(|_| expected(text))?;
    Duration::try_from_secs_f64(number * seconds_per_unit).map_err(|_| expected(text))
}

fn expected(text: &str) -> String {
    format!("{text:?} is not a time; write it as 500ms, 10s, 5m, 2h or 1d")
}

/// The time in its two largest units: `1d 2h`, `3m 20s`, `950ms`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let seconds = (duration + Duration::from_millis(500)).as_secs();
    let (d, h, m, s) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    match (d, h, m) {
        (0, 0, 0) if duration < Duration::from_secs(10) => format!("{}ms", duration.as_millis()),
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => format!("{m}m {s}s"),
        (0, _, _) => format!("{h}h {m}m"),
        _ => format!("{d}d {h}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        let millis = |text| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("10"), Ok(10_000));
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("2m"), Ok(120_000));
        assert_eq!(millis("1h"), Ok(3_600_000));
        assert_eq!(millis("1d"), Ok(86_400_000));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["", "s", "-1s", "1w", "1e999d", "NaN", "infs", "1 2s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_units_are_shown() {
        let show = |ms| show_duration(Duration::from_millis(ms));
        assert_eq!(show(950), "950ms");
        assert_eq!(show(59_000), "59s");
        assert_eq!(show(200_000), "3m 20s");
        assert_eq!(show(7_260_000), "2h 1m");
        assert_eq!(show(93_600_000), "1d 2h");
        assert_eq!(show(172_799_900), "2d 0h");
    }
}
