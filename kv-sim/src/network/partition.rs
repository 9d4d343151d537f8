//! The shapes in which a network falls apart.

use super::{Endpoint, Link};
use crate::random::Random;

/// Which nodes do not hear which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partition {
    /// These against all others, both ways.
    Split(Vec<Endpoint>),
    /// What the first sends does not reach the second; the other way is open.
    OneWay(Endpoint, Endpoint),
    /// Nobody hears this node, which hears everybody.
    Mute(Endpoint),
    /// This node hears nobody, and everybody hears it.
    Deaf(Endpoint),
    /// Each node hears the one before it alone.
    Ring,
    /// Each node talks with its two neighbours alone: for five nodes, everybody sees a majority and
    /// no two see the same one.
    Neighbours,
    /// Two halves that meet in one node only.
    Bridge(Endpoint),
    /// Exactly these links.
    Links(Vec<Link>),
}

impl Partition {
    /// Any shape.
    ///
    /// # Panics
    /// With fewer than two nodes.
    pub fn draw(random: &mut Random, nodes: &[Endpoint]) -> Partition {
        assert!(nodes.len() >= 2, "nothing to part");
        let mut order = nodes.to_vec();
        random.shuffle(&mut order);
        match random.below(8) {
            0 | 1 => {
                let count = 1 + random.index(nodes.len() / 2);
                Partition::Split(order[..count].to_vec())
            }
            2 => Partition::OneWay(order[0], order[1]),
            3 => Partition::Mute(order[0]),
            4 => Partition::Deaf(order[0]),
            5 => Partition::Ring,
            6 if nodes.len() > 3 => Partition::Neighbours,
            6 => Partition::Bridge(order[0]),
            _ => Partition::Links(any_links(random, nodes)),
        }
    }

    /// The links that it cuts.
    #[must_use]
    pub fn links(&self, nodes: &[Endpoint]) -> Vec<Link> {
        if let Partition::Links(links) = self {
            return links.clone();
        }
        let place = |node| nodes.iter().position(|other| *other == node);
        all_links(nodes)
            .filter(|(from, to)| match (place(*from), place(*to)) {
                (Some(from_place), Some(to_place)) => {
                    self.cuts(nodes.len(), (*from, from_place), (*to, to_place))
                }
                _ => false,
            })
            .collect()
    }

    fn cuts(&self, count: usize, from: (Endpoint, usize), to: (Endpoint, usize)) -> bool {
        let is_next = |a: usize, b: usize| (a + 1) % count == b;
        match self {
            Partition::Split(side) => side.contains(&from.0) != side.contains(&to.0),
            Partition::OneWay(a, b) => (*a, *b) == (from.0, to.0),
            Partition::Mute(node) => *node == from.0,
            Partition::Deaf(node) => *node == to.0,
            Partition::Ring => !is_next(from.1, to.1),
            Partition::Neighbours => !is_next(from.1, to.1) && !is_next(to.1, from.1),
            Partition::Bridge(node) => {
                let is_left = |place: usize| place < count / 2;
                *node != from.0 && *node != to.0 && is_left(from.1) != is_left(to.1)
            }
            Partition::Links(links) => links.contains(&(from.0, to.0)),
        }
    }
}

fn any_links(random: &mut Random, nodes: &[Endpoint]) -> Vec<Link> {
    all_links(nodes).filter(|_| random.below(3) == 0).collect()
}

fn all_links(nodes: &[Endpoint]) -> impl Iterator<Item = Link> {
    let pairs = nodes
        .iter()
        .flat_map(move |from| nodes.iter().map(move |to| (*from, *to)));
    pairs.filter(|(from, to)| from != to)
}
