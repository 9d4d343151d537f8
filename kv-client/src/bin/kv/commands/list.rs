//! Commands that list keys; they print while they read.

use kv_client::{EncodedValue, Value};
use serde_json::json;

use crate::app::App;
use crate::args::RangeArgs;
use crate::failure::Failure;
use crate::output::{Output, json_key, show_key};

const PAGE_COUNT: u64 = 512;

pub(super) async fn scan(
    app: &mut App,
    pattern: Option<String>,
    prefix: Option<String>,
    limit: Option<u64>,
) -> Result<(), Failure> {
    let pattern = pattern.or(prefix.map(|prefix| prefix_pattern(&prefix)));
    let mut left = limit.unwrap_or(u64::MAX);
    let mut scan = app.client.scan(pattern.as_deref());
    while left > 0
        && let Some(page) = scan.next_page().await?
    {
        for key in page
            .iter()
            .take(usize::try_from(left).unwrap_or(usize::MAX))
        {
            app.output
                .answer(&json!({ "key": json_key(key) }), show_key(key))?;
        }
        left = left.saturating_sub(page.len() as u64);
        app.output.flush()?;
    }
    Ok(())
}

/// The glob for keys that begin with exactly this.
pub(crate) fn prefix_pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('*');
    pattern
}

pub(super) async fn range(app: &mut App, args: RangeArgs) -> Result<(), Failure> {
    let (start, end) = bounds(&args);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut pages = app
        .client
        .range_pages(start, end.as_deref())
        .page_count(left.min(PAGE_COUNT));
    if args.reverse {
        pages = pages.reverse();
    }
    while left > 0
        && let Some(page) = pages.next_page().await?
    {
        for (key, value) in page
            .iter()
            .take(usize::try_from(left).unwrap_or(usize::MAX))
        {
            entry(&mut app.output, key, value)?;
        }
        left = left.saturating_sub(page.len() as u64);
        app.output.flush()?;
    }
    Ok(())
}

fn bounds(args: &RangeArgs) -> (Vec<u8>, Option<Vec<u8>>) {
    match (&args.prefix, &args.start) {
        (Some(prefix), _) => (prefix.as_bytes().to_vec(), after_prefix(prefix.as_bytes())),
        (None, start) => (
            start.clone().unwrap_or_default().into_bytes(),
            args.end.clone().map(String::into_bytes),
        ),
    }
}

/// The first key after all that begin with `prefix`, if there can be one.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

fn entry(output: &mut Output, key: &[u8], value: &EncodedValue) -> Result<(), Failure> {
    let value = match value.decode() {
        Ok(value) => value,
        Err(error) => Value::Str(format!("(damaged value: {error})")),
    };
    let json = json!({ "key": json_key(key), "value": value.to_json_value() });
    output.answer(&json, format!("{}  {}", show_key(key), value.to_json()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_means_itself_in_a_glob() {
        assert_eq!(prefix_pattern("user:"), "user:*");
        assert_eq!(prefix_pattern("a*[b]\\"), "a\\*\\[b\\]\\\\*");
    }

    #[test]
    fn the_range_of_a_prefix_ends_right_after_it() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), None);
        assert_eq!(after_prefix(b""), None);
    }
}
