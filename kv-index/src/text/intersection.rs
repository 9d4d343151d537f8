//! The best documents that have all of some words.
//!
//! The rarest word leads. Where the blocks that the words are in cannot make a document good enough
//! (block-max pruning: Ding and Suel, "Faster Top-k Document Retrieval Using Block-Max Indexes",
//! 2011), all move on to where one of the blocks ends.

use super::bm25::bound_of_sum;
use super::budget::{Budget, Cost, STRIDE};
use super::cursor::{Cursor, END};
use super::top::Top;

/// Adds documents that `passes` lets through, which is asked last and in ascending order; stops when
/// the budget is spent.
pub(super) fn search(
    words: &mut [Cursor<'_>],
    top: &mut Top,
    budget: &Budget,
    mut passes: impl FnMut(u32) -> bool,
) {
    words.sort_by_key(Cursor::len);
    let Some((lead, others)) = words.split_first_mut() else {
        return;
    };
    let mut target = 0;
    // Up to here, what the others' blocks can add is `others_max`.
    let mut window_end = None;
    let mut others_max = 0.0;
    while !budget.is_spent() {
        budget.spend(Cost::Postings, STRIDE);
        if window_end.is_none_or(|end| target > end) {
            let window = Window::at(target, lead, others);
            budget.spend(Cost::Postings, STRIDE * others.len() as u64);
            if bound_of_sum(window.lead_max, window.others_max) <= top.threshold() {
                if window.end == END {
                    return;
                }
                target = window.end + 1;
                continue;
            }
            window_end = Some(window.end);
            others_max = window.others_max;
        }
        let doc = lead.seek(target);
        if doc == END {
            return;
        }
        if window_end.is_some_and(|end| doc > end) {
            target = doc;
            continue;
        }
        target = doc + 1;
        let score = lead.score();
        if bound_of_sum(score, others_max) <= top.threshold() {
            continue;
        }
        match add_others(doc, score, others, budget) {
            Ok(score) if score > top.threshold() && passes(doc) => top.add(doc, score),
            Ok(_) => {}
            Err(next) => target = next,
        }
    }
}

/// The score with all words; the first document that may have all of them, if this one has not.
fn add_others(
    doc: u32,
    mut score: f32,
    others: &mut [Cursor<'_>],
    budget: &Budget,
) -> Result<f32, u32> {
    for other in others {
        budget.spend(Cost::Postings, STRIDE);
        match other.seek(doc) {
            at if at == doc => score += other.score(),
            END => return Err(END - 1),
            at => return Err(at),
        }
    }
    Ok(score)
}

/// Documents for which every word stays in one block.
struct Window {
    end: u32,
    /// What the lead scores at most, and what the others do together.
    lead_max: f32,
    others_max: f32,
}

impl Window {
    fn at(target: u32, lead: &mut Cursor<'_>, others: &mut [Cursor<'_>]) -> Window {
        lead.skip_blocks(target);
        let mut window = Window {
            end: lead.block_last(),
            lead_max: lead.block_max(),
            others_max: 0.0,
        };
        for other in others {
            other.skip_blocks(target);
            window.end = window.end.min(other.block_last());
            window.others_max += other.block_max();
        }
        window
    }
}
