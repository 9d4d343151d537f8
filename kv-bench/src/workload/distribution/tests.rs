use proptest::prelude::*;

use super::*;

const DRAWS: u32 = 200_000;

/// How often each rank was drawn.
fn counts(key_count: u64, theta: f64) -> Vec<u32> {
    let zipf = Zipf::new(key_count, theta);
    let mut random = Random::new(42);
    let mut counts = vec![0; usize::try_from(key_count).unwrap()];
    for _ in 0..DRAWS {
        counts[usize::try_from(zipf.rank(&mut random) - 1).unwrap()] += 1;
    }
    counts
}

/// Pearson's chi-squared of the draws against the exact probabilities.
fn chi_squared(key_count: u32, theta: f64) -> f64 {
    let total: f64 = (1..=key_count)
        .map(|rank| f64::from(rank).powf(-theta))
        .sum();
    counts(u64::from(key_count), theta)
        .iter()
        .zip(1..)
        .map(|(&count, rank): (&u32, u32)| {
            let expected = f64::from(DRAWS) * f64::from(rank).powf(-theta) / total;
            (f64::from(count) - expected).powi(2) / expected
        })
        .sum()
}

#[test]
fn zipf_draws_follow_the_exact_probabilities() {
    // 29 degrees of freedom: above 58.3 once in a thousand seeds; the seed is fixed.
    for theta in [0.2, 0.5, 0.99, 1.0, 1.3, 2.0] {
        let chi_squared = chi_squared(30, theta);
        assert!(chi_squared < 58.3, "theta {theta}: {chi_squared}");
    }
}

#[test]
fn chi_squared_notices_a_wrong_skew() {
    let total: f64 = (1..=30).map(|rank| f64::from(rank).powf(-1.0)).sum();
    let off: f64 = counts(30, 0.9)
        .iter()
        .zip(1..)
        .map(|(&count, rank): (&u32, u32)| {
            let expected = f64::from(DRAWS) / f64::from(rank) / total;
            (f64::from(count) - expected).powi(2) / expected
        })
        .sum();
    assert!(off > 58.3, "{off}");
}

#[test]
fn uniform_draws_reach_every_key_alike() {
    let picker = Picker::new(Distribution::Uniform, 10);
    let mut random = Random::new(9);
    let mut counts = [0_u32; 10];
    for _ in 0..10_000 {
        counts[usize::try_from(picker.pick(&mut random)).unwrap()] += 1;
    }
    assert!(
        counts.iter().all(|count| (850..1_150).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn one_key_is_always_drawn() {
    let mut random = Random::new(9);
    for distribution in [Distribution::Uniform, Distribution::Zipf { theta: 0.99 }] {
        let picker = Picker::new(distribution, 1);
        assert!((0..100).all(|_| picker.pick(&mut random) == 0));
    }
}

#[test]
fn distributions_are_read_as_they_are_written() {
    for text in ["uniform", "zipf:0.99", "zipf:1.2"] {
        assert_eq!(text.parse::<Distribution>().unwrap().to_string(), text);
    }
    assert_eq!("zipf".parse(), Ok(Distribution::Zipf { theta: 0.99 }));
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "zipf:",
        "zipf:0",
        "zipf:-1",
        "zipf:NaN",
        "zipf:inf",
        "normal",
        "uniform:1",
    ] {
        assert_eq!(
            text.parse::<Distribution>(),
            Err(DistributionError(text.to_owned())),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn scatter_is_a_bijection(count in 1_u64..3_000) {
        let scatter = Scatter::new(count);
        let mut places: Vec<u64> = (0..count).map(|rank| scatter.place(rank)).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..count).collect::<Vec<u64>>());
    }

    #[test]
    fn ranks_stay_in_bounds(
        count in 1_u64..u64::from(u32::MAX),
        theta in 0.01_f64..10.0,
        seed: u64,
    ) {
        let zipf = Zipf::new(count, theta);
        let mut random = Random::new(seed);
        for _ in 0..100 {
            let rank = zipf.rank(&mut random);
            prop_assert!((1..=count).contains(&rank));
        }
    }
}
