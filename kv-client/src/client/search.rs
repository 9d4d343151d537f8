//! Searches: by value, by words, by meaning.
//!
//! A search sees every write that was acknowledged before it was sent.

use kv_proto::command::{Key, SearchOptions, SimilarTo};
use kv_proto::limits::RESULTS_MAX;
use kv_proto::{Command, Hit};
use serde::Serialize;

use super::data::count;
use super::{Client, encoded};
use crate::answer::Answer;
use crate::error::Error;
use crate::hit::{hits, scores};
use crate::similar_options::SimilarOptions;

impl Client {
    /// The keys whose value equals this one, in no particular order; at most 10,000.
    ///
    /// Types count: `1`, `1.0` and `"1"` are three values.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// use std::collections::BTreeMap;
    ///
    /// client.set("user:1", &BTreeMap::from([("age", 30)])).await?;
    /// let keys = client.search_by_value(&BTreeMap::from([("age", 30)])).await?;
    /// assert_eq!(keys, ["user:1"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn search_by_value<T: Serialize + ?Sized>(
        &self,
        value: &T,
    ) -> Result<Vec<Key>, Error> {
        self.find(value, None).await
    }

    /// The keys whose value has this one at a path: names of fields, from the outside in, with
    /// dots between. In no particular order; at most 10,000.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// let keys = client.search_by_field("address.city", "London").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn search_by_field<T: Serialize + ?Sized>(
        &self,
        path: impl Into<String>,
        value: &T,
    ) -> Result<Vec<Key>, Error> {
        self.find(value, Some(path.into())).await
    }

    async fn find<T: Serialize + ?Sized>(
        &self,
        value: &T,
        path: Option<String>,
    ) -> Result<Vec<Key>, Error> {
        let command = Command::Find {
            value: encoded(value)?,
            path,
            limit: RESULTS_MAX,
        };
        let keys = self.ask(command).await?.array()?.into_iter();
        keys.map(|key| Answer::new(key).bytes()).collect()
    }

    /// The ten keys whose text fits the query best, with their scores, best first. For more, and
    /// for all that a query can be asked, see [`Client::search`].
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// for (key, score) in client.search_fulltext("python").await? {
    ///     println!("{} {score:.2}", key.escape_ascii());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Also if the query cannot be understood.
    pub async fn search_fulltext(
        &self,
        query: impl Into<String>,
    ) -> Result<Vec<(Key, f64)>, Error> {
        let command = Command::Search {
            query: query.into(),
            options: SearchOptions::new(),
        };
        scores(self.ask(command).await?)
    }

    /// The `top_k` keys whose text means something most similar to this one, with their scores,
    /// best first.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// let hits = client.search_semantic("neural networks", 5).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn search_semantic(
        &self,
        text: impl Into<String>,
        top_k: u64,
    ) -> Result<Vec<(Key, f64)>, Error> {
        let options = SimilarOptions::new().k(top_k);
        let command = options.command(SimilarTo::Text(text.into()));
        scores(self.ask(command).await?)
    }

    /// Searches by words, or by words and meaning at once, and tells as much of each hit as is
    /// asked for; best first.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// use kv_client::SearchOptions;
    ///
    /// let options = SearchOptions::new().limit(3).prefix("doc:").hybrid().snippets();
    /// for hit in client.search("fast \"key value\" -redis", options).await? {
    ///     println!("{:.3} {}", hit.score, hit.snippet.unwrap_or_default());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Also if the query cannot be understood.
    pub async fn search(
        &self,
        query: impl Into<String>,
        options: SearchOptions,
    ) -> Result<Vec<Hit>, Error> {
        let detailed = options.is_detailed();
        let command = Command::Search {
            query: query.into(),
            options,
        };
        hits(self.ask(command).await?, detailed)
    }

    /// Has the server learn from all texts which words go together, for searches by meaning; the
    /// number of the model. Searches go on as before until it is learnt: then the server's status has
    /// that number under `indexes.model`.
    ///
    /// # Errors
    /// Also if a model is being learnt already.
    pub async fn train(&self) -> Result<u64, Error> {
        count(self.ask(Command::Train).await?)
    }

    /// Searches by meaning: what is similar to a text, to a vector, or to the value of a key; best
    /// first.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// use kv_client::{SimilarOptions, command::SimilarTo};
    ///
    /// let like_this = SimilarTo::Key("doc:1".into());
    /// let hits = client.similar(like_this, SimilarOptions::new().k(5)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Also if a vector has not as many dimensions as those that are stored.
    pub async fn similar(
        &self,
        query: impl Into<SimilarTo>,
        options: SimilarOptions,
    ) -> Result<Vec<Hit>, Error> {
        let detailed = options.explain;
        let command = options.command(query.into());
        hits(self.ask(command).await?, detailed)
    }
}
