//! The methods that are compared.

use std::thread;

use kv_embed::{Embedder, HashingEmbedder, TrainedEmbedder, Trainer};
use serde::Serialize;

use super::cosine::{self, Matrix};
use super::engine::{Engine, Matching};
use super::score::{Score, TOP};
use super::task::{Query, Task, Tasks};
use crate::clock;

mod baseline;

use baseline::Baseline;

/// Queries that are compared with a document while it is in the cache.
const BATCH: usize = 25;

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
    let engine = Engine::new(&tasks.documents);
    let learnt = trained(&tasks.documents);
    let mut rows = vec![
        by_cosine("baseline: unsigned 3-grams", tasks, &Baseline),
        by_cosine("default", tasks, &HashingEmbedder::new()),
        by_cosine("trained", tasks, &learnt),
        by_engine("BM25", tasks, |query| {
            engine.by_words(query, Matching::Exact, TOP)
        }),
        by_engine("BM25, fuzzy fallback", tasks, |query| {
            engine.by_words(query, Matching::Fuzzy, TOP)
        }),
        by_engine("hybrid, default", tasks, |query| engine.by_both(query, TOP)),
    ];
    engine.learn(learnt);
    rows.push(by_engine("hybrid, trained", tasks, |query| {
        engine.by_both(query, TOP)
    }));
    rows
}

/// Learns from the documents that are searched.
fn trained(documents: &[String]) -> TrainedEmbedder {
    let mut trainer = Trainer::new();
    documents.iter().for_each(|text| trainer.add(text));
    TrainedEmbedder::new(trainer.finish().into())
}

fn by_cosine(name: &'static str, tasks: &Tasks, embedder: &dyn Embedder) -> Row {
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
    row(name, tasks, &rankings, Some(micros))
}

fn by_engine(name: &'static str, tasks: &Tasks, best: impl Fn(&Query) -> Vec<u32> + Sync) -> Row {
    let many = |queries: &[Query]| queries.iter().map(&best).collect();
    let of_task = |task: &Task| in_parallel(&task.queries, &many);
    row(
        name,
        tasks,
        &tasks.tasks.iter().map(of_task).collect(),
        None,
    )
}

/// The best documents for each query, on all processors; `scores` is given some queries at a time.
fn rank(tasks: &Tasks, scores: impl Fn(&[Query]) -> Vec<Vec<f32>> + Sync) -> Rankings {
    let some = |queries: &[Query]| -> Vec<Vec<u32>> {
        let pairs = queries.iter().zip(scores(queries));
        pairs
            .map(|(query, scores)| cosine::best(&scores, &query.excluded, TOP))
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
