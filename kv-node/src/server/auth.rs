//! Checks passwords, and slows down whoever guesses them.
//!
//! 1. After [`FREE_FAILURES`] wrong guesses a source waits for each further one, all its
//!    connections together. A right guess is slowed down as well, but taken.
//! 2. What is remembered of sources is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use kv_proto::{ErrorCode, ErrorReply};
use parking_lot::Mutex;

use super::clock::Clock;
use crate::secret::Secret;

/// Wrong guesses that cost nothing.
const FREE_FAILURES: u32 = 5;

/// Between two guesses of a source after that.
const DELAY_MS: u64 = 1000;

/// A source that would wait longer than this is refused at once.
const WAIT_MS_MAX: u64 = 10_000;

/// Without a further failure, a source's are forgotten after this.
const FORGET_MS: u64 = 60_000;

/// Sources remembered; beyond that, the one that failed longest ago is forgotten.
const SOURCES_MAX: usize = 4096;

/// The one user there is; a client need not name it.
const USER: &[u8] = b"default";

/// Who may pass.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    password: Option<Secret>,
    guesses: Mutex<GuessLimiter>,
}

impl Gate {
    /// Everybody, or whoever knows `password`.
    pub(crate) fn new(password: Option<Secret>) -> Gate {
        Gate {
            password,
            guesses: Mutex::default(),
        }
    }

    /// Whether a password must be given.
    pub(crate) fn is_locked(&self) -> bool {
        self.password.is_some()
    }

    /// Checks what a client at `source` gives, after the delay that its wrong guesses earned it.
    pub(crate) async fn check(
        &self,
        source: IpAddr,
        user: Option<&[u8]>,
        password: &[u8],
        clock: &Clock,
    ) -> Result<(), ErrorReply> {
        let Some(expected) = &self.password else {
            return no_password_set(user);
        };
        let wait = self.guesses.lock().admit(source, clock.exact_ms());
        let wait_ms = wait.map_err(|_| too_many_guesses())?;
        if wait_ms > 0 {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        let right = expected.matches(password) & user.is_none_or(|user| user == USER);
        if right {
            self.guesses.lock().succeeded(source);
            return Ok(());
        }
        self.guesses.lock().failed(source, clock.exact_ms());
        Err(ErrorReply::new(
            ErrorCode::WrongPass,
            "invalid username-password pair or user is disabled.",
        ))
    }
}

fn no_password_set(user: Option<&[u8]>) -> Result<(), ErrorReply> {
    match user {
        Some(USER) => Ok(()),
        Some(_) => Err(ErrorReply::new(
            ErrorCode::WrongPass,
            "invalid username-password pair or user is disabled.",
        )),
        None => Err(ErrorReply::new(
            ErrorCode::Err,
            "AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
    }
}

fn too_many_guesses() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::Busy,
        "too many failed authentications from this address; try again in a minute",
    )
}

/// What is known of the sources that guessed wrong. Pure: time is passed in.
#[derive(Debug, Default)]
pub(crate) struct GuessLimiter {
    sources: HashMap<IpAddr, Source>,
}

#[derive(Debug, Default)]
struct Source {
    failures: u32,
    failed_at_ms: u64,
    /// The next guess is looked at no earlier.
    next_at_ms: u64,
}

/// A source has too many guesses waiting already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyGuesses;

impl GuessLimiter {
    /// How many milliseconds a guess from `source` has to wait before it is looked at.
    pub(crate) fn admit(&mut self, source: IpAddr, now_ms: u64) -> Result<u64, TooManyGuesses> {
        let Some(source) = self.sources.get_mut(&network(source)) else {
            return Ok(0);
        };
        if now_ms >= source.failed_at_ms + FORGET_MS || source.failures < FREE_FAILURES {
            return Ok(0);
        }
        let at_ms = source.next_at_ms.max(now_ms);
        if at_ms - now_ms > WAIT_MS_MAX {
            return Err(TooManyGuesses);
        }
        source.next_at_ms = at_ms + DELAY_MS;
        Ok(at_ms - now_ms)
    }

    /// A guess was right.
    pub(crate) fn succeeded(&mut self, source: IpAddr) {
        self.sources.remove(&network(source));
    }

    /// A guess was wrong.
    pub(crate) fn failed(&mut self, source: IpAddr, now_ms: u64) {
        let source = network(source);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            self.forget_oldest();
        }
        let entry = self.sources.entry(source).or_default();
        if now_ms >= entry.failed_at_ms + FORGET_MS {
            *entry = Source::default();
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.failed_at_ms = now_ms;
        entry.next_at_ms = entry.next_at_ms.max(now_ms + DELAY_MS);
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .sources
            .iter()
            .min_by_key(|(_, source)| source.failed_at_ms)
            .map(|(address, _)| *address);
        if let Some(address) = oldest {
            self.sources.remove(&address);
        }
    }
}

/// Who has one IPv6 address has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn after_failures(count: u32) -> GuessLimiter {
        let mut limiter = GuessLimiter::default();
        for _ in 0..count {
            limiter.failed(HOME, 0);
        }
        limiter
    }

    #[test]
    fn the_sixth_guess_waits_and_the_fifth_does_not() {
        assert_eq!(after_failures(4).admit(HOME, 0), Ok(0));
        assert_eq!(after_failures(5).admit(HOME, 0), Ok(DELAY_MS));
        assert_eq!(after_failures(5).admit(HOME, 400), Ok(DELAY_MS - 400));
    }

    #[test]
    fn guesses_of_one_source_wait_in_line_and_the_line_is_bounded() {
        let mut limiter = after_failures(5);
        for place in 1..=10 {
            assert_eq!(limiter.admit(HOME, 0), Ok(place * DELAY_MS));
        }
        assert_eq!(limiter.admit(HOME, 0), Err(TooManyGuesses));
        assert_eq!(limiter.admit("10.0.0.1".parse().unwrap(), 0), Ok(0));
    }

    #[test]
    fn a_right_guess_and_a_quiet_minute_forget_failures() {
        let mut limiter = after_failures(9);
        assert_eq!(limiter.admit(HOME, FORGET_MS), Ok(0));
        limiter.succeeded(HOME);
        assert_eq!(limiter.admit(HOME, 0), Ok(0));
    }

    #[test]
    fn sources_remembered_are_bounded() {
        let mut limiter = GuessLimiter::default();
        for number in 0..2 * u32::try_from(SOURCES_MAX).unwrap() {
            limiter.failed(IpAddr::V4(number.into()), u64::from(number));
        }
        assert_eq!(limiter.sources.len(), SOURCES_MAX);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let a = network("2001:db8:1:2::1".parse().unwrap());
        assert_eq!(a, network("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(a, network("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HOME);
    }
}
