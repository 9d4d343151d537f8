use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

const DIMS: usize = 70;

/// Numbers that look random, the same every time.
struct Noise(u64);

impl Noise {
    fn component(&mut self) -> f32 {
        // Four rounds of a xorshift would be no better: what counts is that directions differ.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dims: usize) -> Vec<f32> {
        (0..dims).map(|_| self.component()).collect()
    }

    /// A vector near one of a few centres, so that there are near ones and far ones.
    fn clustered(&mut self, centres: &[Vec<f32>]) -> Vec<f32> {
        let place = self.0 % centres.len() as u64;
        let centre = &centres[usize::try_from(place).unwrap()];
        centre.iter().map(|c| c + 0.7 * self.component()).collect()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The best `k` by exact cosine.
fn naive(vectors: &BTreeMap<u32, Vec<f32>>, query: &[f32], k: usize) -> Vec<(u32, f64)> {
    let scored = vectors
        .iter()
        .map(|(id, vector)| (*id, cosine(query, vector)));
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(k);
    scored
}

fn stored(index: &VectorIndex, ids: impl Iterator<Item = u32>) -> BTreeMap<u32, Vec<f32>> {
    ids.filter_map(|id| Some((id, index.vector(id)?))).collect()
}

fn clustered_index(count: u32, options: VectorOptions) -> (VectorIndex, BTreeMap<u32, Vec<f32>>) {
    let mut noise = Noise(7);
    let centres: Vec<_> = (0..50).map(|_| noise.vector(DIMS)).collect();
    let mut index = VectorIndex::with_options(DIMS, options);
    let vectors: BTreeMap<_, _> = (0..count)
        .map(|id| (id, noise.clustered(&centres)))
        .collect();
    for (id, vector) in &vectors {
        index.insert(*id, vector).unwrap();
    }
    (index, vectors)
}

fn recall(index: &VectorIndex, vectors: &BTreeMap<u32, Vec<f32>>) -> f64 {
    let queries: Vec<_> = vectors.values().step_by(vectors.len() / 25).collect();
    let found = queries.iter().map(|query| {
        let exact = naive(vectors, query, 10);
        let hits = index.search(query, 10, None).unwrap();
        hits.iter()
            .filter(|hit| exact.iter().any(|(id, _)| *id == hit.id))
            .count()
    });
    found.sum::<usize>() as f64 / (10 * queries.len()) as f64
}

const NO_SKETCHES: VectorOptions = VectorOptions {
    sketch_from_count: usize::MAX,
    candidate_count: 0,
};
const SKETCHES: VectorOptions = VectorOptions {
    sketch_from_count: 1,
    candidate_count: 500,
};

#[test]
fn scores_are_the_cosines_with_what_is_stored() {
    let (index, _) = clustered_index(500, NO_SKETCHES);
    let query = Noise(99).vector(DIMS);
    let exact = naive(&stored(&index, 0..500), &query, 20);
    let hits = index.search(&query, 20, None).unwrap();
    for (hit, (id, score)) in hits.iter().zip(&exact) {
        assert_eq!(hit.id, *id);
        assert!(
            (f64::from(hit.score) - score).abs() < 1e-6,
            "{hit:?} {score}"
        );
    }
    assert_eq!(hits.len(), exact.len());
}

#[test]
fn quantising_costs_at_most_two_in_a_hundred_hits() {
    let (index, vectors) = clustered_index(3000, NO_SKETCHES);
    let recall = recall(&index, &vectors);
    assert!(recall >= 0.98, "{recall}");
}

#[test]
fn sketches_find_nineteen_of_twenty_and_score_as_without() {
    let (index, vectors) = clustered_index(3000, SKETCHES);
    let (exact, _) = clustered_index(3000, NO_SKETCHES);
    assert!(index.sketches.is_some() && exact.sketches.is_none());
    let recall = recall(&index, &vectors);
    assert!(recall >= 0.95, "{recall}");
    let hits = index.search(&vectors[&17], 1, None).unwrap();
    assert_eq!(hits, exact.search(&vectors[&17], 1, None).unwrap());
}

#[test]
fn every_kernel_finds_the_same() {
    for options in [SKETCHES, NO_SKETCHES] {
        let (mut index, vectors) = clustered_index(3000, options);
        let mut results = Vec::new();
        for kernel in Kernel::available() {
            index.kernel = kernel;
            results.push(index.search(&vectors[&5], 100, None).unwrap());
            results.push(index.search(&vectors[&5], 3, None).unwrap());
        }
        assert!(results.iter().step_by(2).all(|hits| *hits == results[0]));
        assert!(
            results
                .iter()
                .skip(1)
                .step_by(2)
                .all(|hits| *hits == results[1])
        );
    }
}

#[test]
fn the_order_of_inserts_and_removes_does_not_show() {
    let (index, vectors) = clustered_index(3000, SKETCHES);
    let mut other = VectorIndex::with_options(DIMS, SKETCHES);
    for (id, vector) in vectors.iter().rev() {
        other.insert(id + 3000, vector).unwrap();
        other.insert(*id, vector).unwrap();
    }
    for id in 3000..6000 {
        other.remove(id);
    }
    for query in vectors.values().step_by(100) {
        assert_eq!(index.search(query, 10, None), other.search(query, 10, None));
    }
}

#[test]
fn each_number_of_components_finds_a_vector_by_itself() {
    let careless = VectorOptions {
        candidate_count: 0,
        ..SKETCHES
    };
    for dims in [1, 2, 63, 64, 65, 129, 512, DIMS_MAX] {
        let mut noise = Noise(5);
        let mut index = VectorIndex::with_options(dims, careless);
        let vectors: Vec<_> = (0..100).map(|_| noise.vector(dims)).collect();
        for (id, vector) in (0..).zip(&vectors) {
            index.insert(id, vector).unwrap();
        }
        for query in vectors.iter().step_by(10) {
            let hits = index.search(query, 1, None).unwrap();
            assert!(hits[0].score > 0.999, "{dims}: {hits:?}");
            assert_eq!(index.vector(hits[0].id).unwrap().len(), dims);
        }
    }
}

#[test]
#[should_panic = "1 to 4096 components, not 4097"]
fn too_many_components_are_refused() {
    let _ = VectorIndex::new(DIMS_MAX + 1);
}

#[test]
fn equal_vectors_rank_by_id() {
    let mut index = VectorIndex::new(2);
    for id in [9, 3, 200, 1, 70] {
        index.insert(id, &[0.6, 0.8]).unwrap();
    }
    let ids = |k| -> Vec<u32> {
        let hits = index.search(&[1.0, 0.0], k, None).unwrap();
        hits.iter().map(|hit| hit.id).collect()
    };
    assert_eq!(ids(3), [1, 3, 9]);
    assert_eq!(ids(usize::MAX), [1, 3, 9, 70, 200]);
    assert!(ids(0).is_empty());
}

#[test]
fn a_filter_leaves_the_best_of_the_rest() {
    for options in [SKETCHES, NO_SKETCHES] {
        let (index, mut vectors) = clustered_index(3000, options);
        let query = vectors[&0].clone();
        vectors.retain(|id, _| id % 100 == 0);
        let exact = naive(&stored(&index, vectors.keys().copied()), &query, 10);
        let hits = index.search(&query, 10, Some(&|id| id % 100 == 0)).unwrap();
        let ids: Vec<u32> = hits.iter().map(|hit| hit.id).collect();
        assert_eq!(ids, exact.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        assert!(
            index
                .search(&query, 10, Some(&|_| false))
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn what_is_no_direction_is_an_error_or_finds_nothing() {
    let mut index = VectorIndex::new(3);
    index.insert(1, &[1.0, 2.0, 2.0]).unwrap();
    let dims = VectorError::Dims {
        found: 2,
        expected: 3,
    };
    let not_finite = VectorError::NotFinite { position: 1 };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(index.insert(1, &[0.0, bad, 0.0]), Err(not_finite));
        assert_eq!(index.search(&[0.0, bad, 0.0], 1, None), Err(not_finite));
    }
    assert_eq!(index.insert(1, &[1.0, 0.0]), Err(dims));
    assert_eq!(index.search(&[1.0, 0.0], 1, None), Err(dims));
    assert_eq!(index.search(&[0.0; 3], 1, None), Ok(Vec::new()));
    assert_eq!(index.vector(1).map(|v| v.len()), Some(3));
    index.insert(1, &[0.0, -0.0, 0.0]).unwrap();
    assert_eq!((index.len(), index.vector(1)), (0, None));
}

#[test]
fn overwrites_and_removes_do_not_grow_memory() {
    let mut noise = Noise(3);
    let mut index = VectorIndex::with_options(DIMS, SKETCHES);
    let mut write = |index: &mut VectorIndex, round: u32| {
        for id in 0..300 {
            index.insert(id + 300 * round, &noise.vector(DIMS)).unwrap();
            index.insert(id + 300 * round, &noise.vector(DIMS)).unwrap();
            index.remove((id + 300 * round).wrapping_sub(300));
        }
    };
    (0..10).for_each(|round| write(&mut index, round));
    let before = index.memory_bytes();
    (10..50).for_each(|round| write(&mut index, round));
    assert_eq!(index.len(), 300);
    assert!(
        index.memory_bytes() <= before,
        "{} > {before}",
        index.memory_bytes()
    );
    index.renumber(&|_| None);
    assert!(index.memory_bytes() < 2000, "{}", index.memory_bytes());
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, Vec<i8>),
    Remove(u32),
    Renumber(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let insert = (0..60_u32, vec(-3..=3_i8, 5)).prop_map(|(id, v)| Step::Insert(id, v));
    let remove = (0..60_u32).prop_map(Step::Remove);
    let renumber = (2..5_u32).prop_map(Step::Renumber);
    vec(
        prop_oneof![20 => insert, 8 => remove, 1 => renumber],
        0..200,
    )
}

/// Drops every `drop`th id and closes the gaps.
fn renumbering(model: &BTreeMap<u32, Vec<f32>>, drop: u32) -> BTreeMap<u32, u32> {
    model
        .keys()
        .filter(|id| *id % drop != 0)
        .copied()
        .zip(0..)
        .collect()
}

fn apply(step: &Step, index: &mut VectorIndex, model: &mut BTreeMap<u32, Vec<f32>>) {
    match step {
        Step::Insert(id, vector) => {
            let vector: Vec<f32> = vector.iter().map(|v| f32::from(*v)).collect();
            index.insert(*id, &vector).unwrap();
            model.insert(*id, vector);
            model.retain(|_, vector| vector.iter().any(|v| *v != 0.0));
        }
        Step::Remove(id) => {
            index.remove(*id);
            model.remove(id);
        }
        Step::Renumber(drop) => {
            let new = renumbering(model, *drop);
            index.renumber(&|id| new.get(&id).copied());
            let renamed = new.iter().map(|(old, new)| (*new, model[old].clone()));
            *model = renamed.collect();
        }
    }
}

proptest! {
    #[test]
    fn any_history_leaves_what_the_model_has(
        steps in steps(),
        query in vec(-3..=3_i8, 5),
        options in prop_oneof![Just(SKETCHES), Just(NO_SKETCHES), Just(VectorOptions {
            sketch_from_count: 20,
            candidate_count: 5,
        })],
    ) {
        let mut index = VectorIndex::with_options(5, options);
        let mut model = BTreeMap::new();
        for step in &steps {
            apply(step, &mut index, &mut model);
            prop_assert_eq!(index.len(), model.len());
        }
        for id in 0..60 {
            let close = match (index.vector(id), model.get(&id)) {
                (Some(found), Some(expected)) => cosine(&found, expected) > 0.999,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            prop_assert!(close, "{id}: {:?}, {:?}", index.vector(id), model.get(&id));
        }
        for (row, sketches) in (0..index.len()).zip(std::iter::repeat(&index.sketches)) {
            let is_sketch = |s: &Sketches| s.is_sketch_of(row, &index.rows.cells(row));
            prop_assert!(sketches.as_ref().is_none_or(is_sketch), "row {row}");
        }
        let query: Vec<f32> = query.iter().map(|v| f32::from(*v)).collect();
        let hits = index.search(&query, 100, None).unwrap();
        let ids: std::collections::BTreeSet<u32> = hits.iter().map(|hit| hit.id).collect();
        if query.iter().any(|v| *v != 0.0) {
            prop_assert!(ids.iter().eq(model.keys()));
        }
        prop_assert_eq!(ids.len(), hits.len());
        for hit in &hits {
            let exact = cosine(&query, &index.vector(hit.id).unwrap());
            prop_assert!((f64::from(hit.score) - exact).abs() < 1e-5);
        }
        let ranked = |a: &Hit, b: &Hit| a.score > b.score || a.score == b.score && a.id < b.id;
        prop_assert!(hits.is_sorted_by(ranked));
    }
}
