//! What the server counts.
//!
//! 1. Counting on the way of a request is a load and a store: each I/O thread has its own counters,
//!    which nobody else writes. They are added up when somebody looks.
//! 2. Latency is that of a batch in the backend, counted once for each of its requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::clients::CloseReason;

/// Latencies are counted by powers of two: up to 1 µs, 2 µs, … 2^25 µs (33 s), and beyond.
const LATENCY_BUCKET_COUNT: usize = 27;

/// A count that one thread writes and all may read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the thread that owns the counter may.
    pub(crate) fn add(&self, count: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(sum, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// All counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    threads: Vec<ThreadMetrics>,
    /// Connections accepted.
    pub(crate) accepted: Counter,
    /// Connections refused because there were too many.
    pub(crate) refused: Counter,
    rate: Mutex<Rate>,
}

/// The counts of one I/O thread, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct ThreadMetrics {
    /// By place in the table of commands.
    commands: Vec<Counter>,
    /// Requests of the native protocol.
    pub(crate) native_requests: Counter,
    latency: [Counter; LATENCY_BUCKET_COUNT],
    latency_ns: Counter,
    /// Requests answered with an error.
    pub(crate) errors: Counter,
    /// Wrong passwords.
    pub(crate) auth_failures: Counter,
    pub(crate) input_bytes: Counter,
    pub(crate) output_bytes: Counter,
    closed: [Counter; CloseReason::ALL.len()],
}

/// Counts of all threads, added up.
#[derive(Debug, Default, Clone)]
pub(crate) struct Totals {
    pub(crate) commands: Vec<u64>,
    pub(crate) native_requests: u64,
    pub(crate) latency: [u64; LATENCY_BUCKET_COUNT],
    pub(crate) latency_ns: u64,
    pub(crate) errors: u64,
    pub(crate) auth_failures: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) closed: [u64; CloseReason::ALL.len()],
}

/// Requests in the last second or so.
#[derive(Debug, Default)]
struct Rate {
    at_ms: u64,
    /// The counts then.
    total: u64,
    latency: [u64; LATENCY_BUCKET_COUNT],
    per_second: u64,
    p99_us: Option<u64>,
}

impl ThreadMetrics {
    fn new(command_count: usize) -> ThreadMetrics {
        let mut commands = Vec::new();
        commands.resize_with(command_count, Counter::default);
        ThreadMetrics {
            commands,
            native_requests: Counter::default(),
            latency: Default::default(),
            latency_ns: Counter::default(),
            errors: Counter::default(),
            auth_failures: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            closed: Default::default(),
        }
    }

    /// Counts a request for the command at `index` in the table.
    pub(crate) fn command(&self, index: usize) {
        if let Some(counter) = self.commands.get(index) {
            counter.add(1);
        }
    }

    /// Counts a batch of `count` requests that took `elapsed`.
    pub(crate) fn batch(&self, count: usize, elapsed: Duration) {
        let count = count as u64;
        let ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.add(ns.saturating_mul(count));
        self.latency[latency_bucket(ns)].add(count);
    }

    /// Counts a connection that ended.
    pub(crate) fn closed(&self, reason: CloseReason) {
        self.closed[closed_index(reason)].add(1);
    }

    fn counters(&self) -> impl Iterator<Item = &Counter> {
        let single = [
            &self.native_requests,
            &self.latency_ns,
            &self.errors,
            &self.auth_failures,
            &self.input_bytes,
            &self.output_bytes,
        ];
        let many = self
            .commands
            .iter()
            .chain(&self.latency)
            .chain(&self.closed);
        many.chain(single)
    }
}

/// The bucket of a latency: the first whose bound is not below it.
fn latency_bucket(ns: u64) -> usize {
    let us = ns.div_ceil(1000).max(1);
    let log2 = us.next_power_of_two().trailing_zeros() as usize;
    log2.min(LATENCY_BUCKET_COUNT - 1)
}

/// The bound of a bucket, in seconds.
pub(crate) fn latency_bound(bucket: usize) -> f64 {
    match bucket {
        last if last + 1 >= LATENCY_BUCKET_COUNT => f64::INFINITY,
        bucket => (1u64 << bucket) as f64 / 1e6,
    }
}

/// The bound of the bucket with the 99th of 100 latencies that were counted between two moments.
fn p99_us(
    before: &[u64; LATENCY_BUCKET_COUNT],
    after: &[u64; LATENCY_BUCKET_COUNT],
) -> Option<u64> {
    let counts = || {
        let pairs = after.iter().zip(before);
        pairs.map(|(after, before)| after.saturating_sub(*before))
    };
    let all: u64 = counts().sum();
    let rank = all - all / 100;
    let mut seen = 0;
    let reaches = |count: u64| {
        seen += count;
        seen >= rank
    };
    let bucket = counts().position(reaches).filter(|_| all > 0);
    bucket.map(|bucket| 1 << bucket)
}

fn closed_index(reason: CloseReason) -> usize {
    usize::from(reason as u8) - 1
}

impl Metrics {
    /// All zero.
    pub(crate) fn new(thread_count: usize, command_count: usize) -> Metrics {
        let mut threads = Vec::new();
        threads.resize_with(thread_count, || ThreadMetrics::new(command_count));
        Metrics {
            threads,
            accepted: Counter::default(),
            refused: Counter::default(),
            rate: Mutex::default(),
        }
    }

    /// The counts of an I/O thread.
    pub(crate) fn thread(&self, index: usize) -> &ThreadMetrics {
        &self.threads[index]
    }

    /// The counts of all threads together.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for thread in &self.threads {
            totals.add(thread);
        }
        totals
    }

    /// All requests so far.
    pub(crate) fn request_count(&self) -> u64 {
        self.totals().request_count()
    }

    /// Looks at how many requests there were since the last look; call it now and then.
    pub(crate) fn measure_rate(&self, now_ms: u64) {
        let mut rate = self.rate.lock();
        let elapsed_ms = now_ms.saturating_sub(rate.at_ms);
        if elapsed_ms < 1000 {
            return;
        }
        let totals = self.totals();
        let total = totals.request_count();
        *rate = Rate {
            at_ms: now_ms,
            total,
            per_second: total.saturating_sub(rate.total).saturating_mul(1000) / elapsed_ms,
            p99_us: p99_us(&rate.latency, &totals.latency),
            latency: totals.latency,
        };
    }

    /// Requests a second, lately.
    pub(crate) fn requests_per_second(&self) -> u64 {
        self.rate.lock().per_second
    }

    /// Microseconds in which 99 of 100 requests were answered lately; `None` if there were none.
    pub(crate) fn p99_us(&self) -> Option<u64> {
        self.rate.lock().p99_us
    }

    /// Sets all counts to zero. Counting goes on meanwhile, so a few may be missed.
    pub(crate) fn reset(&self) {
        let threads = self.threads.iter().flat_map(ThreadMetrics::counters);
        threads
            .chain([&self.accepted, &self.refused])
            .for_each(Counter::reset);
        let mut rate = self.rate.lock();
        (rate.total, rate.latency) = Default::default();
    }
}

impl Totals {
    /// All requests.
    pub(crate) fn request_count(&self) -> u64 {
        self.commands.iter().sum::<u64>() + self.native_requests
    }

    fn add(&mut self, thread: &ThreadMetrics) {
        self.commands.resize(thread.commands.len(), 0);
        add_all(&mut self.commands, &thread.commands);
        add_all(&mut self.latency, &thread.latency);
        add_all(&mut self.closed, &thread.closed);
        self.native_requests += thread.native_requests.value();
        self.latency_ns += thread.latency_ns.value();
        self.errors += thread.errors.value();
        self.auth_failures += thread.auth_failures.value();
        self.input_bytes += thread.input_bytes.value();
        self.output_bytes += thread.output_bytes.value();
    }

    /// How many connections ended, by reason.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (CloseReason, u64)> {
        CloseReason::ALL.iter().copied().zip(self.closed)
    }
}

fn add_all(sums: &mut [u64], counters: &[Counter]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_counted_below_the_first_bound_it_does_not_exceed() {
        for (ns, bound) in [
            (0, 1e-6),
            (1000, 1e-6),
            (1001, 2e-6),
            (4000, 4e-6),
            (4001, 8e-6),
            (33_000_000_000, 33.554_432),
            (60_000_000_000, f64::INFINITY),
        ] {
            assert_eq!(latency_bound(latency_bucket(ns)), bound, "{ns} ns");
        }
        assert_eq!(latency_bucket(u64::MAX), LATENCY_BUCKET_COUNT - 1);
    }

    #[test]
    fn counts_of_threads_are_added_up() {
        let metrics = Metrics::new(2, 3);
        metrics.thread(0).command(2);
        metrics.thread(1).command(2);
        metrics.thread(1).closed(CloseReason::Quit);
        metrics.thread(1).batch(10, Duration::from_micros(3));
        let totals = metrics.totals();
        assert_eq!(totals.commands, [0, 0, 2]);
        assert_eq!(totals.request_count(), 2);
        assert_eq!(totals.latency[2], 10);
        assert_eq!(totals.latency_ns, 30_000);
        assert!(
            totals
                .closed()
                .any(|closed| closed == (CloseReason::Quit, 1))
        );
        metrics.reset();
        assert_eq!(metrics.totals().latency, [0; LATENCY_BUCKET_COUNT]);
    }

    #[test]
    fn p99_is_that_of_the_last_look() {
        let metrics = Metrics::new(1, 1);
        metrics.measure_rate(1000);
        assert_eq!(metrics.p99_us(), None);
        metrics.thread(0).batch(98, Duration::from_micros(3));
        metrics.thread(0).batch(2, Duration::from_millis(1));
        metrics.measure_rate(2000);
        assert_eq!(metrics.p99_us(), Some(1024));
        metrics.thread(0).batch(99, Duration::from_micros(3));
        metrics.thread(0).batch(1, Duration::from_millis(1));
        metrics.measure_rate(3000);
        assert_eq!(metrics.p99_us(), Some(4));
        metrics.measure_rate(4000);
        assert_eq!(metrics.p99_us(), None);
    }

    #[test]
    fn rate_is_that_of_the_last_look() {
        let metrics = Metrics::new(1, 1);
        for _ in 0..500 {
            metrics.thread(0).command(0);
        }
        metrics.measure_rate(1000);
        assert_eq!(metrics.requests_per_second(), 500);
        metrics.measure_rate(1500);
        assert_eq!(metrics.requests_per_second(), 500);
        metrics.measure_rate(3000);
        assert_eq!(metrics.requests_per_second(), 0);
    }
}
