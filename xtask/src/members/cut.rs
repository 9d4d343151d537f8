//! Which links of a cluster are cut.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// From a node to another.
pub(super) type Link = (u64, u64);

/// Links that carry nothing. What is on its way over one waits until it is whole again, as it does
/// on a real network, where it is sent again and again.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    links: Mutex<BTreeSet<Link>>,
    changed: Condvar,
}

impl Cut {
    fn links(&self) -> MutexGuard<'_, BTreeSet<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these links, and no others, carry nothing.
    pub(crate) fn set(&self, links: impl IntoIterator<Item = Link>) {
        *self.links() = links.into_iter().collect();
        self.changed.notify_all();
    }

    /// Returns once the link carries something.
    pub(super) fn wait_open(&self, link: Link) {
        let links = self.links();
        let cut = |links: &mut BTreeSet<Link>| links.contains(&link);
        drop(
            self.changed
                .wait_while(links, cut)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Whether `id` is cut off from all others of `all`, in either direction.
    pub(crate) fn isolates(&self, id: u64, all: &[u64]) -> bool {
        let links = self.links();
        let is_cut = |other: &u64| links.contains(&(id, *other)) || links.contains(&(*other, id));
        all.len() > 1 && all.iter().filter(|other| **other != id).all(is_cut)
    }
}

/// All links between `ids` and the others of `all`, both ways.
pub(crate) fn around(ids: &[u64], all: &[u64]) -> Vec<Link> {
    let others = all.iter().filter(|id| !ids.contains(id));
    let pairs = others.flat_map(|other| ids.iter().map(move |id| (*id, *other)));
    pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_is_cut_off_waits_until_the_link_is_whole() {
        let cut = Arc::new(Cut::default());
        cut.set([(0, 1)]);
        cut.wait_open((1, 0));
        let waiting = {
            let cut = cut.clone();
            std::thread::spawn(move || cut.wait_open((0, 1)))
        };
        cut.set([]);
        waiting.join().unwrap();
    }

    #[test]
    fn a_minority_is_cut_off_both_ways() {
        let links = around(&[0], &[0, 1, 2]);
        assert_eq!(links, [(0, 1), (1, 0), (0, 2), (2, 0)]);
        let cut = Cut::default();
        cut.set(links);
        let isolated = [0, 1, 2].map(|id| cut.isolates(id, &[0, 1, 2]));
        assert_eq!(isolated, [true, false, false]);
    }
}
