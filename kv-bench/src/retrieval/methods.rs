//! The methods that are compared.

use std::sync::Arc;
use std::thread;

use kv_embed::{Embedder, HashingEmbedder, TrainedEmbedder, Trainer};
use serde::Serialize;

use super::bm25::Matching;
use super::cosine::{self, Matrix};
use super::fusion;
use super::score::Score;
use super::task::{Query, Task, Tasks};
use crate::clock;

mod baseline;
mod live;

use baseline::Baseline;
use live::LiveIdf;

/// Documents of a ranking that count when rankings are fused.
const DEPTH: usize = 100;
/// Queries that are compared with a document while it is in the cache.
const BATCH: usize = 25;
/// Weights of the two rankings when they are fused.
const WORDS: f64 = 1.0;
const VECTORS: f64 = 1.0;

/// What one method reached.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub method: &'static str,
    /// A score a task, in the order of [`NAMES`](super::task::NAMES).
    pub tasks: Vec<Score>,
    /// Their mean.
    pub mean: Score,
    /// Time to embed a document, in microseconds.
    pub micros: Option<f64>,
}

/// A ranking for each query of each task.
type Rankings = Vec<Vec<Vec<u32>>>;

/// Every method on every task.
#[must_use]
pub fn measure(tasks: &Tasks) -> Vec<Row> {
    let live = LiveIdf::of(&tasks.documents);
    let with_live = HashingEmbedder::with_live_idf(Arc::new(live));
    let (baseline, _) = by_cosine("baseline: unsigned 3-grams", tasks, &Baseline);
    let (default, looks) = by_cosine("default", tasks, &HashingEmbedder::new());
    let (with_live, _) = by_cosine("default, live idf in queries", tasks, &with_live);
    let (trained, learnt) = by_cosine("trained", tasks, &trained(&tasks.documents));
    let (exact, _) = by_words("BM25", tasks, Matching::Exact);
    let (fuzzy, words) = by_words("BM25, fuzzy fallback", tasks, Matching::Fuzzy);
    let with_default = by_both("hybrid: BM25 fuzzy + default", tasks, &words, &looks);
    let with_trained = by_both("hybrid: BM25 fuzzy + trained", tasks, &words, &learnt);
    vec![
        baseline,
        default,
        with_live,
        trained,
        exact,
        fuzzy,
        with_default,
        with_trained,
    ]
}

/// Learns from the documents that are searched.
fn trained(documents: &[String]) -> TrainedEmbedder {
    let mut trainer = Trainer::new();
    documents.iter().for_each(|text| trainer.add(text));
    TrainedEmbedder::new(trainer.finish().into())
}

fn by_cosine(name: &'static str, tasks: &Tasks, embedder: &dyn Embedder) -> (Row, Rankings) {
    let start = clock::now();
    let matrix = Matrix::of(embedder, &tasks.documents);
    let seconds = start.elapsed().as_secs_f64();
    let vector = |query: &Query| {
        let mut vector = vec![0.0; embedder.dims()];
        embedder.embed_query(&query.text, &mut vector);
        vector
    };
    let rankings = rank(tasks, |queries| {
        let vectors: Vec<Vec<f32>> = queries.iter().map(vector).collect();
        matrix.scores(&vectors)
    });
    #[expect(clippy::cast_precision_loss, reason = "some 100,000 documents")]
    let micros = 1e6 * seconds / tasks.documents.len() as f64;
    (row(name, tasks, &rankings, Some(micros)), rankings)
}

fn by_words(name: &'static str, tasks: &Tasks, matching: Matching) -> (Row, Rankings) {
    let rankings = rank(tasks, |queries| {
        let scores = |query: &Query| tasks.bm25.scores(&query.text, matching);
        queries.iter().map(scores).collect()
    });
    (row(name, tasks, &rankings, None), rankings)
}

fn by_both(name: &'static str, tasks: &Tasks, words: &Rankings, vectors: &Rankings) -> Row {
    let pairs = words.iter().zip(vectors);
    let fused = |(words, vectors): (&Vec<Vec<u32>>, &Vec<Vec<u32>>)| -> Vec<Vec<u32>> {
        let pairs = words.iter().zip(vectors);
        pairs
            .map(|(words, vectors)| fusion::fuse(&[(words, WORDS), (vectors, VECTORS)], fusion::K))
            .collect()
    };
    row(name, tasks, &pairs.map(fused).collect(), None)
}

/// The best documents for each query, on all processors; `scores` is given some queries at a time.
fn rank(tasks: &Tasks, scores: impl Fn(&[Query]) -> Vec<Vec<f32>> + Sync) -> Rankings {
    let some = |queries: &[Query]| -> Vec<Vec<u32>> {
        let pairs = queries.iter().zip(scores(queries));
        pairs
            .map(|(query, scores)| cosine::best(&scores, &query.excluded, DEPTH))
            .collect()
    };
    let many = |queries: &[Query]| queries.chunks(BATCH).flat_map(&some).collect();
    let of_task = |task: &Task| in_parallel(&task.queries, &many);
    tasks.tasks.iter().map(of_task).collect()
}

fn in_parallel(
    queries: &[Query],
    many: &(impl Fn(&[Query]) -> Vec<Vec<u32>> + Sync),
) -> Vec<Vec<u32>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = queries.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let shares = queries.chunks(share);
        let workers: Vec<_> = shares
            .map(|queries| scope.spawn(|| many(queries)))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<Vec<u32>>>| {
            worker.join().expect("ranking does not panic")
        };
        workers.into_iter().flat_map(join).collect()
    })
}

fn row(method: &'static str, tasks: &Tasks, rankings: &Rankings, micros: Option<f64>) -> Row {
    let of_task = |(task, rankings): (&Task, &Vec<Vec<u32>>)| {
        let pairs = task.queries.iter().zip(rankings);
        let scores: Vec<Score> = pairs
            .map(|(query, ranking)| Score::of(ranking, &query.relevant))
            .collect();
        Score::mean(&scores)
    };
    let scores: Vec<Score> = tasks.tasks.iter().zip(rankings).map(of_task).collect();
    Row {
        method,
        mean: Score::mean(&scores),
        tasks: scores,
        micros,
    }
}
