//! How fast a search among vectors is, and what it misses.
//!
//! ```sh
//! cargo run --release -p kv-embed --example vectors -- [TEXTS.tsv] [--python PYTHON]
//! ```
//!
//! Documents are the lines of a file, `id \t names \t description`, as the default embedder sees
//! them; every second query is a document's names, the others are the second half of a
//! description. Without a file, vectors are random ones in clusters.
//!
//! The truth is the best ten by exact cosine, before quantising. With `--python`, numpy answers the
//! same queries in turn with us: a matrix product of 32-bit floats and `argpartition`. One thread
//! each. Times are the medians of the rounds.
#![expect(clippy::print_stdout, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::cast_precision_loss, reason = "numbers for people")]

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use kv_embed::{
    Embedder, HashingEmbedder,
    vectors::{VectorIndex, VectorOptions},
};

const K: usize = 10;
const ROUNDS: usize = 7;
const QUERY_COUNT: usize = 100;
const RANDOM_COUNT: usize = 117_659;
const RANDOM_DIMS: usize = 512;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let (texts, python) = arguments()?;
    let data = match texts {
        Some(path) => Data::embedded(&fs::read_to_string(path)?),
        None => Data::random(),
    };
    println!(
        "{} vectors of {} components",
        data.documents.len(),
        data.dims()
    );
    let truth = data.truth();
    let mut contenders = vec![
        Contender::ours("int8", &data, usize::MAX)?,
        Contender::ours("sketches, then int8", &data, 1)?,
    ];
    if let Some(python) = python {
        contenders.push(Contender::numpy(&python, &data)?);
    }
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round(&data)?;
        }
    }
    for contender in &mut contenders {
        contender.report(&truth);
    }
    Ok(())
}

fn arguments() -> Result<(Option<PathBuf>, Option<PathBuf>), Error> {
    let (mut texts, mut python) = (None, None);
    let mut arguments = env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument == "--python" {
            true => python = Some(arguments.next().ok_or("--python needs a program")?.into()),
            false => texts = Some(argument.into()),
        }
    }
    Ok((texts, python))
}

struct Data {
    documents: Vec<Vec<f32>>,
    queries: Vec<Vec<f32>>,
}

impl Data {
    fn embedded(texts: &str) -> Self {
        let embedder = HashingEmbedder::new();
        let document = |line: &str| {
            let mut out = vec![0.0; embedder.dims()];
            let (_, text) = line.split_once('\t').unwrap_or_default();
            embedder.embed_document(text, &mut out);
            out
        };
        let query = |(number, line): (usize, &str)| {
            let mut out = vec![0.0; embedder.dims()];
            embedder.embed_query(&query_text(number, line), &mut out);
            out
        };
        let step = texts.lines().count().div_ceil(QUERY_COUNT);
        let queries = texts.lines().step_by(step).enumerate().map(query);
        Self {
            queries: queries.collect(),
            documents: texts.lines().map(document).collect(),
        }
    }

    fn random() -> Self {
        let mut noise = Noise(1);
        let centres: Vec<Vec<f32>> = (0..1000)
            .map(|_| noise.vector(&[0.0; RANDOM_DIMS]))
            .collect();
        let mut near = |n: usize| noise.vector(&centres[n % centres.len()]);
        Self {
            documents: (0..RANDOM_COUNT).map(&mut near).collect(),
            queries: (0..QUERY_COUNT).map(&mut near).collect(),
        }
    }

    fn dims(&self) -> usize {
        self.queries[0].len()
    }

    /// For each query, the best ids.
    fn truth(&self) -> Vec<Vec<usize>> {
        let lengths: Vec<f32> = self.documents.iter().map(|d| dot(d, d).sqrt()).collect();
        let best = |query: &Vec<f32>| {
            let scores = self.documents.iter().zip(&lengths);
            let scores: Vec<f32> = scores.map(|(d, length)| dot(query, d) / length).collect();
            let mut ids: Vec<usize> = (0..scores.len()).filter(|id| lengths[*id] > 0.0).collect();
            ids.select_nth_unstable_by(K - 1, |a, b| scores[*b].total_cmp(&scores[*a]));
            ids.truncate(K);
            ids
        };
        self.queries.iter().map(best).collect()
    }
}

/// Even queries are a document's names, odd ones the second half of its description.
fn query_text(number: usize, line: &str) -> String {
    let mut fields = line.split('\t').skip(1);
    let names = fields.next().unwrap_or_default();
    let words: Vec<&str> = fields.next().unwrap_or_default().split(' ').collect();
    if number.is_multiple_of(2) {
        names.to_owned()
    } else {
        words[words.len() / 2..].join(" ")
    }
}

struct Noise(u64);

impl Noise {
    /// A vector of unit length around `centre`; about as far from it as it is from zero.
    fn vector(&mut self, centre: &[f32]) -> Vec<f32> {
        let width = 1.7 / (centre.len() as f32).sqrt();
        let mut vector: Vec<f32> = centre
            .iter()
            .map(|c| c + width * self.component())
            .collect();
        let length = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|component| *component /= length);
        vector
    }

    fn component(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

struct Contender {
    name: &'static str,
    engine: Engine,
    /// Of each round, µs a query.
    times: Vec<f64>,
    found: Vec<Vec<usize>>,
}

enum Engine {
    Ours(Box<VectorIndex>),
    Numpy(Numpy),
}

impl Contender {
    fn new(name: &'static str, engine: Engine) -> Self {
        Self {
            name,
            engine,
            times: Vec::new(),
            found: Vec::new(),
        }
    }

    fn ours(name: &'static str, data: &Data, sketch_from_count: usize) -> Result<Self, Error> {
        let options = VectorOptions {
            sketch_from_count,
            ..VectorOptions::default()
        };
        let mut index = VectorIndex::with_options(data.dims(), options);
        let start = Instant::now();
        for (id, document) in data.documents.iter().enumerate() {
            index.insert(u32::try_from(id)?, document)?;
        }
        let insert = start.elapsed().as_secs_f64() * 1e6 / data.documents.len() as f64;
        let bytes = index.memory_bytes() as f64 / index.len() as f64;
        println!("{name:<20} {insert:.2} µs an insert, {bytes:.0} bytes a vector");
        Ok(Self::new(name, Engine::Ours(Box::new(index))))
    }

    fn numpy(python: &Path, data: &Data) -> Result<Self, Error> {
        Ok(Self::new(
            "numpy",
            Engine::Numpy(Numpy::start(python, data)?),
        ))
    }

    fn round(&mut self, data: &Data) -> Result<(), Error> {
        let (time, found) = match &mut self.engine {
            Engine::Ours(index) => search_all(index, data)?,
            Engine::Numpy(numpy) => numpy.search_all()?,
        };
        self.times.push(time);
        self.found = found;
        Ok(())
    }

    fn report(&mut self, truth: &[Vec<usize>]) {
        self.times.sort_by(f64::total_cmp);
        let median = self.times[self.times.len() / 2];
        let hits = |parity: usize| -> f64 {
            let pairs = truth.iter().zip(&self.found).skip(parity).step_by(2);
            let hits = pairs.map(|(t, f)| t.iter().filter(|id| f.contains(id)).count());
            2.0 * hits.sum::<usize>() as f64 / (truth.len() * K) as f64
        };
        let (even, odd) = (hits(0), hits(1));
        println!(
            "{:<20} {median:>7.0} µs a query ({:.0} to {:.0}), recall@10 {:.4} (even {even:.4}, odd {odd:.4})",
            self.name,
            self.times[0],
            self.times[self.times.len() - 1],
            f64::midpoint(even, odd),
        );
    }
}

fn search_all(index: &VectorIndex, data: &Data) -> Result<(f64, Vec<Vec<usize>>), Error> {
    let start = Instant::now();
    let mut found = Vec::with_capacity(data.queries.len());
    for query in &data.queries {
        let hits = index.search(query, K, None)?;
        found.push(hits.iter().map(|hit| hit.id as usize).collect());
    }
    Ok((
        start.elapsed().as_secs_f64() * 1e6 / data.queries.len() as f64,
        found,
    ))
}

/// A Python process that answers all queries each time it reads a line.
struct Numpy {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const PROGRAM: &str = r"
import sys, time, numpy as np
documents, queries, dims, k = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
documents = np.fromfile(documents, dtype=np.float32).reshape(-1, dims)
queries = np.fromfile(queries, dtype=np.float32).reshape(-1, dims)
for _ in sys.stdin:
    start = time.perf_counter()
    found = []
    for query in queries:
        scores = documents @ query
        best = np.argpartition(scores, -k)[-k:]
        found.append(best[np.argsort(-scores[best])])
    print((time.perf_counter() - start) * 1e6 / len(queries), *np.concatenate(found), flush=True)
";

impl Numpy {
    fn start(python: &Path, data: &Data) -> Result<Self, Error> {
        let dir = env::temp_dir().join(format!("kv-embed-vectors-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let files = [dir.join("documents"), dir.join("queries")];
        write_floats(&files[0], &data.documents)?;
        write_floats(&files[1], &data.queries)?;
        let mut process = Command::new(python)
            .args(["-c", PROGRAM])
            .args(&files)
            .args([data.dims().to_string(), K.to_string()])
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().ok_or("no pipe to python")?;
        let output = BufReader::new(process.stdout.take().ok_or("no pipe from python")?);
        let mut numpy = Self {
            process,
            input,
            output,
        };
        // The first answer says that the files have been read.
        numpy.search_all()?;
        fs::remove_dir_all(dir)?;
        Ok(numpy)
    }

    fn search_all(&mut self) -> Result<(f64, Vec<Vec<usize>>), Error> {
        self.input.write_all(b"\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let (time, ids) = line.trim().split_once(' ').ok_or("python has failed")?;
        let ids: Vec<usize> = ids.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        Ok((
            time.parse()?,
            ids.chunks(K).map(<[usize]>::to_vec).collect(),
        ))
    }
}

impl Drop for Numpy {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

fn write_floats(path: &Path, vectors: &[Vec<f32>]) -> io::Result<()> {
    let floats = vectors.iter().flatten();
    let bytes: Vec<u8> = floats.flat_map(|float| float.to_le_bytes()).collect();
    fs::write(path, bytes)
}
