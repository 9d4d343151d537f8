//! Numbers as people read them.

/// A count with thousands separated, as `43,210`; below ten with two decimals.
#[must_use]
pub fn count(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 {
        format!("-{text}")
    } else {
        text
    }
}

/// Microseconds, as `12.3 µs`, `4.56 ms` or `7.8 s`.
#[must_use]
pub fn duration(micros: f64) -> String {
    match micros {
        _ if micros < 1_000.0 => format!("{micros:.0} µs"),
        _ if micros < 1_000_000.0 => format!("{:.2} ms", micros / 1_000.0),
        _ => format!("{:.2} s", micros / 1_000_000.0),
    }
}

/// Bytes, as `512 B`, `1.5 MiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if value < 1024.0 {
        return format!("{value:.0} B");
    }
    let mut value = value / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let cases = [
            (0.0, "0"),
            (1.25, "1.25"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (387_123.0, "387,123"),
            (-1_000.0, "-1,000"),
            (1e9, "1,000,000,000"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!(duration(87.6), "88 µs");
        assert_eq!(duration(1_234.0), "1.23 ms");
        assert_eq!(duration(7_800_000.0), "7.80 s");
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(1.5 * 1024.0 * 1024.0), "1.5 MiB");
        assert_eq!(bytes(3.0 * 1024_f64.powi(4)), "3.0 TiB");
    }
}
