//! Whether batches are whole: all keys of a group hold one value at every moment, so every `mget`
//! sees one value.

use crate::history::{Action, Answer, Operation};

/// Checks each `mget`.
///
/// # Errors
/// The first one that saw a batch half there, in words.
pub fn check(operations: &[Operation]) -> Result<(), String> {
    match operations.iter().find(|operation| !is_whole(operation)) {
        None => Ok(()),
        Some(operation) => Err(format!(
            "a batch on group {} was seen half there: {operation}",
            operation.key
        )),
    }
}

fn is_whole(operation: &Operation) -> bool {
    match (&operation.action, &operation.answer) {
        (Action::GetAll, Some(Answer::Values(values))) => {
            values.windows(2).all(|pair| pair[0] == pair[1])
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::{History, check};

    fn verdict(values: &str) -> Result<(), String> {
        let history = format!(
            r#"{{"process":1,"type":"invoke","f":"mset","key":"g","value":1,"time":1}}
               {{"process":2,"type":"invoke","f":"mget","key":"g","value":null,"time":2}}
               {{"process":2,"type":"ok","f":"mget","key":"g","value":{values},"time":3}}"#
        );
        let history = History::read(history.as_bytes()).unwrap();
        check(&history)
            .map(drop)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_batch_that_is_half_there_is_reported() {
        assert_eq!(
            verdict("[1,null]").unwrap_err(),
            "a batch on group g was seen half there: \
             [        2 ..         3] process 2   mget = 1 nothing"
        );
    }

    #[test]
    fn a_batch_may_be_there_or_not() {
        assert_eq!(verdict("[1,1]"), Ok(()));
        assert_eq!(verdict("[null,null]"), Ok(()));
        assert!(verdict("[2,2]").unwrap_err().contains("not linearizable"));
    }
}
