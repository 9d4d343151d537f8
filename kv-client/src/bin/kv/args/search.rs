//! Arguments of the searches.

use clap::{Args, value_parser};
use kv_client::{RESULTS_DEFAULT, RESULTS_MAX};

use super::VectorArg;

#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    /// JSON if it is JSON, else text; 1, 1.0 and "1" are three values
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: String,
    /// The value is text even if it is JSON
    #[arg(long)]
    pub(crate) text: bool,
    /// Look at a field: names with dots between, as address.city
    #[arg(long, value_name = "PATH")]
    pub(crate) at: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = RESULTS_DEFAULT)]
    #[arg(value_parser = value_parser!(u64).range(1..=RESULTS_MAX))]
    pub(crate) limit: u64,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words; all must be there. OR, -without, "a phrase", begin*, fuzzy~, field:word
    #[arg(required = true)]
    pub(crate) query: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = RESULTS_DEFAULT)]
    #[arg(value_parser = value_parser!(u64).range(1..=RESULTS_MAX))]
    pub(crate) limit: u64,
    /// Keys that begin with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// Rank by words and by meaning
    #[arg(long)]
    pub(crate) hybrid: bool,
    /// How much each counts, as 1,0.5
    #[arg(long, value_name = "WORDS,MEANING", requires = "hybrid")]
    #[arg(value_parser = parse_weights)]
    pub(crate) weights: Option<(f64, f64)>,
    /// Show the text around the matches
    #[arg(long)]
    pub(crate) snippets: bool,
    /// Say of each hit why it is one
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimilarArgs {
    /// Words
    #[arg(required_unless_present_any = ["key", "vector"])]
    pub(crate) text: Vec<String>,
    /// Instead of a text, the value of this key
    #[arg(long, conflicts_with = "text")]
    pub(crate) key: Option<String>,
    /// Instead of a text, this vector, as 0.5,-1,2
    #[arg(
        long,
        value_name = "NUMBERS",
        conflicts_with_all = ["text", "key"],
        allow_hyphen_values = true
    )]
    pub(crate) vector: Option<VectorArg>,
    /// At most so many
    #[arg(short = 'k', long, value_name = "COUNT", default_value_t = RESULTS_DEFAULT)]
    #[arg(value_parser = value_parser!(u64).range(1..=RESULTS_MAX))]
    pub(crate) top_k: u64,
    /// Keys that begin with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// Say of each hit why it is one
    #[arg(long)]
    pub(crate) explain: bool,
}

fn parse_weights(text: &str) -> Result<(f64, f64), String> {
    let parsed = text
        .split_once(',')
        .and_then(|(words, meaning)| Some((words.parse().ok()?, meaning.parse().ok()?)));
    parsed.ok_or_else(|| format!("{text:?} is not two numbers, as 1,0.5"))
}
