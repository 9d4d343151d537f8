//! What searches send, and what they make of answers.

use bytes::Bytes;
use kv_client::command::{Set, SimilarTo, Weights};
use kv_client::{
    Command, EncodedValue, Error, ErrorKind, Hit, RESULTS_MAX, Reply, SearchOptions, SetOptions,
    SimilarOptions, Value,
};
use kv_proto::hits_reply;

use crate::calls::{exchange, pair};
use crate::fake::refuse;

fn ranked() -> Reply {
    let hit = |key, score| Hit::new(Bytes::from_static(key), score);
    hits_reply(vec![hit(b"b", 2.5), hit(b"a", 0.5)], false)
}

fn scores() -> Vec<(Bytes, f64)> {
    vec![("b".into(), 2.5), ("a".into(), 0.5)]
}

fn detailed() -> Hit {
    Hit {
        snippet: Some("a <b>word</b>".to_owned()),
        explanation: Some(Value::List(vec![Value::Int(1)])),
        ..Hit::new("k".into(), 0.25)
    }
}

#[tokio::test]
async fn a_value_is_found_whole_or_in_a_field() {
    let (client, mut peer) = pair().await;
    let keys = || Reply::Array(vec![Reply::text("k1"), Reply::text("k2")]);
    let (found, whole) = tokio::join!(
        client.search_by_value(&("John", 30)),
        exchange(&mut peer, keys())
    );
    assert_eq!(found.unwrap(), ["k1", "k2"]);
    let john = Value::List(vec![Value::Str("John".to_owned()), Value::Int(30)]);
    let find = |value: &Value, path: Option<&str>| Command::Find {
        value: EncodedValue::from(value),
        path: path.map(str::to_owned),
        limit: RESULTS_MAX,
    };
    assert_eq!(whole, find(&john, None));
    let (found, field) = tokio::join!(
        client.search_by_field("a.b", &1.0),
        exchange(&mut peer, Reply::Array(Vec::new()))
    );
    assert!(found.unwrap().is_empty());
    assert_eq!(field, find(&Value::Float(1.0), Some("a.b")));
}

#[tokio::test]
async fn ranked_searches_answer_keys_and_scores_best_first() {
    let (client, mut peer) = pair().await;
    let (found, command) = tokio::join!(
        client.search_fulltext("python"),
        exchange(&mut peer, ranked())
    );
    assert_eq!(found.unwrap(), scores());
    let expected = Command::Search {
        query: "python".to_owned(),
        options: SearchOptions::new(),
    };
    assert_eq!(command, expected);
    let (found, command) = tokio::join!(
        client.search_semantic("neural networks", 5),
        exchange(&mut peer, ranked())
    );
    assert_eq!(found.unwrap(), scores());
    let expected = Command::Similar {
        query: "neural networks".into(),
        k: 5,
        prefix: None,
        explain: false,
    };
    assert_eq!(command, expected);
}

#[tokio::test]
async fn hits_have_what_was_asked_for() {
    let (client, mut peer) = pair().await;
    let options = SearchOptions::new().weights(1.0, 0.5).snippets().explain();
    let (found, command) = tokio::join!(
        client.search("word", options),
        exchange(&mut peer, hits_reply(vec![detailed()], true))
    );
    assert_eq!(found.unwrap(), [detailed()]);
    let Command::Search { options, .. } = command else {
        panic!("{command:?}");
    };
    let (words, meaning) = (1.0, 0.5);
    assert_eq!(options.hybrid, Some(Weights { words, meaning }));
    let (found, _) = tokio::join!(
        client.search("word", SearchOptions::new()),
        exchange(&mut peer, ranked())
    );
    let [best, _] = <[Hit; 2]>::try_from(found.unwrap()).unwrap();
    assert_eq!(best, Hit::new("b".into(), 2.5));
}

#[tokio::test]
async fn what_is_similar_may_be_a_vector_or_a_key() {
    let (client, mut peer) = pair().await;
    let options = || SimilarOptions::new().k(3).prefix("p:").explain();
    let queries = [
        SimilarTo::Vector(vec![0.5, 0.5]),
        SimilarTo::Key("k".into()),
    ];
    for asked in queries {
        let (found, command) = tokio::join!(
            client.similar(asked.clone(), options()),
            exchange(&mut peer, hits_reply(vec![detailed()], true))
        );
        assert_eq!(found.unwrap(), [detailed()]);
        let expected = Command::Similar {
            query: asked,
            k: 3,
            prefix: Some("p:".into()),
            explain: true,
        };
        assert_eq!(command, expected);
    }
}

#[tokio::test]
async fn a_hit_may_have_more_or_less_than_is_known_here() {
    let (client, mut peer) = pair().await;
    let fields = vec![
        (Reply::text("new"), Reply::Int(1)),
        (Reply::text("score"), Reply::text("0.5")),
        (Reply::text("snippet"), Reply::Nil),
        (Reply::text("key"), Reply::text("k")),
    ];
    let answer = Reply::Array(vec![Reply::Map(fields)]);
    let (found, _) = tokio::join!(
        client.search("q", SearchOptions::new().snippets()),
        exchange(&mut peer, answer)
    );
    assert_eq!(found.unwrap(), [Hit::new("k".into(), 0.5)]);
}

#[tokio::test]
async fn an_answer_of_another_kind_is_an_error() {
    let (client, mut peer) = pair().await;
    let plain = [
        Reply::Ok,
        Reply::Array(vec![Reply::text("k")]),
        Reply::Array(vec![Reply::text("k"), Reply::text("high")]),
        Reply::Array(vec![Reply::Int(1), Reply::Double(1.0)]),
    ];
    for answer in plain {
        let (found, _) = tokio::join!(client.search_fulltext("q"), exchange(&mut peer, answer));
        assert!(matches!(found, Err(Error::Answer { .. })), "{found:?}");
    }
    let keyless = vec![(Reply::text("score"), Reply::Double(1.0))];
    let snippet = vec![
        (Reply::text("key"), Reply::text("k")),
        (Reply::text("score"), Reply::Double(1.0)),
        (Reply::text("snippet"), Reply::Int(1)),
    ];
    let maps = [Reply::Nil, Reply::Map(keyless), Reply::Map(snippet)];
    for map in maps {
        let (found, _) = tokio::join!(
            client.search("q", SearchOptions::new().snippets()),
            exchange(&mut peer, Reply::Array(vec![map]))
        );
        assert!(matches!(found, Err(Error::Answer { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn a_refused_query_says_why() {
    let (client, mut peer) = pair().await;
    let refusal = refuse(kv_client::ErrorCode::Err, "a quote is not closed");
    let (found, _) = tokio::join!(
        client.search_fulltext("\"open"),
        exchange(&mut peer, refusal)
    );
    let error = found.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "ERR a quote is not closed");
}

#[tokio::test]
async fn what_no_server_takes_is_refused_before_it_is_sent() {
    let (client, _peer) = pair().await;
    let long = client.search_fulltext("x".repeat(20_000)).await;
    assert_eq!(
        long.unwrap_err().to_string(),
        "query has 20000 bytes, the limit is 16384"
    );
    let none = client.search_semantic("text", 0).await;
    assert_eq!(
        none.unwrap_err().to_string(),
        "k is 0, it can be 1 to 10000"
    );
    let nan = client.similar(vec![f32::NAN], SimilarOptions::new()).await;
    assert_eq!(
        nan.unwrap_err().to_string(),
        "vector holds a number that is not finite"
    );
}

#[tokio::test]
async fn a_value_is_stored_with_its_vector_and_what_is_known_of_it_has_it() {
    let (client, mut peer) = pair().await;
    let options = SetOptions::new().vector(vec![0.5, -2.0]);
    let (stored, command) = tokio::join!(
        client.set_with("k", &1, options),
        exchange(&mut peer, Reply::Ok)
    );
    assert!(stored.unwrap());
    let set = Set {
        vector: Some([0.5, -2.0].into()),
        ..Set::new("k".into(), EncodedValue::from(&Value::Int(1)))
    };
    assert_eq!(command, Command::Set(set));
    let blob = [0.5f32, -2.0].map(f32::to_le_bytes).concat();
    let fields = vec![
        (Reply::text("version"), Reply::Int(7)),
        (Reply::text("expires_at_ms"), Reply::Nil),
        (Reply::text("type"), Reply::text("int")),
        (Reply::text("bytes"), Reply::Int(8)),
        (Reply::text("vector"), Reply::Bytes(blob.into())),
    ];
    let (known, _) = tokio::join!(
        client.key_metadata("k"),
        exchange(&mut peer, Reply::Map(fields))
    );
    assert_eq!(known.unwrap().unwrap().vector, Some(vec![0.5, -2.0]));
}

#[tokio::test]
async fn training_answers_the_models_number() {
    let (client, mut peer) = pair().await;
    let (model, command) = tokio::join!(client.train(), exchange(&mut peer, Reply::Int(9)));
    assert_eq!((model.unwrap(), command), (9, Command::Train));
}
