//! How keys are drawn: all alike, or a few often and most rarely.
//!
//! Zipf: the key of rank `k` is drawn with a chance proportional to `k^-theta`. Drawn by
//! rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from
//! monotone discrete distributions, 1996): exact, no table, a constant number of steps for any
//! number of keys.
//!
//! 1. Ranks are scattered over the key space by a bijection, so that the hot keys are not
//!    neighbours and every key can be drawn.

use std::fmt;
use std::str::FromStr;

use super::random::Random;

const THETA_DEFAULT: f64 = 0.99;
const THETA_MAX: f64 = 10.0;

/// How keys are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Every key alike.
    Uniform,
    /// Rank `k` with a chance proportional to `k^-theta`.
    Zipf {
        /// The skew, above 0 and at most 10; 0.99 is usual.
        theta: f64,
    },
}

/// Why a text names no distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such distribution: {0:?}; use uniform, zipf or zipf:THETA with 0 < THETA <= 10")]
#[non_exhaustive]
pub struct DistributionError(pub String);

impl FromStr for Distribution {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Distribution, DistributionError> {
        let theta = match text.split_once(':') {
            None if text == "uniform" => return Ok(Distribution::Uniform),
            None if text == "zipf" => Some(THETA_DEFAULT),
            Some(("zipf", theta)) => theta.parse().ok(),
            _ => None,
        };
        theta
            .filter(|theta| *theta > 0.0 && *theta <= THETA_MAX)
            .map(|theta| Distribution::Zipf { theta })
            .ok_or_else(|| DistributionError(text.to_owned()))
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::Uniform => write!(f, "uniform"),
            Distribution::Zipf { theta } => write!(f, "zipf:{theta}"),
        }
    }
}

/// Draws key indexes.
#[derive(Debug, Clone)]
pub(super) enum Picker {
    Uniform { key_count: u64 },
    Zipf { zipf: Zipf, scatter: Scatter },
}

impl Picker {
    pub(super) fn new(distribution: Distribution, key_count: u64) -> Picker {
        match distribution {
            Distribution::Uniform => Picker::Uniform { key_count },
            Distribution::Zipf { theta } => Picker::Zipf {
                zipf: Zipf::new(key_count, theta),
                scatter: Scatter::new(key_count),
            },
        }
    }

    pub(super) fn pick(&self, random: &mut Random) -> u64 {
        match self {
            Picker::Uniform { key_count } => random.below(*key_count),
            Picker::Zipf { zipf, scatter } => scatter.place(zipf.rank(random) - 1),
        }
    }
}

/// Ranks from 1 to `count`.
#[derive(Debug, Clone)]
pub(super) struct Zipf {
    count: f64,
    theta: f64,
    /// Area under the curve from its start to rank 1's right edge, less rank 1's own bar.
    area_first: f64,
    /// Area up to the last rank's right edge.
    area_last: f64,
    /// A point nearer than this to its rank's centre is inside the bar without further test.
    near: f64,
}

impl Zipf {
    #[expect(clippy::cast_precision_loss, reason = "key counts are far below 2^52")]
    fn new(count: u64, theta: f64) -> Zipf {
        let mut zipf = Zipf {
            count: count as f64,
            theta,
            area_first: 0.0,
            area_last: 0.0,
            near: 0.0,
        };
        zipf.area_first = zipf.area(1.5) - 1.0;
        zipf.area_last = zipf.area(zipf.count + 0.5);
        zipf.near = 2.0 - zipf.area_inverse(zipf.area(2.5) - zipf.height(2.0));
        zipf
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is a whole number from 1 to count"
    )]
    fn rank(&self, random: &mut Random) -> u64 {
        loop {
            let area = self.area_last + random.unit() * (self.area_first - self.area_last);
            let point = self.area_inverse(area);
            let rank = (point + 0.5).floor().clamp(1.0, self.count);
            let accepted =
                rank - point <= self.near || area >= self.area(rank + 0.5) - self.height(rank);
            if accepted {
                return rank as u64;
            }
        }
    }

    /// `x^-theta`.
    fn height(&self, x: f64) -> f64 {
        x.powf(-self.theta)
    }

    /// Integral of the height from 1 to `x`.
    fn area(&self, x: f64) -> f64 {
        let exponent = 1.0 - self.theta;
        if exponent == 0.0 {
            return x.ln();
        }
        (exponent * x.ln()).exp_m1() / exponent
    }

    /// The `x` with that area.
    fn area_inverse(&self, area: f64) -> f64 {
        let exponent = 1.0 - self.theta;
        if exponent == 0.0 {
            return area.exp();
        }
        ((area * exponent).max(-1.0).ln_1p() / exponent).exp()
    }
}

/// A bijection of `0..count` that puts neighbours far apart.
#[derive(Debug, Clone)]
pub(super) struct Scatter {
    count: u64,
    step: u64,
}

impl Scatter {
    fn new(count: u64) -> Scatter {
        /// 2^64 / golden ratio: multiples of it are spread evenly.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut step = (STEP % count.max(1)).max(1);
        while greatest_common_divisor(step, count) != 1 {
            step += 1;
        }
        Scatter { count, step }
    }

    fn place(&self, rank: u64) -> u64 {
        let place = u128::from(rank) * u128::from(self.step) % u128::from(self.count);
        u64::try_from(place).expect("remainder of a 64-bit count: fits in 64 bits")
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests;
