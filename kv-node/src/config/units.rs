//! Sizes and periods as people write them: `16MiB`, `300s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes; reads and prints as `512`, `64KiB`, `16MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time; reads and prints as `250ms`, `10s`, `5m`, `1h`. 0 is `0s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// Why a text is not a size or a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// No number in front.
    #[error("expected a number and a unit, like {0}")]
    NoNumber(&'static str),
    /// The unit is none of these.
    #[error("unknown unit `{unit}`; one of {known}")]
    UnknownUnit {
        /// What was written.
        unit: String,
        /// What could be.
        known: &'static str,
    },
    /// Too large to count.
    #[error("too large")]
    TooLarge,
}

const BYTE_UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
];

const MILLISECOND_UNITS: [(&str, u64); 4] =
    [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl ByteSize {
    /// So many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> ByteSize {
        ByteSize(count << 20)
    }

    /// As a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<ByteSize, UnitError> {
        let (number, unit) = split(text, "16MiB")?;
        let unit = unit.to_ascii_lowercase();
        let factor = match unit.as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => {
                return Err(UnitError::UnknownUnit {
                    unit,
                    known: "B, KiB, MiB, GiB, TiB",
                });
            }
        };
        number
            .checked_mul(factor)
            .map(ByteSize)
            .ok_or(UnitError::TooLarge)
    }
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Period, UnitError> {
        let (number, unit) = split(text, "10s")?;
        let factor = match unit {
            "ms" => 1,
            "" | "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => {
                return Err(UnitError::UnknownUnit {
                    unit: unit.into(),
                    known: "ms, s, m, h",
                });
            }
        };
        number
            .checked_mul(factor)
            .map(|ms| Period(Duration::from_millis(ms)))
            .ok_or(UnitError::TooLarge)
    }
}

impl Period {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(count: u64) -> Period {
        Period(Duration::from_secs(count))
    }

    /// In whole milliseconds.
    #[must_use]
    pub fn as_ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Splits `16MiB` into 16 and `MiB`.
fn split<'a>(text: &'a str, example: &'static str) -> Result<(u64, &'a str), UnitError> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(UnitError::NoNumber(example));
    }
    let number = number.parse().map_err(|_| UnitError::TooLarge)?;
    Ok((number, unit.trim()))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in(f, self.0, &BYTE_UNITS, "")
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in(f, self.as_ms(), &MILLISECOND_UNITS, "s")
    }
}

/// Writes `number` in the largest unit that divides it.
fn write_in(
    f: &mut fmt::Formatter<'_>,
    number: u64,
    units: &[(&str, u64)],
    zero_unit: &str,
) -> fmt::Result {
    let unit = units
        .iter()
        .find(|(_, factor)| number.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) if number > 0 => write!(f, "{}{name}", number / factor),
        _ => write!(f, "{number}{zero_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_they_print() {
        for text in ["0", "1", "1000", "64KiB", "16MiB", "3GiB", "2TiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("16mb".parse(), Ok(ByteSize::mib(16)));
        assert_eq!(" 8 KiB ".parse(), Ok(ByteSize(8192)));
    }

    #[test]
    fn periods_read_as_they_print() {
        for text in ["0s", "250ms", "10s", "5m", "2h", "90s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!("7".parse(), Ok(Period::seconds(7)));
    }

    #[test]
    fn wrong_units_are_named() {
        assert_eq!("MiB".parse::<ByteSize>(), Err(UnitError::NoNumber("16MiB")));
        assert_eq!("-1".parse::<ByteSize>(), Err(UnitError::NoNumber("16MiB")));
        let error = "5 parsecs".parse::<Period>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown unit `parsecs`; one of ms, s, m, h"
        );
        assert_eq!(
            "99999999999TiB".parse::<ByteSize>(),
            Err(UnitError::TooLarge)
        );
    }
}
