//! Queries of many words, and such as cost too much.

use super::*;

/// Queries of many words: more than are looked at one by one.
fn any_broad_query() -> impl Strategy<Value = String> {
    let words = prop::collection::vec((any_word(), 1usize..4), 9..30);
    let group = words.prop_map(|words| {
        let times = |(word, count): &(String, usize)| vec![word.clone(); *count].join(" OR ");
        let words: Vec<_> = words.iter().map(times).collect();
        format!("({})", words.join(" OR "))
    });
    let rest = prop_oneof![
        3 => Just(String::new()),
        1 => any_query(),
        1 => any_leaf().prop_map(|leaf| format!("-{leaf}")),
        1 => any_leaf().prop_map(|leaf| format!("OR ({leaf} -red)")),
    ];
    (group, rest).prop_map(|(group, rest)| format!("{group} {rest}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn many_words_score_as_in_a_naive_index(
        texts in prop::collection::vec(any_fields(), 0..60),
        gaps in prop::collection::vec(0u32..700, 60),
        queries in prop::collection::vec(any_broad_query(), 1..4),
        limit in 1usize..12,
    ) {
        let mut pair = Pair::new(1);
        for (fields, gap) in texts.into_iter().zip(gaps) {
            pair.next += gap;
            pair.insert(fields);
        }
        for query in &queries {
            let Ok(query) = Query::parse(query) else {
                continue;
            };
            pair.check(&query, limit);
            pair.check(&query, 1000);
        }
    }
}

fn steps(pair: &Pair, query: &str) -> u64 {
    let budget = Budget::default();
    let query = Query::parse(query).unwrap();
    pair.search_within(&query, 10, &budget).unwrap();
    budget.steps()
}

fn pair_of(count: usize, text: impl Fn(usize) -> String) -> Pair {
    let mut pair = Pair::new(1);
    for number in 0..count {
        pair.insert(vec![(String::new(), text(number))]);
    }
    pair
}

#[test]
fn what_is_asked_twice_is_looked_at_once() {
    let pair = pair_of(120, |number| format!("red car {number} run"));
    for once in [
        "red",
        "c*",
        "\"red car\"",
        "\"car red\"",
        "(red -car)",
        "(c* OR (red -x))",
        "name:red",
    ] {
        for separator in [" OR ", " "] {
            let often = [once; 9].join(separator);
            assert_eq!(steps(&pair, &often), steps(&pair, once), "{often}");
            pair.check(&Query::parse(&often).unwrap(), 7);
        }
    }
    let excluded = format!("run {}", "-\"car red\" ".repeat(9));
    assert_eq!(steps(&pair, &excluded), steps(&pair, "run -\"car red\""));
}

#[test]
fn a_query_that_costs_too_much_is_refused_and_says_what_to_do() {
    let pair = pair_of(300, |number| format!("red car w{number}"));
    let refused = |query: &str| {
        let query = Query::parse(query).unwrap();
        let error = pair.search_within(&query, 10, &Budget::new(9000));
        error.unwrap_err()
    };
    let phrase = refused("\"car red\"");
    assert_eq!(
        phrase,
        TooBroad::Phrase {
            phrase: "\"car red\"".to_owned(),
            documents: 300
        }
    );
    assert!(phrase.to_string().contains("add a rarer word"), "{phrase}");
    assert_eq!(refused("w*"), TooBroad::Words);
    assert_eq!(refused("w11~2"), TooBroad::Words);
    let postings = TooBroad::Postings { documents: 300 };
    assert_eq!(refused("(red OR x) (car OR y) -z"), postings);
    let rarer = Query::parse("\"car red\" w7").unwrap();
    assert_eq!(
        pair.search_within(&rarer, 10, &Budget::new(9000)),
        Ok(vec![])
    );
}

#[test]
fn a_query_is_answered_wholly_or_not_at_all() {
    let pair = pair_of(300, |number| format!("red car w{} y", number % 40));
    for query in [
        "red OR car",
        "red car",
        "\"car w7\" OR w8",
        "w* -w3",
        "(w1* OR y) (red OR w2) -\"red w3\"",
    ] {
        let parsed = Query::parse(query).unwrap();
        let (all, cost) = (pair.search(&parsed, 10), steps(&pair, query));
        for share in 0..40 {
            match pair.search_within(&parsed, 10, &Budget::new(cost * share / 32)) {
                Ok(found) => assert_eq!(found, all, "{query}"),
                Err(_) => assert!(share <= 33, "{query}: {share}"),
            }
        }
    }
}
