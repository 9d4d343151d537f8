//! The best documents that have any of some words.
//!
//! MaxScore (Turtle and Flood, "Query Evaluation: Strategies and Optimizations", 1995): words whose
//! scores together cannot lift a document over the threshold are only looked up in documents that
//! have one of the others. With one such other left, its blocks are skipped by their maxima, too;
//! many are read one after the other, some documents at a time.

use super::bm25::bound_of_sum;
use super::budget::{Budget, Cost, POSTING, STRIDE};
use super::cursor::{Cursor, END};
use super::sums::Sums;
use super::top::Top;

/// So many words or fewer are compared for each document.
const FEW_MAX: usize = 8;

/// Adds documents that `passes` lets through, which is asked last and in ascending order; stops when
/// the budget is spent.
pub(super) fn search(
    words: &mut [Cursor<'_>],
    top: &mut Top,
    budget: &Budget,
    mut passes: impl FnMut(u32) -> bool,
) {
    words.sort_by(|a, b| a.max().total_cmp(&b.max()));
    let mut sum = 0.0;
    // What the words up to each can score together.
    let sums: Vec<f32> = words
        .iter()
        .map(|word| {
            sum += word.max();
            sum
        })
        .collect();
    let mut optional = 0;
    let mut many = Sums::default();
    while !budget.is_spent() {
        while optional < words.len() && is_optional(&sums, optional, top.threshold()) {
            optional += 1;
        }
        let (rest, leads) = words.split_at_mut(optional);
        let rest_max = optional.checked_sub(1).map_or(0.0, |last| sums[last]);
        if leads.len() > FEW_MAX {
            if !many.fill(leads, budget) {
                return;
            }
            for (doc, score) in many.iter() {
                let threshold = top.threshold();
                let score = add_optional(doc, score, rest, &sums, threshold, budget);
                if score > threshold && passes(doc) {
                    top.add(doc, score);
                }
            }
            continue;
        }
        let threshold = top.threshold();
        let is_good = |score| bound_of_sum(score, rest_max) > threshold;
        let Some((doc, score)) = next(leads, is_good) else {
            return;
        };
        if leads.len() > 1 {
            budget.spend(Cost::Postings, POSTING * leads.len() as u64);
        }
        let score = add_optional(doc, score, rest, &sums, threshold, budget);
        if score > threshold && passes(doc) {
            top.add(doc, score);
        }
    }
}

fn is_optional(sums: &[f32], word: usize, threshold: f32) -> bool {
    let others = if word > 0 { sums[word - 1] } else { 0.0 };
    bound_of_sum(sums[word] - others, others) <= threshold
}

/// The next document of the leads, which move beyond it, and what they score in it. A lead that is
/// the only one skips what is not good.
fn next(leads: &mut [Cursor<'_>], is_good: impl Fn(f32) -> bool) -> Option<(u32, f32)> {
    if let [lead] = leads {
        let score = lead.seek_good(is_good)?;
        let doc = lead.doc();
        lead.advance();
        return Some((doc, score));
    }
    let doc = leads
        .iter()
        .map(|lead| lead.doc())
        .min()
        .filter(|&doc| doc != END)?;
    let mut score = 0.0;
    for lead in leads.iter_mut().rev().filter(|lead| lead.doc() == doc) {
        score += lead.score();
        lead.advance();
    }
    Some((doc, score))
}

/// Adds what the optional words score, as long as the document can still be good enough.
fn add_optional(
    doc: u32,
    mut score: f32,
    optional: &mut [Cursor<'_>],
    sums: &[f32],
    threshold: f32,
    budget: &Budget,
) -> f32 {
    for (word, sum) in optional.iter_mut().zip(sums).rev() {
        if bound_of_sum(score, *sum) <= threshold {
            return score;
        }
        budget.spend(Cost::Postings, STRIDE);
        if word.seek(doc) == doc {
            score += word.score();
        }
    }
    score
}
