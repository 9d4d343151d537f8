//! Walking over many keys, page by page.

use std::collections::VecDeque;

use bytes::Bytes;
use kv_proto::{Command, EncodedValue};

use crate::answer::Answer;
use crate::client::{Client, key_of, pairs};
use crate::error::Error;

/// Keys in no particular order, from [`Client::scan`].
///
/// A key that is there all the time is returned at least once; one that comes or goes meanwhile
/// may or may not be.
#[derive(Debug)]
pub struct Scan {
    client: Client,
    pattern: Option<Bytes>,
    page_count: u64,
    /// `None` after the last page.
    cursor: Option<u64>,
    page: VecDeque<Bytes>,
}

impl Client {
    /// Walks over the keys that match a glob pattern, or all keys.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// let mut users = client.scan(Some("user:*"));
    /// while let Some(key) = users.next().await? {
    ///     println!("{}", String::from_utf8_lossy(&key));
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn scan(&self, pattern: Option<&str>) -> Scan {
        Scan {
            client: self.clone(),
            pattern: pattern.map(key_of),
            page_count: 512,
            cursor: Some(0),
            page: VecDeque::new(),
        }
    }

    /// Walks over the entries from `start`, before `end` if there is one, in key order.
    #[must_use]
    pub fn range_pages(&self, start: impl AsRef<[u8]>, end: Option<&[u8]>) -> RangePages {
        RangePages {
            client: self.clone(),
            start: key_of(start),
            end: end.map(key_of),
            reverse: false,
            page_count: 512,
            is_done: false,
        }
    }
}

impl Scan {
    /// About how many keys are fetched at once; default 512.
    #[must_use]
    pub fn page_count(mut self, count: u64) -> Scan {
        self.page_count = count;
        self
    }

    /// The next key, or `None` after the last.
    ///
    /// # Errors
    /// See [`Error`]. It may be called again then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.page.pop_front() {
                Some(key) => return Ok(Some(key)),
                None => match self.next_page().await? {
                    Some(page) => self.page = page.into(),
                    None => return Ok(None),
                },
            }
        }
    }

    /// The next keys, which may be none, or `None` after the last.
    ///
    /// # Errors
    /// See [`Error`]. It may be called again then.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Bytes>>, Error> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let command = Command::Scan {
            cursor,
            pattern: self.pattern.clone(),
            count: self.page_count,
            kind: None,
        };
        let (next, page) = scan_page(self.client.ask(command).await?)?;
        self.cursor = Some(next).filter(|cursor| *cursor != 0);
        Ok(Some(page))
    }
}

/// The cursor for the next page, and this one.
fn scan_page(answer: Answer) -> Result<(u64, Vec<Bytes>), Error> {
    let [cursor, page] = <[_; 2]>::try_from(answer.array()?).map_err(|items| Error::Answer {
        expected: "a cursor and keys",
        found: format!("{} items", items.len()),
    })?;
    let cursor = Answer::new(cursor).bytes()?;
    let cursor = std::str::from_utf8(&cursor)
        .ok()
        .and_then(|text| text.parse().ok());
    let cursor = cursor.ok_or_else(|| Error::Answer {
        expected: "a cursor",
        found: "something else".to_owned(),
    })?;
    let page = Answer::new(page).array()?;
    let keys: Result<Vec<Bytes>, Error> = page
        .into_iter()
        .map(|key| Answer::new(key).bytes())
        .collect();
    Ok((cursor, keys?))
}

/// Entries in key order, from [`Client::range_pages`].
#[derive(Debug)]
pub struct RangePages {
    client: Client,
    start: Bytes,
    end: Option<Bytes>,
    reverse: bool,
    page_count: u64,
    is_done: bool,
}

impl RangePages {
    /// How many entries are fetched at once; default 512.
    #[must_use]
    pub fn page_count(mut self, count: u64) -> RangePages {
        self.page_count = count.max(1);
        self
    }

    /// From the end backwards.
    #[must_use]
    pub fn reverse(mut self) -> RangePages {
        self.reverse = true;
        self
    }

    /// The next entries, or `None` after the last.
    ///
    /// # Errors
    /// See [`Error`]. It may be called again then.
    pub async fn next_page(&mut self) -> Result<Option<Vec<(Bytes, EncodedValue)>>, Error> {
        if self.is_done {
            return Ok(None);
        }
        let command = Command::Range {
            start: self.start.clone(),
            end: self.end.clone(),
            limit: self.page_count,
            reverse: self.reverse,
        };
        let page = pairs(self.client.ask(command).await?)?;
        self.is_done = (page.len() as u64) < self.page_count;
        match page.last() {
            Some((last, _)) if self.reverse => self.end = Some(last.clone()),
            Some((last, _)) => self.start = [last, &[0][..]].concat().into(),
            None => return Ok(None),
        }
        Ok(Some(page))
    }
}
