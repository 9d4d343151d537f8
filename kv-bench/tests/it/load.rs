use std::net::SocketAddr;
use std::time::Duration;

use kv_bench::load::{self, Length, Phase, Plan, Report, Settings, Wire};
use kv_bench::workload::{Distribution, KeySpace, Workload};

use crate::server::{self, Manner};

fn settings(addr: SocketAddr) -> Settings {
    Settings {
        addr,
        wire: Wire::Resp,
        client_count: 4,
        pipeline: 3,
        thread_count: 2,
        workload: Workload {
            space: KeySpace::new(200, 20, 100).unwrap(),
            read_share: 0.5,
            distribution: Distribution::Zipf { theta: 0.9 },
        },
        seed: 1,
        verify: true,
        rate: None,
        timeout: Duration::from_secs(60),
    }
}

fn requests(count: u64) -> Plan {
    Plan {
        warmup: Duration::ZERO,
        length: Length::Requests(count),
        pid: Some(std::process::id()),
    }
}

fn run(settings: &Settings, count: u64) -> anyhow::Result<Report> {
    load::run(settings, &requests(count), &mut |_, _, _| {})
}

/// The same load over each protocol.
fn over_both(addr: SocketAddr) -> [Settings; 2] {
    [Wire::Resp, Wire::Native].map(|wire| Settings {
        wire,
        ..settings(addr)
    })
}

#[test]
fn exactly_the_requests_asked_for_are_recorded() {
    for settings in over_both(server::start(Manner::Honest).0) {
        exactly_the_requests_are_recorded(&settings);
    }
}

fn exactly_the_requests_are_recorded(settings: &Settings) {
    let report = run(settings, 5_000).unwrap();
    assert_eq!(report.requests, 5_000);
    assert_eq!(report.latency.count, 5_000);
    assert!(report.is_clean(), "{report}");
    let (reads, writes) = (report.reads.unwrap(), report.writes.unwrap());
    assert_eq!(reads.count + writes.count, 5_000);
    assert!((2_000..3_000).contains(&reads.count));
    assert!(report.latency.p50_us <= report.latency.p999_us);
    assert!(report.latency.p999_us <= report.latency.max_us);
    assert!(report.server.unwrap().rss_bytes_after > 0);
}

#[test]
fn a_warm_up_is_not_recorded() {
    let (addr, data) = server::start(Manner::Honest);
    let settings = Settings {
        workload: Workload {
            read_share: 0.0,
            ..settings(addr).workload
        },
        ..settings(addr)
    };
    let plan = Plan {
        warmup: Duration::from_millis(50),
        ..requests(10)
    };
    let mut warm_answers = 0;
    let report = load::run(&settings, &plan, &mut |phase, answered, _| {
        if phase == Phase::WarmUp {
            warm_answers = answered;
        }
    })
    .unwrap();
    assert_eq!(report.requests, 10);
    assert!(warm_answers > 10 && !data.lock().unwrap().is_empty());
}

#[test]
fn a_timed_load_records_about_that_time() {
    let (addr, _) = server::start(Manner::Honest);
    let plan = Plan {
        length: Length::Time(Duration::from_millis(100)),
        ..requests(0)
    };
    let report = load::run(&settings(addr), &plan, &mut |_, _, _| {}).unwrap();
    assert!(report.seconds >= 0.1 && report.requests > 0);
}

#[test]
fn a_preload_writes_every_key_so_that_no_read_misses() {
    let (addr, data) = server::start(Manner::Honest);
    let settings = settings(addr);
    load::preload(&settings, &mut |_, _, _| {}).unwrap();
    let stored = data.lock().unwrap().clone();
    assert_eq!(stored.len(), 200);
    let space = &settings.workload.space;
    for index in 0..200 {
        let mut key = Vec::new();
        space.write_key(index, &mut key);
        assert!(space.is_value_of(index, &stored[&key]));
    }
    let report = run(&settings, 2_000).unwrap();
    assert_eq!((report.misses, report.mismatches), (0, 0));
}

#[test]
fn a_server_that_forgets_writes_is_caught() {
    for settings in over_both(server::start(Manner::Forgetful).0) {
        let report = run(&settings, 5_000).unwrap();
        assert!(report.mismatches > 0);
        assert!(!report.is_clean());
    }
}

#[test]
fn refusals_are_counted_and_shown() {
    for settings in over_both(server::start(Manner::Busy).0) {
        let settings = Settings {
            client_count: 1,
            thread_count: 1,
            ..settings
        };
        let report = run(&settings, 1_000).unwrap();
        assert_eq!(report.errors["BUSY"].count, 100);
        assert_eq!((report.requests, report.mismatches), (1_000, 0));
        let text = report.to_string();
        assert!(text.contains("BUSY × 100: BUSY try later"), "{text}");
        assert!(load::preload(&settings, &mut |_, _, _| {}).is_err());
    }
}

#[test]
fn a_server_that_hangs_up_ends_the_load() {
    let (addr, _) = server::start(Manner::Hasty);
    let error = run(&settings(addr), 100_000).unwrap_err();
    assert_eq!(error.to_string(), "all connections were lost");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let (addr, _) = server::start(Manner::Silent);
    let settings = Settings {
        timeout: Duration::from_millis(10),
        ..settings(addr)
    };
    let error = run(&settings, 100).unwrap_err();
    assert!(error.to_string().starts_with("no answer for"), "{error}");
}

#[test]
fn an_answer_that_is_none_ends_the_load() {
    for settings in over_both(server::start(Manner::Babbling).0) {
        let error = run(&settings, 100).unwrap_err();
        assert!(format!("{error:#}").contains("not understood"), "{error:#}");
    }
}

#[test]
fn a_rate_is_kept() {
    let (addr, _) = server::start(Manner::Honest);
    let settings = Settings {
        rate: Some(1_000.0),
        ..settings(addr)
    };
    let report = run(&settings, 300).unwrap();
    // 300 requests at 1,000 a second cannot take less; how much more is up to the machine.
    assert!(report.seconds > 0.25, "{}", report.seconds);
    assert_eq!(report.requests, 300);
}

#[test]
fn values_larger_than_any_buffer_come_back_whole() {
    let (addr, _) = server::start(Manner::Honest);
    let settings = Settings {
        workload: Workload {
            space: KeySpace::new(8, 20, 1_000_000).unwrap(),
            ..settings(addr).workload
        },
        ..settings(addr)
    };
    let report = run(&settings, 60).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.requests, 60);
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let (addr, _) = server::start(Manner::Honest);
    let valid = settings(addr);
    let cases = [
        Settings {
            client_count: 0,
            ..valid.clone()
        },
        Settings {
            pipeline: 0,
            ..valid.clone()
        },
        Settings {
            thread_count: 5,
            ..valid.clone()
        },
        Settings {
            client_count: 201,
            ..valid.clone()
        },
        Settings {
            rate: Some(0.0),
            ..valid.clone()
        },
        Settings {
            workload: Workload {
                read_share: 1.5,
                ..valid.workload.clone()
            },
            ..valid
        },
    ];
    for settings in cases {
        assert!(run(&settings, 10).is_err(), "{settings:?}");
    }
}
