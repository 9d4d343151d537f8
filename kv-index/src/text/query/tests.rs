//! What is understood, and what is refused.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    Query::parse(text).unwrap().to_string()
}

fn refused(text: &str) -> (QueryErrorKind, usize) {
    let error = Query::parse(text).unwrap_err();
    (error.kind, error.character)
}

#[test]
fn operators_bind_as_documented() {
    assert_eq!(shown("red car"), "(red car)");
    assert_eq!(shown("red AND car OR blue"), "((red car) OR blue)");
    assert_eq!(shown("a -b NOT (c OR d)"), "(a -b -c -d)");
    assert_eq!(shown("NOT NOT a"), "a");
    assert_eq!(shown("and or not"), "(and or not)");
    assert_eq!(shown("name:john"), "name:john");
    assert_eq!(shown("a.b:(x OR y) z"), "((a.b:x OR a.b:y) z)");
    assert_eq!(
        shown("\"first name\":\"john doe\""),
        "\"first name\":\"john doe\""
    );
    assert_eq!(shown("ru* jhon~ jhon~2"), "(ru* jhon~ jhon~2)");
}

#[test]
fn words_that_hang_together_are_a_phrase() {
    assert_eq!(shown("well-known"), "\"well known\"");
    assert_eq!(shown("user@example.com"), "\"user example.com\"");
    assert_eq!(shown("http://x.y/z"), "\"http x.y z\"");
    assert_eq!(shown("well-kno*"), "(well kno*)");
    assert_eq!(shown("12:30"), "\"12 30\"");
}

#[test]
fn signs_without_words_mean_nothing() {
    for text in [
        "",
        "  ",
        "!!!",
        "()",
        "\"\"",
        "\u{0}\u{1}",
        "* ~ -",
        "(((?)))",
        "-!",
    ] {
        assert!(Query::parse(text).unwrap().is_empty(), "{text:?}");
    }
    assert_eq!(shown("red\u{0}car\u{7}!"), "(red car)");
    assert_eq!(shown("a - b"), "(a b)");
}

#[test]
fn errors_say_where() {
    assert_eq!(refused("ä \"b"), (QueryErrorKind::QuoteOpen, 3));
    assert_eq!(refused("a (b"), (QueryErrorKind::ParenthesisOpen, 3));
    assert_eq!(refused("a b)"), (QueryErrorKind::ParenthesisUnmatched, 4));
    assert_eq!(refused("a OR"), (QueryErrorKind::OperatorDangling("OR"), 3));
    assert_eq!(
        refused("AND a"),
        (QueryErrorKind::OperatorDangling("AND"), 1)
    );
    assert_eq!(
        refused("a OR AND b"),
        (QueryErrorKind::OperatorDangling("OR"), 3)
    );
    assert_eq!(
        refused("a NOT"),
        (QueryErrorKind::OperatorDangling("NOT"), 3)
    );
    assert_eq!(refused("-a NOT b"), (QueryErrorKind::OnlyExcluded, 1));
    assert_eq!(refused("ab~7"), (QueryErrorKind::DistanceTooLarge, 3));
    assert_eq!(refused("\"a b\"~2"), (QueryErrorKind::PhraseFuzzy, 6));
    let message = Query::parse("a OR -b").unwrap_err().to_string();
    assert!(
        message.contains("at character") && message.contains("red -car"),
        "{message}"
    );
}

#[test]
fn what_is_too_much_is_refused() {
    assert_eq!(refused(&"a ".repeat(65)).0, QueryErrorKind::WordsTooMany);
    assert!(Query::parse(&"a ".repeat(64)).is_ok());
    assert_eq!(refused(&"word ".repeat(10_000)).0, QueryErrorKind::TooLong);
    assert_eq!(refused(&"(".repeat(4000)).0, QueryErrorKind::TooDeep);
    assert_eq!(refused(&"\"a\":".repeat(1000)).0, QueryErrorKind::TooDeep);
    assert_eq!(refused(&"-".repeat(4000)).0, QueryErrorKind::TooDeep);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_a_query_or_an_error(text in any::<String>()) {
        let _ = Query::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn a_query_shown_reads_as_itself(
        text in "(( |\\(|\\)|\"|-|~|\\*|:|a|b|ß|1| AND | OR |NOT ){0,14}|[ab ]{0,9})"
    ) {
        if let Ok(query) = Query::parse(&text) {
            let shown = query.to_string();
            let again = Query::parse(&shown);
            prop_assert!(again.is_ok(), "{text:?} {shown:?} {again:?}");
            prop_assert_eq!(again.unwrap().to_string(), shown);
        }
    }
}
